"""Things done at the same time, each with a database session of its own."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

from django.db import connection, connections

from toby.common.sql import is_database_trouble

T = TypeVar("T")
DEADLINE_S = 30.0


def together(calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Makes all calls at the same moment and returns what each returned or raised, in order."""
    barrier = Barrier(len(calls))

    def call(one: Callable[[], T]) -> T | Exception:
        try:
            barrier.wait(DEADLINE_S)
            return one()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls, timeout=DEADLINE_S))


def until_it_is_let(call: Callable[[], T]) -> T:
    """Makes `call` as a worker does: what the database refuses, a deadlock say, is tried again."""
    for _ in range(5):
        try:
            return call()
        except Exception as error:
            if not is_database_trouble(error):
                raise
            connection.close()
    return call()


@contextmanager
def another_thread() -> Iterator[ThreadPoolExecutor]:
    """One thread, which keeps its database session until the end."""
    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool
        finally:
            pool.submit(connections.close_all).result(DEADLINE_S)
