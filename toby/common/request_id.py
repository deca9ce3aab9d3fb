"""The id that nginx gives a request, carried through services, outbox and Kafka into every log."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

_current: ContextVar[str] = ContextVar("request_id", default="")
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{8,64}")


def current_request_id() -> str:
    return _current.get()


def accept_or_make(presented: str) -> str:
    """What came from outside goes into logs and headers, so only plain ids are taken."""
    return presented if _WELL_FORMED.fullmatch(presented) else uuid4().hex


@contextmanager
def request_id(value: str) -> Iterator[None]:
    token = _current.set(value)
    try:
        yield
    finally:
        _current.reset(token)
