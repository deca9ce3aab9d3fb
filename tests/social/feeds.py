"""What was emitted, consumed by the timeline consumer and by that of its chunks, without Kafka."""

from collections.abc import Sequence
from functools import partial

from tests.common.support import until_it_is_let
from tests.events.support import received
from toby.accounts.models import User
from toby.common.kafka import Incoming, Outgoing
from toby.consumer.models import DeadLetter
from toby.consumer.processing import Processor
from toby.events.envelope import headers
from toby.outbox.models import OutboxEvent
from toby.social.handlers import chunks, handlers
from toby.social.models import TimelineEntry


def emitted(type: str = "", *, after: int = 0) -> list[Incoming]:
    """What the services have told so far, of all types or of one, as Kafka would give it; of rows
    of the outbox later than `after`."""
    return [
        Incoming(
            topic=row.topic,
            partition=0,
            offset=row.pk,
            key=row.key,
            value=bytes(row.data),
            headers=list(
                headers(
                    id=row.event_id,
                    source="/toby/test",
                    type=row.type,
                    time=row.occurred_at,
                    request_id="",
                )
            ),
        )
        for row in OutboxEvent.objects.filter(pk__gt=after).order_by("id")
        if type in ("", row.type)
    ]


def cut(messages: Sequence[Incoming]) -> list[Incoming]:
    """Consumes `messages`, and returns the chunks that came of them."""
    sent: list[Outgoing] = []
    processor = Processor("timeline", handlers, send=sent.extend)
    until_it_is_let(partial(processor.process, messages))
    assert not DeadLetter.objects.exists()
    return [received(message) for message in sent]


def consume_chunks(messages: Sequence[Incoming]) -> None:
    until_it_is_let(partial(Processor("timeline-fanout", chunks).process, messages))
    assert not DeadLetter.objects.exists()


def consume(messages: Sequence[Incoming]) -> None:
    consume_chunks(cut(messages))


def feed(reader: User) -> list[str]:
    rows = TimelineEntry.objects.filter(reader=reader).order_by("-live_order")
    return list(rows.values_list("post__slug", flat=True))
