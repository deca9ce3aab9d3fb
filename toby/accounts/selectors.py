"""What can be read of accounts."""

from collections.abc import Iterable

from django.utils import timezone

from toby.accounts.models import PersonalAccessToken, Session, User, username_key
from toby.common.errors import NotFound


def user(user_id: int) -> User:
    """Raises NotFound."""
    found = User.objects.filter(id=user_id).first()
    if found is None:
        raise NotFound
    return found


def user_named(username: str) -> User:
    """Somebody whose account is in use. Raises NotFound."""
    found = User.objects.filter(username_key=username_key(username), is_active=True).first()
    if found is None:
        raise NotFound
    return found


def personal_tokens(user_id: int) -> Iterable[PersonalAccessToken]:
    """Those that are still good, the newest first."""
    rows = PersonalAccessToken.objects.filter(user_id=user_id, revoked_at=None)
    return rows.filter(expires_at__gt=timezone.now()).order_by("-created_at")


def open_sessions(user_id: int) -> Iterable[Session]:
    """The newest 100."""
    rows = Session.objects.filter(user_id=user_id, ended_at=None, expires_at__gt=timezone.now())
    return rows.order_by("-created_at")[:100]
