"""Who somebody is to others: shown beside all they write, cached, and never stale."""

from django.contrib.auth import get_user_model

from toby.common.fresh_cache import cached
from toby.events.envelope import Person


def person_of(user_id: int) -> Person:
    """Raises DoesNotExist. Whoever changes a user calls `will_change([person_key(id)])`."""
    return cached(person_key(user_id), Person, lambda: load(user_id))


def load(user_id: int) -> Person:
    return get_user_model()._default_manager.get(pk=user_id).person()


def person_key(user_id: int) -> str:
    return f"person:{user_id}"
