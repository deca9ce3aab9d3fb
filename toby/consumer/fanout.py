"""Work on very many rows, cut into chunks that travel through the topic `toby.fanout`.

Whoever consumes the parent event cuts it, and Kafka has the chunks before the parent counts as
read, but after its commit: no lock waits for Kafka. When the parent comes again, its chunks are
made again: so none is lost between the two, and a Kafka that has lost its log is given the outbox
again, and gets the chunks with it. A chunk's id is made of the parent's and of all that the chunk
says. So the ledger passes over a chunk that was done, and never over one that was cut otherwise.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any
from uuid import uuid5

from django.db.models import QuerySet

from toby.common.kafka import EventProducer, Outgoing
from toby.events import Envelope, Event

# Rows a chunk.
AT_ONCE = 500
# Greater than any.
LAST = 2**63 - 1


def ranges(rows: QuerySet[Any], column: str, at_once: int = 0) -> Iterator[tuple[int, int]]:
    """The first and the last of each `at_once` whole numbers that `rows` have in `column`, the
    lowest first; of each AT_ONCE, if not said. Rows with the same number are in one range, however
    many. `column` is an index of `rows`."""
    at_once = at_once or AT_ONCE
    numbers = rows.order_by(column).values_list(column, flat=True)
    first = numbers.first()
    while first is not None:
        # The numbers themselves stay where they are.
        ends = list(numbers.filter(**{f"{column}__gte": first})[at_once - 1 : at_once + 1])
        yield first, ends[0] if ends else numbers.last() or first
        first = ends[1] if len(ends) == 2 else None
        if first is not None and first == ends[0]:
            first = numbers.filter(**{f"{column}__gt": first}).first()


def whole_ranges(rows: QuerySet[Any], column: str) -> Iterator[tuple[int, int]]:
    """As `ranges`, but with nothing between them, below the first or above the last: whatever
    positive number is written later is in one of them. One at least."""
    first = 0
    ends = [last for _, last in ranges(rows, column)]
    for last in ends[:-1]:
        yield first, last
        first = last + 1
    yield first, LAST


def outgoing(parent: Envelope, chunk: Event) -> Outgoing:
    data = chunk.to_json()
    envelope = Envelope(
        id=uuid5(parent.id, f"{chunk.type} {data.decode()}"),
        source=f"/toby/{chunk.type.partition('.')[0]}",
        time=parent.time,
        data=chunk,
        request_id=parent.request_id,
    )
    return Outgoing(topic=chunk.topic, key=chunk.key_value, value=data, headers=envelope.headers())


@cache
def producer() -> EventProducer:
    return EventProducer()


def send(chunks: Sequence[Outgoing]) -> None:
    """Returns when Kafka has all of them; raises KafkaUnavailable if one may be missing."""
    producer().send(chunks)
