"""Hashes are made one at a time, and few may wait for one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flow.support import eventually
from toby.accounts.passwords import QUEUE, Busy, in_turn


def test_one_hash_is_made_at_a_time_and_who_would_wait_too_long_is_told_so() -> None:
    release, running = threading.Event(), []

    def work() -> int:
        running.append(threading.get_ident())
        release.wait(10)
        return len(running)

    with ThreadPoolExecutor(QUEUE) as callers:
        waiting = [callers.submit(in_turn, work) for _ in range(QUEUE)]
        try:
            eventually(lambda: len(running) == 1)
            eventually(lambda: is_full())
            assert len(running) == 1
        finally:
            release.set()
        assert sorted(one.result(10) for one in waiting) == [1, 2, 3, 4]
    assert len(set(running)) == 1
    assert in_turn(lambda: 7) == 7


def is_full() -> bool:
    try:
        in_turn(lambda: None)
    except Busy:
        return True
    return False


def test_a_hash_that_fails_leaves_its_place() -> None:
    def fail() -> None:
        raise LookupError

    for _ in range(QUEUE + 1):
        with pytest.raises(LookupError):
            in_turn(fail)
