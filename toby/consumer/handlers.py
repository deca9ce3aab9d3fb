"""`@handles(PostApproved)`: what follows from an event, and the work that a batch gathers.

A handler decides and adds to the batch's `Work`; the work is written by `flush` in one
transaction with the ledger, and `committed` runs after it.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, TypeVar

from django.conf import settings

from toby.events import Envelope, Event

E = TypeVar("E", bound=Event)


class Work(Protocol):
    """What the events of one batch come to. A new one is made for each transaction."""

    def begin(self, envelope: Envelope) -> None:
        """The handlers called from now on act for this event."""

    def flush(self) -> None:
        """Writes what was gathered; called once, in the transaction."""

    def committed(self) -> None:
        """Called after the commit: what it does may be lost."""


Handler = Callable[[Any, Any], None]


class Handlers:
    """The handlers of one consumer, which share a kind of work."""

    def __init__(self, work: type[Work]) -> None:
        self.work = work
        self._by_event: dict[type[Event], list[Handler]] = {}

    def handles(
        self, event: type[E]
    ) -> Callable[[Callable[[E, Any], None]], Callable[[E, Any], None]]:
        def register(handler: Callable[[E, Any], None]) -> Callable[[E, Any], None]:
            self._by_event.setdefault(event, []).append(handler)
            return handler

        return register

    def topics(self) -> list[str]:
        return sorted({event.topic for event in self._by_event})

    def handle(self, envelope: Envelope, work: Work) -> None:
        work.begin(envelope)
        for handler in self._by_event.get(type(envelope.data), []):
            handler(envelope.data, work)


def of_this_service() -> Handlers:
    """What CONSUMER_HANDLERS names: a module with a `handlers` object."""
    found = import_module(settings.CONSUMER_HANDLERS).handlers
    assert isinstance(found, Handlers)
    return found
