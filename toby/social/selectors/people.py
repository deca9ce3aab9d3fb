"""People, and who follows whom."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from toby.common.errors import NotFound
from toby.common.principals import Principal
from toby.social.models import Follow, Profile


def user_id_named(username: str) -> int:
    """0 where nobody is called that. Looked up by itself: see `paginate`."""
    named = get_user_model()._default_manager.filter(username_key=username.casefold())
    return named.values_list("id", flat=True).first() or 0


def profile(username: str) -> Profile:
    """Raises NotFound. A user without a row has a profile of zeros."""
    user = people_named(username).select_related("profile").first()
    if user is None:
        raise NotFound
    found: Profile = getattr(user, "profile", None) or Profile(user=user)
    return found


def people_named(username: str) -> QuerySet[Any]:
    """The one whose account is in use, or nobody."""
    users = get_user_model().objects
    return users.filter(username_key=username.casefold(), is_active=True)


def principal_named(username: str) -> Principal | None:
    """For commands, which act in somebody's name."""
    user = people_named(username).first()
    return user.principal() if user else None


def follows(principal: Principal | None, user_id: int) -> bool:
    return (
        principal is not None
        and Follow.objects.filter(follower_id=principal.user_id, followee_id=user_id).exists()
    )
