"""Things done at the same time, each with a database session of its own."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from random import randrange
from threading import Barrier, BrokenBarrierError
from typing import TypeVar

from django.db import connection, connections

from toby.common.sql import is_database_trouble

T = TypeVar("T")
R = TypeVar("R")
DEADLINE_S = 30.0
# CI has both servers: each plays most of what takes long. SQLite lets one write at a time: there is
# less to be seen.
IS_MYSQL = os.environ.get("TOBY_TEST_ON") == "mysql"
RACES = 1000 if IS_MYSQL else 250 if connection.vendor == "mysql" else 100
# Before them so many rounds of which the order is known.
ORDERED = 20
ROUNDS = ORDERED + RACES
SCHEDULES = 250 if IS_MYSQL else 1000
MOST_STATEMENTS = 16


def together(
    calls: Sequence[Callable[[], T]], *, within_s: float = DEADLINE_S
) -> list[T | Exception]:
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
        return list(pool.map(call, calls, timeout=within_s))


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


def race(rounds: Sequence[R], *sides: Callable[[R], Callable[[], None]]) -> None:
    """In each round makes what every side gives for it at the same moment, as workers would. A side
    keeps its thread and its database session until the end. Raises what one of them raised.

    Which of them comes first to what they race for is left to chance: left to the number of their
    statements, one of them always would. So that chance cannot leave an order out, in the ORDERED
    first rounds each side in turn begins when the others have ended.
    """
    meet = Barrier(len(sides))

    def take(place: int, side: Callable[[R], Callable[[], None]]) -> None:
        try:
            for number, one in enumerate(rounds):
                call = side(one)
                last = number % len(sides) if number < ORDERED else len(sides)
                meet.wait(DEADLINE_S)
                if place == last:
                    meet.wait(DEADLINE_S)
                dawdle()
                until_it_is_let(call)
                if place != last < len(sides):
                    meet.wait(DEADLINE_S)
        except BaseException:
            meet.abort()
            raise

    ended = together(
        [partial(take, place, side) for place, side in enumerate(sides)],
        within_s=DEADLINE_S + len(rounds),
    )
    failed = [error for error in ended if error is not None]
    for error in sorted(failed, key=lambda error: isinstance(error, BrokenBarrierError)):
        raise error


def dawdle() -> None:
    """For as long as the database takes for some statements, or none."""
    with connection.cursor() as cursor:
        for _ in range(randrange(MOST_STATEMENTS)):
            cursor.execute("SELECT 1")


@contextmanager
def another_thread() -> Iterator[ThreadPoolExecutor]:
    """One thread, which keeps its database session until the end."""
    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool
        finally:
            pool.submit(connections.close_all).result(DEADLINE_S)


def rows_read() -> int:
    """By this session so far; SQLite does not tell."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(value) for _, value in cursor.fetchall())
