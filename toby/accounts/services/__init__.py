"""What can happen to accounts and sessions; nothing else writes their rows.

Whatever mints, refreshes or revokes locks the user's row, then the session's, and writes Redis
before the commit: if Redis fails, nothing has happened (503), and no refresh in flight revives
what a logout has just ended.
"""

from toby.accounts.codes import WrongCode
from toby.accounts.services.addresses import (
    announce_address,
    ask_for_new_email,
    confirm_new_email,
    undo_new_email,
)
from toby.accounts.services.deletion import (
    ask_for_deletion,
    delete_account,
    due_deletions,
    undo_deletion,
)
from toby.accounts.services.passwords import (
    WrongLink,
    WrongPassword,
    change_password,
    forgot_password,
    replace_password,
    reset_password,
)
from toby.accounts.services.people import (
    AccountDeleted,
    announce_role,
    change_profile,
    deactivate,
    reactivate,
    set_role,
)
from toby.accounts.services.personal_tokens import (
    Issued,
    issue_token,
    revoke_token,
    trade_token,
)
from toby.accounts.services.registration import (
    EmailTaken,
    Pending,
    UsernameTaken,
    confirm,
    create_user,
    register,
    resend_code,
)
from toby.accounts.services.sessions import (
    Device,
    InvalidCredentials,
    InvalidRefreshToken,
    Tokens,
    check_credentials,
    end_all_sessions,
    end_one_session,
    log_in,
    log_out,
    open_admin_session,
    refresh,
    revoke_sessions,
)

__all__ = [
    "AccountDeleted",
    "Device",
    "EmailTaken",
    "InvalidCredentials",
    "InvalidRefreshToken",
    "Issued",
    "Pending",
    "Tokens",
    "UsernameTaken",
    "WrongCode",
    "WrongLink",
    "WrongPassword",
    "announce_address",
    "announce_role",
    "ask_for_deletion",
    "ask_for_new_email",
    "change_password",
    "change_profile",
    "check_credentials",
    "confirm",
    "confirm_new_email",
    "create_user",
    "deactivate",
    "delete_account",
    "due_deletions",
    "end_all_sessions",
    "end_one_session",
    "forgot_password",
    "issue_token",
    "log_in",
    "log_out",
    "open_admin_session",
    "reactivate",
    "refresh",
    "register",
    "replace_password",
    "resend_code",
    "reset_password",
    "revoke_sessions",
    "revoke_token",
    "set_role",
    "trade_token",
    "undo_deletion",
    "undo_new_email",
]
