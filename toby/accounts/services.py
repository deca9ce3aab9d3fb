"""What can happen to accounts and sessions.

Whatever mints, refreshes or revokes locks the user's row, then the session's, and writes Redis
before the commit: if Redis fails, nothing has happened (503), and no refresh in flight revives
what a logout has just ended.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from toby.accounts import passwords
from toby.accounts.models import ROLE_GROUPS, Session, User, email_key, username_key
from toby.accounts.refresh_tokens import RefreshToken
from toby.common import session_store, tokens
from toby.common.errors import Refused
from toby.common.principals import Principal
from toby.events import SessionEnded, UserRegistered
from toby.outbox.emit import emit

# A client whose answer was lost may show its refresh token again for this long.
REFRESH_GRACE = timedelta(seconds=10)


class EmailTaken(Refused):
    """There is an account with this e-mail address already."""

    status, code = 409, "email_taken"


class UsernameTaken(Refused):
    """There is an account with this username already."""

    status, code = 409, "username_taken"


class InvalidCredentials(Refused):
    """No account has this e-mail address and password."""

    status, code = 401, "invalid_credentials"


class InvalidRefreshToken(Refused):
    """This refresh token is not valid, or no longer: log in again."""

    status, code = 401, "invalid_refresh_token"


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """Where a login came from, as its owner is shown it."""

    name: str = ""
    address: str | None = None
    user_agent: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """What a client gets; `expires_in_s` is the access token's."""

    user: User
    session_id: UUID
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in_s: int


def register(*, email: str, username: str, password: str, display_name: str = "") -> User:
    """Creates an account and queues a welcome mail.

    Raises InvalidInput for a weak password, EmailTaken and UsernameTaken.
    """
    user = User(
        email=email.strip(),
        email_key=email_key(email),
        username=username,
        username_key=username_key(username),
        display_name=display_name,
        created_at=timezone.now(),
    )
    passwords.refuse_weak_password(password, user)
    user.password = passwords.hash_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            emit(UserRegistered(user_id=user.pk, user=user.person(), version=user.version))
            send_mail(
                "Welcome to Toby",
                f"Hello {user.person().display_name},\n\n"
                f"your account {user.username} is ready: {settings.PUBLIC_ORIGIN}\n",
                None,
                [user.email],
            )
    except IntegrityError as error:
        if User.objects.filter(email_key=user.email_key).exists():
            raise EmailTaken from error
        if User.objects.filter(username_key=user.username_key).exists():
            raise UsernameTaken from error
        raise
    return user


def log_in(*, email: str, password: str, device: Device) -> Tokens:
    """Opens a session. Raises InvalidCredentials, whichever of the two was wrong."""
    user = User.objects.filter(email_key=email_key(email), is_active=True).first()
    if not passwords.is_password_of(user, password) or user is None:
        raise InvalidCredentials
    with transaction.atomic():
        user = User.objects.select_for_update().get(id=user.id)
        if not user.is_active:
            raise InvalidCredentials
        now = timezone.now()
        session = Session(user=user, created_at=now, rotated_at=now)
        session.device_name = device.name[:100]
        session.address, session.user_agent = device.address, device.user_agent[:300]
        session.expires_at = now + settings.REFRESH_TOKEN_TTL
        token = RefreshToken.first(session.id)
        session.refresh_hash = token.digest()
        session.save(force_insert=True)
        return mint(user, session, token)


def refresh(*, refresh_token: str) -> Tokens:
    """Trades a refresh token for its successor and a new access token.

    A token that was traded before is answered alike within REFRESH_GRACE; after that it is reuse,
    and ends the session. Raises InvalidRefreshToken.
    """
    try:
        shown = RefreshToken.parse(refresh_token)
    except tokens.MalformedToken as error:
        raise InvalidRefreshToken from error
    found = Session.objects.filter(id=shown.session_id).only("user_id").first()
    if found is None:
        raise InvalidRefreshToken
    with transaction.atomic():
        user = User.objects.select_for_update().get(id=found.user_id)
        session = Session.objects.select_for_update().get(id=found.id)
        now = timezone.now()
        if not (user.is_active and session.is_open(now)):
            raise InvalidRefreshToken
        if not shown.leads_to(generation=session.generation, digest=session.refresh_hash):
            raise InvalidRefreshToken
        successor = shown.successor()
        if shown.generation == session.generation:
            session.refresh_hash, session.generation = successor.digest(), successor.generation
            session.rotated_at = now
            session.expires_at = now + settings.REFRESH_TOKEN_TTL
            session.save(update_fields=["refresh_hash", "generation", "rotated_at", "expires_at"])
            return mint(user, session, successor)
        was_last = successor.generation == session.generation
        if was_last and now - session.rotated_at <= REFRESH_GRACE:
            return mint(user, session, successor)
        end_session(session, reason="refresh_token_reused")
    # Raised after the commit, which ends the session for good.
    raise InvalidRefreshToken


def log_out(*, by: Principal) -> None:
    """Ends the session that the caller's token is of."""
    with transaction.atomic():
        User.objects.select_for_update().get(id=by.user_id)
        session = Session.objects.select_for_update().get(id=by.session_id)
        if session.ended_at is None:
            end_session(session, reason="logout")


def set_role(*, user: User, role: str) -> None:
    """Makes `role` ("user", "moderator" or "admin") the only one; takes effect at the next request.

    Tokens that are out carry the old roles and are ended; refreshing gives new ones.
    """
    groups = [name for name, known in ROLE_GROUPS.items() if known == role]
    with transaction.atomic():
        user = User.objects.select_for_update().get(id=user.id)
        user.groups.set([Group.objects.get_or_create(name=name)[0] for name in groups])
        open_sessions = user.sessions.filter(ended_at=None).values_list("id", flat=True)
        session_store.end_tokens([str(session_id) for session_id in open_sessions])


def reset_password(*, user: User, password: str) -> None:
    """Sets a password and ends the user's sessions. For operators: it asks for no old one."""
    hashed = passwords.hash_password(password)
    with transaction.atomic():
        user = User.objects.select_for_update().get(id=user.id)
        user.password = hashed
        user.save(update_fields=["password"])
        for session in user.sessions.select_for_update().filter(ended_at=None).order_by("id"):
            end_session(session, reason="password_changed")


def mint(user: User, session: Session, refresh_token: RefreshToken) -> Tokens:
    """A new access token of `session`. The caller holds the user's and the session's rows."""
    ttl_s = int(settings.ACCESS_TOKEN_TTL.total_seconds())
    access = tokens.mint(tokens.ACCESS)
    session_store.open_session(
        user.principal(
            session_id=str(session.id), expires_at=int(timezone.now().timestamp()) + ttl_s
        ),
        access,
        ttl_s=ttl_s,
        session_ttl_s=int(settings.REFRESH_TOKEN_TTL.total_seconds()),
    )
    return Tokens(
        user=user,
        session_id=session.id,
        access=access,
        refresh=refresh_token.text(),
        expires_in_s=ttl_s,
    )


def end_session(session: Session, *, reason: str) -> None:
    """Ends a session and its tokens. The caller holds the user's and the session's rows."""
    session.ended_at, session.end_reason = timezone.now(), reason
    session.save(update_fields=["ended_at", "end_reason"])
    emit(SessionEnded(user_id=session.user_id, session_id=str(session.id), reason=reason))
    session_store.end_sessions([str(session.id)])
