"""A cache that is never stale after a change, whoever reads meanwhile."""

from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from django.db import connection, transaction
from pytest_django import Settings
from redis.exceptions import RedisError

from tests.common.support import DEADLINE_S, another_thread
from toby.common import fresh_cache
from toby.common.fresh_cache import cached, will_change, writers_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def key() -> str:
    return f"test:{uuid4().hex}"


def test_what_was_loaded_once_is_not_loaded_again(key: str) -> None:
    loads: list[int] = []

    def load() -> int:
        loads.append(1)
        return 7

    assert [cached(key, int, load) for _ in range(3)] == [7, 7, 7]
    assert len(loads) == 1


def test_what_another_version_stored_in_another_shape_is_loaded_anew(key: str) -> None:
    assert cached(key, str, lambda: "seven") == "seven"
    for _ in range(2):
        assert cached(key, int, lambda: 7) == 7
    assert cached(key, int, lambda: 8) == 7


def test_what_is_not_there_is_asked_for_each_time(key: str) -> None:
    def fail() -> int:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            cached(key, int, fail)


def test_after_a_change_the_old_is_gone_and_the_new_is_stored(key: str) -> None:
    cached(key, int, lambda: 1)
    with transaction.atomic():
        will_change([key])
    assert cached(key, int, lambda: 2) == 2
    assert cached(key, int, lambda: 3) == 2


def test_what_was_read_before_a_change_is_not_stored_after_it(key: str) -> None:
    """The reader is slow: between its reading and its storing somebody changes the row."""

    def slow() -> int:
        with transaction.atomic():
            will_change([key])
        return 1

    assert cached(key, int, slow) == 1
    assert cached(key, int, lambda: 2) == 2


def test_what_is_read_while_a_change_is_not_committed_is_not_stored(key: str) -> None:
    with transaction.atomic():
        will_change([key])
        assert cached(key, int, lambda: 1) == 1
    assert cached(key, int, lambda: 2) == 2


def test_one_that_has_changed_something_frees_nothing_for_another_who_still_does(key: str) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    cached(key, int, lambda: 1)
    with another_thread() as other, ExitStack() as open_there:
        other.submit(open_there.enter_context, transaction.atomic()).result(DEADLINE_S)
        other.submit(will_change, [key]).result(DEADLINE_S)
        with transaction.atomic():
            will_change([key])
        assert [cached(key, int, lambda: 2), cached(key, int, lambda: 3)] == [2, 3]
        other.submit(open_there.close).result(DEADLINE_S)
    assert [cached(key, int, lambda: 4), cached(key, int, lambda: 5)] == [4, 4]


def test_a_change_that_dies_before_its_end_leaves_the_key_blocked_for_a_while(key: str) -> None:
    cached(key, int, lambda: 1)
    with pytest.raises(RuntimeError), transaction.atomic():
        will_change([key])
        raise RuntimeError
    assert cached(key, int, lambda: 2) == 2
    assert cached(key, int, lambda: 3) == 3
    assert 0 < fresh_cache.connection().ttl(writers_of(key)) <= fresh_cache.BLOCKED_FOR_S


@pytest.fixture
def cache_down(redis: None, settings: Settings) -> Iterator[None]:
    from django.core.cache import caches

    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/6"}
    }
    fresh_cache.connection.cache_clear()
    yield
    caches.close_all()
    fresh_cache.connection.cache_clear()


@pytest.mark.usefixtures("cache_down")
def test_without_the_cache_all_is_loaded_and_nothing_changes(key: str) -> None:
    assert cached(key, int, lambda: 1) == 1
    assert cached(key, int, lambda: 2) == 2
    with pytest.raises(RedisError), transaction.atomic():
        will_change([key])
