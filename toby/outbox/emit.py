"""`emit()`: how a service says that something has happened."""

from django.db import connection, transaction
from django.utils import timezone

from toby.common.request_id import current_request_id
from toby.common.uuid7 import uuid7
from toby.common.writing import insert
from toby.events.envelope import MAX_DATA_BYTES, Event
from toby.outbox.models import OutboxEvent


def emit(event: Event) -> OutboxEvent:
    """Writes `event` into the outbox, in the caller's transaction.

    Raises TransactionManagementError outside one: the event could outlive what it tells of.
    The caller holds the lock of the event's aggregate, so that its events get ids in the order
    of their commits; in share, where only the events of one row of its own must be in order.
    """
    if not in_transaction():
        raise transaction.TransactionManagementError(
            f"{event.type} is emitted outside a transaction"
        )
    data = event.to_json()
    if len(data) > MAX_DATA_BYTES:
        raise ValueError(f"{event.type} has {len(data)} bytes, more than {MAX_DATA_BYTES}")
    return insert(
        OutboxEvent(
            event_id=uuid7(),
            type=event.type,
            topic=event.topic,
            key=event.key_value,
            data=data,
            request_id=current_request_id(),
            occurred_at=timezone.now(),
        )
    )


def in_transaction() -> bool:
    """Whether the caller opened a transaction; one that the test case opened does not count."""
    blocks = connection.atomic_blocks
    return bool(blocks) and not getattr(blocks[-1], "_from_testcase", False)
