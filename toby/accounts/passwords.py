"""Hashing and checking passwords: Argon2, one at a time a process, behind everything else.

A hash takes 0.15 s of a core, so that whoever may ask for many stops all else. Here one thread of
low priority makes them, and only QUEUE requests wait for it: the others are told to come back,
rather than taking every thread that could refresh a token or log somebody out.
"""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from toby.common.errors import InvalidInput, Refused

if TYPE_CHECKING:
    from toby.accounts.models import User

T = TypeVar("T")
QUEUE = 4
_places = threading.BoundedSemaphore(QUEUE)


class Busy(Refused):
    """Too many passwords are being checked just now; try again in a moment."""

    status, code = 503, "busy"
    headers = {"Retry-After": "1"}


def hash_password(password: str) -> str:
    """Raises Busy."""
    return in_turn(lambda: make_password(password))


def is_password_of(user: "User | None", password: str) -> bool:
    """Does the same work whether or not there is such a user. Raises Busy."""
    if user is None:
        in_turn(lambda: make_password(password))
        return False
    hashed = user.password
    return in_turn(lambda: check_password(password, hashed))


def in_turn(work: Callable[[], T]) -> T:
    if not _places.acquire(blocking=False):
        raise Busy
    try:
        return hasher().submit(work).result()
    finally:
        _places.release()


@cache
def hasher() -> ThreadPoolExecutor:
    # Made at the first use: threads do not survive gunicorn's fork.
    return ThreadPoolExecutor(1, thread_name_prefix="hasher", initializer=give_way)


def give_way() -> None:
    """On Linux a thread is scheduled by itself, and argon2 holds no lock of Python's: this one runs
    when nobody else wants the core. A low priority alone would not do: whoever wakes up while it
    runs would wait for its turn to end."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))


def refuse_weak_password(password: str, user: "User") -> None:
    """Raises InvalidInput with all that Django's validators say."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(
            *(
                ("password", problem.code or "invalid", " ".join(problem.messages))
                for problem in error.error_list
            )
        ) from error
