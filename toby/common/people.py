"""Who somebody is to others, and who is apart: cached, and never stale."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from toby.common.fresh_cache import cached
from toby.events.envelope import Person


def person_of(user_id: int) -> Person:
    """Raises DoesNotExist. Whoever changes a user calls `will_change([person_key(id)])`."""
    return cached(person_key(user_id), Person, lambda: load(user_id))


def load(user_id: int) -> Person:
    return get_user_model()._default_manager.get(pk=user_id).person()


def person_key(user_id: int) -> str:
    return f"person:{user_id}"


def are_apart(user_id: int, other_id: int) -> bool:
    """Whether one of the two blocks the other: neither sees anything of the other then. Whoever
    changes that calls `will_change([apart_key(...)])`."""
    load = import_string(settings.ARE_APART)
    return cached(apart_key(user_id, other_id), bool, lambda: load(user_id, other_id))


def apart_key(user_id: int, other_id: int) -> str:
    """The same for both."""
    lower, higher = sorted((user_id, other_id))
    return f"apart:{lower}:{higher}"
