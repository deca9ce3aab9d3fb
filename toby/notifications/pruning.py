"""What becomes of what is old: items are retracted, and some time later their tombstones deleted.

In parts, each a transaction of its own: it may be stopped at any moment and begun again. A client
that was away for longer than tombstones are kept starts afresh, by the inbox's `floor_seq`; any
other gets the tombstones.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from toby.common.writing import upsert
from toby.notifications.inboxes import hint_connected, lock_inboxes, write
from toby.notifications.models import Fact, Item

TOMBSTONES_KEPT_FOR = timedelta(days=30)
AT_ONCE = 500
# As the index has them, by which both are found.
ORDER = "retracted_at", "created_at"

Items = Callable[[], QuerySet[Item]]


def expired() -> QuerySet[Item]:
    """What came longer ago than NOTIFICATIONS_KEPT_FOR, and is there."""
    before = timezone.now() - settings.NOTIFICATIONS_KEPT_FOR
    return Item.objects.filter(retracted_at=None, created_at__lt=before)


def old_tombstones() -> QuerySet[Item]:
    return Item.objects.filter(retracted_at__lt=timezone.now() - TOMBSTONES_KEPT_FOR)


def prune() -> Iterator[tuple[str, int]]:
    """Does all that is due. Tells after each part what was done, "expired" or "deleted", and how
    often."""
    for what, items, do in (
        ("expired", expired, retract),
        ("deleted", old_tombstones, delete),
    ):
        while part := list(items().order_by(*ORDER).values_list("id", "recipient_id")[:AT_ONCE]):
            yield what, do(items, dict(part))


def retract(items: Items, recipients: dict[UUID, int]) -> int:
    """As what was undone: with a seq, a tombstone, and a hint to who is connected."""
    with transaction.atomic():
        opened = lock_inboxes(recipients.values())
        now = timezone.now()
        # Looked at again: another fact may have come to one.
        found = list(items().filter(id__in=recipients).order_by("recipient_id", "content_seq"))
        for item in found:
            opened[item.recipient_id].retract(item, now)
        facts = Fact.objects.filter(item__in=found, retracted_at=None)
        facts.update(retracted_at=now, actor=None, data=None)
        touched = write(opened)
    hint_connected(touched)
    return len(found)


def delete(items: Items, recipients: dict[UUID, int]) -> int:
    """And notes how far back clients can no longer resume from."""
    with transaction.atomic():
        opened = lock_inboxes(recipients.values())
        found = items().filter(id__in=recipients).values_list("id", "recipient_id", "seq")
        gone = []
        for item_id, recipient_id, seq in found:
            row = opened[recipient_id].row
            row.floor_seq = max(row.floor_seq, seq)
            gone.append(item_id)
        rows = [opened[user_id].row for user_id in sorted(opened)]
        upsert(rows, unique=["user_id"], update=["floor_seq"])
        Item.objects.filter(id__in=gone).delete()
    return len(gone)
