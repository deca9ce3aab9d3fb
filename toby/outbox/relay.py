"""The relay: sends what is in the outbox to Kafka, in order, once it is committed.

One relay is active at a time (a named lock), since several would break the order. It reads what
is unpublished rather than what comes after the last id: a transaction that commits late has a
lower id than what was read before. What it sends twice the consumers' ledger passes over.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from toby.common.crash_points import crash_point
from toby.common.kafka import EventProducer, Outgoing
from toby.common.locks import NamedLock
from toby.common.logging import log
from toby.events import envelope
from toby.outbox.models import OutboxEvent

logger = logging.getLogger(__name__)

BATCH = 500


class Relay:
    """`step` is one turn: take the lock if it was lost, send a batch, mark it."""

    def __init__(self) -> None:
        self.lock = NamedLock("relay")
        self.producer = EventProducer()
        self.kafka_may_have_forgotten = False

    def step(self) -> bool:
        """Whether a full batch was sent, so that there may be more at once.

        Any reconnect means that the lock is gone, and another relay may have it: the turn ends
        with the error, and the next one begins with the lock.
        """
        if not self.lock.held:
            if not self.lock.acquire():
                return False
            log(logger, "relay.active")
            self.kafka_may_have_forgotten = settings.KAFKA_IS_VOLATILE
        if self.kafka_may_have_forgotten or (
            settings.KAFKA_IS_VOLATILE and self.producer.lost_contact()
        ):
            republish_retained()
            self.kafka_may_have_forgotten = False
        batch = list(unpublished()[:BATCH])
        if not batch:
            return False
        self.producer.send([outgoing(event) for event in batch])
        crash_point("relay.published")
        mark_published(batch)
        log(logger, "relay.sent", count=len(batch), last=batch[-1].id)
        return len(batch) == BATCH

    def close(self) -> None:
        self.producer.close()
        self.lock.release()


def unpublished() -> QuerySet[OutboxEvent]:
    return OutboxEvent.objects.filter(published_at=None).order_by("id")


def outgoing(event: OutboxEvent) -> Outgoing:
    return Outgoing(
        topic=event.topic,
        key=event.key,
        value=bytes(event.data),
        headers=envelope.headers(
            id=event.event_id,
            source=f"/toby/{event.type.partition('.')[0]}",
            type=event.type,
            time=event.occurred_at,
            request_id=event.request_id,
        ),
    )


def mark_published(batch: Sequence[OutboxEvent]) -> None:
    OutboxEvent.objects.filter(id__in=[event.id for event in batch]).update(
        published_at=timezone.now()
    )


def retained(since: datetime | None = None) -> QuerySet[OutboxEvent]:
    """Published events that are still in the outbox, of `since` or later."""
    rows = OutboxEvent.objects.exclude(published_at=None)
    return rows if since is None else rows.filter(occurred_at__gte=since)


def republish_retained(since: datetime | None = None) -> int:
    """Marks `retained` events as unpublished; returns how many."""
    count = retained(since).update(published_at=None)
    if count:
        log(logger, "relay.republishing", count=count)
    return count
