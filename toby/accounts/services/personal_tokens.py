"""Personal access tokens: for scripts, with a name, scopes and an end; shown once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from toby.accounts.models import PersonalAccessToken, User
from toby.accounts.services.sessions import lock_user
from toby.common import session_store, tokens
from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.events import SessionEnded
from toby.outbox.emit import emit

MOST = 50


class TooManyTokens(Refused):
    """You have as many tokens as can be had: revoke one first."""

    status, code = 409, "too_many_tokens"


class InvalidPersonalToken(Refused):
    """This personal access token is not valid, or no longer."""

    status, code = 401, "invalid_personal_token"


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    row: PersonalAccessToken
    token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Traded:
    """An access token of a personal one; `expires_in_s` is its own."""

    access: str = field(repr=False)
    expires_in_s: int


def issue_token(*, user_id: int, name: str, scopes: Sequence[str], days: int) -> Issued:
    """A token that is good for `days`. Raises TooManyTokens."""
    token, now = tokens.mint(tokens.PERSONAL), timezone.now()
    with transaction.atomic():
        user = lock_user(user_id)
        if user.personal_tokens.filter(revoked_at=None, expires_at__gt=now).count() >= MOST:
            raise TooManyTokens
        row = PersonalAccessToken.objects.create(
            id=uuid4(),
            user=user,
            name=name,
            token_hash=tokens.digest(token),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
    return Issued(row=row, token=token)


def revoke_token(*, token_id: UUID, by: Principal) -> None:
    """Ends it and what it was traded for. Raises NotFound for others' as well."""
    with transaction.atomic():
        lock_user(by.user_id)
        row = (
            PersonalAccessToken.objects.select_for_update()
            .filter(id=token_id, user_id=by.user_id)
            .first()
        )
        if row is None:
            raise NotFound
        if row.revoked_at is None:
            row.revoked_at = timezone.now()
            row.save(update_fields=["revoked_at"])
        end_trades([row], reason="token_revoked")


def trade_token(*, token: str) -> Traded:
    """An access token with the personal one's scopes. Raises InvalidPersonalToken."""
    if not tokens.is_well_formed(tokens.PERSONAL, token):
        raise InvalidPersonalToken
    found = PersonalAccessToken.objects.filter(token_hash=tokens.digest(token)).first()
    if found is None:
        raise InvalidPersonalToken
    with transaction.atomic():
        user = lock_user(found.user_id)
        row = PersonalAccessToken.objects.select_for_update().get(id=found.id)
        now = timezone.now()
        if not (user.is_active and row.is_good(now)):
            raise InvalidPersonalToken
        row.last_used_at = now
        row.save(update_fields=["last_used_at"])
        left_s = int((row.expires_at - now).total_seconds()) + 1
        ttl_s = min(int(settings.ACCESS_TOKEN_TTL.total_seconds()), left_s)
        access = tokens.mint(tokens.ACCESS)
        principal = user.principal(
            session_id=str(row.id),
            expires_at=int(now.timestamp()) + ttl_s,
            scopes=tuple(row.scopes),
        )
        session_store.open_session(principal, access, ttl_s=ttl_s, session_ttl_s=left_s)
    return Traded(access=access, expires_in_s=ttl_s)


def end_trades(rows: Iterable[PersonalAccessToken], *, reason: str) -> None:
    """Ends what tokens were traded for, sockets too. The caller holds the user's row."""
    ending = list(rows)
    for row in ending:
        emit(SessionEnded(user_id=row.user_id, session_id=str(row.id), reason=reason))
    session_store.end_sessions([str(row.id) for row in ending])


def good_tokens_of(user: User) -> list[PersonalAccessToken]:
    return list(user.personal_tokens.filter(revoked_at=None, expires_at__gt=timezone.now()))
