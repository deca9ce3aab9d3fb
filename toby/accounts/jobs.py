"""What is done to accounts and sessions every so often."""

from datetime import timedelta

from django.utils import timezone

from toby.accounts import services
from toby.accounts.models import EmailUndo, HeldUsername, PasswordReset, Registration, Session

KEPT_AFTER_END = timedelta(days=30)


def purge_sessions() -> int:
    """Deletes sessions that ended or expired longer than KEPT_AFTER_END ago."""
    return Session.objects.filter(expires_at__lt=timezone.now() - KEPT_AFTER_END).delete()[0]


def purge_expired() -> int:
    """Deletes registrations, reset links and held usernames whose time is over."""
    now = timezone.now()
    return sum(
        model.objects.filter(expires_at__lt=now).delete()[0]
        for model in (Registration, PasswordReset, EmailUndo, HeldUsername)
    )


def delete_accounts() -> int:
    """Deletes the accounts whose owners asked for it, and have not undone it in time."""
    due = [deletion.user_id for deletion in services.due_deletions()]
    return sum(services.delete_account(user_id=user_id) for user_id in due)
