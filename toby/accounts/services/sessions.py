"""Logging in and out, and what a session's tokens are."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from toby.accounts import limits, passwords
from toby.accounts.models import Session, User, email_key
from toby.accounts.refresh_tokens import RefreshToken
from toby.common import session_store, tokens
from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.events import SessionEnded
from toby.outbox.emit import emit

# A client whose answer was lost may show its refresh token again for this long.
REFRESH_GRACE = timedelta(seconds=10)


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


def check_credentials(*, email: str, password: str, address: str | None) -> User:
    """The user of this e-mail address and password, with all throttles that a login has.

    Raises InvalidCredentials, whichever of the two was wrong, and TooManyAttempts.
    """
    limits.count_login(email, address)
    user = User.objects.filter(email_key=email_key(email), is_active=True).first()
    if not passwords.is_password_of(user, password) or user is None:
        raise InvalidCredentials
    limits.remember_login(email, address)
    return user


def log_in(*, email: str, password: str, device: Device) -> Tokens:
    """Opens a session. Raises as check_credentials."""
    found = check_credentials(email=email, password=password, address=device.address)
    with transaction.atomic():
        user = lock_user(found.pk)
        # What was checked without the lock must still be so.
        if not user.is_active or user.password != found.password:
            raise InvalidCredentials
        return open_session(user, device)


def open_session(user: User, device: Device) -> Tokens:
    """A new session of `user`, whose row the caller holds."""
    now = timezone.now()
    session = Session(user=user, created_at=now, rotated_at=now)
    session.device_name, session.address = device.name[:100], device.address
    session.user_agent = device.user_agent[:300]
    session.expires_at = now + settings.REFRESH_TOKEN_TTL
    token = RefreshToken.first(session.id)
    session.refresh_hash = token.digest()
    session.save(force_insert=True)
    return mint(user, session, token)


def open_admin_session(user: User, device: Device) -> UUID:
    """A session for somebody who was let into Django admin; nobody gets its tokens."""
    with transaction.atomic():
        return open_session(lock_user(user.pk), device).session_id


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
        user = lock_user(found.user_id)
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
        end([session], reason="refresh_token_reused")
    # Raised after the commit, which ends the session for good.
    raise InvalidRefreshToken


def log_out(*, by: Principal) -> None:
    """Ends the session that the caller's token is of."""
    end_one_session(session_id=UUID(by.session_id), by=by, reason="logout")


def end_one_session(*, session_id: UUID, by: Principal, reason: str = "revoked") -> None:
    """Ends one of the caller's sessions; one that has ended already stays so. Raises NotFound."""
    with transaction.atomic():
        lock_user(by.user_id)
        session = (
            Session.objects.select_for_update().filter(id=session_id, user_id=by.user_id).first()
        )
        if session is None:
            raise NotFound
        end([session], reason=reason)


def end_all_sessions(*, by: Principal, but_this: bool) -> int:
    """Ends all of the caller's sessions, or all but the one in use; returns how many."""
    with transaction.atomic():
        user = lock_user(by.user_id)
        spared = UUID(by.session_id) if but_this else None
        return end_sessions_of(user, reason="logout_all", but=spared)


def revoke_sessions(*, user: User) -> int:
    """Ends all sessions of somebody: for operators. Returns how many."""
    with transaction.atomic():
        return end_sessions_of(lock_user(user.pk), reason="revoked")


def end_sessions_of(user: User, *, reason: str, but: UUID | None = None) -> int:
    """Ends the sessions of `user`, whose row the caller holds; returns how many."""
    sessions = user.sessions.select_for_update().filter(ended_at=None).order_by("id")
    ended = [session for session in sessions if session.id != but]
    end(ended, reason=reason)
    return len(ended)


def end(sessions: Iterable[Session], *, reason: str) -> None:
    """Ends sessions and their tokens. The caller holds the user's and the sessions' rows."""
    ending = [session for session in sessions if session.ended_at is None]
    for session in ending:
        session.ended_at, session.end_reason = timezone.now(), reason
        session.save(update_fields=["ended_at", "end_reason"])
        emit(SessionEnded(user_id=session.user_id, session_id=str(session.id), reason=reason))
    session_store.end_sessions([str(session.id) for session in ending])


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


def lock_user(user_id: int) -> User:
    return User.objects.select_for_update().get(id=user_id)
