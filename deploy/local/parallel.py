"""Doing several things at the same time, in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

POLL_S = 0.02


def in_parallel(work: Sequence[Callable[[], object]]) -> None:
    """Do all of it; at the first failure raise it without waiting for the others."""
    failures: list[BaseException] = []

    def do(one: Callable[[], object]) -> None:
        try:
            one()
        except BaseException as problem:
            failures.append(problem)

    threads = [threading.Thread(target=do, args=[one], daemon=True) for one in work]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not failures:
        time.sleep(POLL_S)
    if failures:
        raise failures[0]
