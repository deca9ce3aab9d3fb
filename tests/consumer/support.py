"""A consumer of the tests' own: it writes a row for each event, or fails as a test wants."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

from django.contrib.auth.models import Group

from tests.events.support import incoming
from toby.common.kafka import Incoming
from toby.consumer.handlers import Handlers
from toby.consumer.models import ConsumedEvent, DeadLetter
from toby.consumer.processing import Processor
from toby.events import Envelope, UserUnfollowed

CONSUMER = "test"

_fails: dict[int, Exception] = {}
_heard: list[Callable[[int], None]] = []


class Rows:
    """The rows of a batch; which event each is of stands in its name."""

    committed_batches: list[list[int]] = []
    after_commit: Callable[[], None] | None = None

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.envelope: Envelope | None = None

    def begin(self, envelope: Envelope) -> None:
        self.envelope = envelope

    def flush(self) -> None:
        Group.objects.bulk_create(Group(name=f"{number} {uuid4()}") for number in self.numbers)

    def committed(self) -> None:
        self.committed_batches.append(self.numbers)
        if self.after_commit:
            self.after_commit()


handlers = Handlers(Rows)


@handlers.handles(UserUnfollowed)
def write_a_row(event: UserUnfollowed, rows: Rows) -> None:
    for hear in _heard:
        hear(event.version)
    if error := _fails.get(event.version):
        raise error
    assert rows.envelope is not None
    assert rows.envelope.data is event
    rows.numbers.append(event.version)


@contextmanager
def failing(number: int, error: Exception) -> Iterator[None]:
    """The handler raises `error` for the event of that number."""
    _fails[number] = error
    try:
        yield
    finally:
        del _fails[number]


@contextmanager
def hearing(hear: Callable[[int], None]) -> Iterator[None]:
    """`hear` is called with the number of each event that is handled."""
    _heard.append(hear)
    try:
        yield
    finally:
        _heard.remove(hear)


def message(number: int, *, event_id: UUID | None = None, request_id: str = "") -> Incoming:
    """Event `number`, as Kafka gives it."""
    event = UserUnfollowed(follower_id=1, followee_id=2, version=number)
    return incoming(event, event_id=event_id, request_id=request_id)


def process(*messages: Incoming, consumer: str = CONSUMER) -> None:
    Processor(consumer, handlers).process(messages)


def done() -> list[int]:
    """The numbers of the events that were handled, in the order of their rows."""
    return [int(group.name.split()[0]) for group in Group.objects.order_by("id")]


def letters() -> list[DeadLetter]:
    return list(DeadLetter.objects.filter(resolved_at=None).order_by("id"))


def ledger() -> int:
    return ConsumedEvent.objects.count()
