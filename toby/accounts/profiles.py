"""Public profiles: read often, cached, and never stale."""

from toby.accounts.models import User, username_key
from toby.accounts.selectors import user_named
from toby.accounts.serializers import UserOut
from toby.common.fresh_cache import cached, will_change
from toby.common.people import person_key


def public_profile(username: str) -> UserOut:
    """What anyone may know of somebody. Raises NotFound."""
    return cached(
        cache_key(username_key(username)), UserOut, lambda: UserOut.of(user_named(username))
    )


def profile_will_change(user: User) -> None:
    """The caller holds the user's row, and is about to change what others see of them."""
    will_change([cache_key(user.username_key), person_key(user.pk)])


def cache_key(key: str) -> str:
    return f"profile:{key}"
