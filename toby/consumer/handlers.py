"""`@handles(PostApproved)`: what follows from an event, and the work that a batch gathers.

A handler decides and adds to the batch's `Work`; the work is written by `flush` in one
transaction with the ledger, and `committed` runs after it. What is too much for one transaction
is cut into chunks (`toby.consumer.fanout`) by what is registered with `@fans_out`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from django.conf import settings
from django.utils.module_loading import import_string

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
Cut = Callable[[Any, Envelope], Iterable[Event]]


class Handlers:
    """The handlers of one consumer, which share a kind of work. `at_once` is how many messages are
    one transaction at most."""

    def __init__(self, work: type[Work], *, at_once: int = 500) -> None:
        self.work, self.at_once = work, at_once
        self._by_event: dict[type[Event], list[Handler]] = {}
        self._cuts: dict[type[Event], Cut] = {}

    def handles(
        self, event: type[E]
    ) -> Callable[[Callable[[E, Any], None]], Callable[[E, Any], None]]:
        def register(handler: Callable[[E, Any], None]) -> Callable[[E, Any], None]:
            self._by_event.setdefault(event, []).append(handler)
            return handler

        return register

    def fans_out(
        self, event: type[E]
    ) -> Callable[
        [Callable[[E, Envelope], Iterable[Event]]], Callable[[E, Envelope], Iterable[Event]]
    ]:
        """For what returns the chunks of an event, given with its envelope. It is asked each time
        that the event comes, also where the ledger knows it: Kafka may have lost the chunks."""

        def register(
            cut: Callable[[E, Envelope], Iterable[Event]],
        ) -> Callable[[E, Envelope], Iterable[Event]]:
            self._cuts[event] = cut
            return cut

        return register

    def events(self) -> set[type[Event]]:
        """Those of which something follows."""
        return {*self._by_event, *self._cuts}

    def topics(self) -> list[str]:
        return sorted({event.topic for event in self.events()})

    def handle(self, envelope: Envelope, work: Work) -> None:
        work.begin(envelope)
        for handler in self._by_event.get(type(envelope.data), []):
            handler(envelope.data, work)

    def chunks_of(self, envelope: Envelope) -> Iterator[Event]:
        cut = self._cuts.get(type(envelope.data))
        if cut is not None:
            yield from cut(envelope.data, envelope)


def of_consumer(name: str) -> Handlers:
    """What CONSUMERS has under that name."""
    found = import_string(settings.CONSUMERS[name])
    assert isinstance(found, Handlers)
    return found
