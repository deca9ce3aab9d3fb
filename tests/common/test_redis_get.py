"""The fast way to ask Redis: right after a lost connection, and for many threads at once."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.common.support import together
from toby.common import session_store
from toby.common.redis_get import Getter

pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture
def store(redis: None) -> Any:
    return session_store.connection()


@pytest.fixture
def getter(store: Any) -> Getter:
    return Getter(store.connection_pool)


def test_what_is_there_is_given_as_it_is_and_what_is_not_as_none(
    store: Any, getter: Getter
) -> None:
    for value in (b"", b"text", b"\x00\xff\r\n$5\r\n", b"x" * 1_000_000):
        store.set("key", value)
        assert getter.get(b"key") == value
    assert getter.get(b"other") is None


def test_a_connection_that_died_while_idle_is_no_outage(store: Any, getter: Getter) -> None:
    store.set("key", b"1")
    assert getter.get(b"key") == b"1"
    store.client_kill_filter(_type="normal", skipme=True)
    assert getter.get(b"key") == b"1"


def test_an_error_is_raised_and_does_not_spoil_what_comes_next(store: Any, getter: Getter) -> None:
    store.rpush("list", 1)
    store.set("key", b"1")
    with pytest.raises(redis.ResponseError):
        getter.get(b"list")
    assert getter.get(b"key") == b"1"


def test_threads_get_each_their_own_answer(store: Any, getter: Getter) -> None:
    store.mset({f"key{number}": number for number in range(8)})

    def ask(number: int) -> Callable[[], set[bytes | None]]:
        return lambda: {getter.get(b"key%d" % number) for _ in range(200)}

    assert together([ask(number) for number in range(8)]) == [{b"%d" % n} for n in range(8)]
