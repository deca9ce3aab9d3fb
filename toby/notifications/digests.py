"""Digests: what is unread, mailed every hour or day to whoever wants it so. How, and why so:
docs/adr/0028-digests.md.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from mailer.models import Message

from toby.notifications import mails
from toby.notifications.inboxes import lock_inboxes
from toby.notifications.mailboxes import Period, mailbox_of, period_at, take_back_digests
from toby.notifications.models import UNREAD, Channel, Digest, Every, Inbox, Item, Kind, Mailbox
from toby.notifications.preferences import Preferences, Subject, post_of, preferences_of

LOOKED_AT_ONCE = 500
MOST_ITEMS = 50
KEPT_FOR = timedelta(days=7)


def due(now: datetime) -> Iterator[int]:
    """Those who have something unread, want it mailed, and whose period has not been settled.
    Whether one of it is to be mailed is seen by `send_digest`."""
    last = 0
    wanted = Mailbox.objects.exclude(email="").exclude(digest=Every.OFF).order_by("user_id")
    while True:
        rows = wanted.filter(user_id__gt=last)[:LOOKED_AT_ONCE]
        part = {mailbox.user_id: mailbox for mailbox in rows}
        if not part:
            return
        last = max(part)
        unread = Inbox.objects.filter(user_id__in=part, unread__gt=0)
        for user_id in unread.order_by("user_id").values_list("user_id", flat=True):
            period = period_at(part[user_id], now)
            if period is not None and period.name != part[user_id].settled_period:
                yield user_id


def send_digest(user_id: int, *, dry_run: bool = False) -> int:
    """Queues what is to be mailed to somebody now, and that it was, in one transaction: however
    often it is called, there is one in a period. One of an earlier period that still waits becomes
    part of it: mail to a dead address does not pile up. Returns how many items it holds. Where
    there are none the period is settled as well: else those who have nothing to be mailed would be
    looked at again and again, before others."""
    with transaction.atomic():
        inbox = lock_inboxes([user_id])[user_id].row
        mailbox = mailbox_of(user_id)
        period = period_at(mailbox, timezone.now())
        if inbox.closed or not mailbox.email or period is None:
            return 0
        if Digest.objects.filter(user_id=user_id, period=period.name).exists():
            return 0
        items = to_be_mailed(user_id, period)
        if items and take_back_digests([user_id]):
            items = to_be_mailed(user_id, period)
        more, items = len(items) > MOST_ITEMS, items[:MOST_ITEMS]
        if dry_run:
            transaction.set_rollback(True)
            return len(items)
        Mailbox.objects.filter(user_id=user_id).update(settled_period=period.name)
        if not items:
            return 0
        message = mails.queue_digest(mailbox, period, items, more=more, language=inbox.language)
        Digest.objects.create(
            user_id=user_id,
            period=period.name,
            queued_at=timezone.now(),
            message_id=message.pk,
            items=[str(item.id) for item in items],
        )
        ids = [item.id for item in items]
        Item.objects.filter(id__in=ids).update(mailed_seq=F("content_seq"))
    return len(items)


def to_be_mailed(user_id: int, period: Period) -> list[Item]:
    """What is unread, of a kind that is mailed and no post that is muted, from before the period,
    and not mailed as it is: the newest, and one more than fit."""
    kinds = [wish.kind for wish in preferences_of(user_id) if wish.channel == Channel.EMAIL]
    rows = Item.objects.filter(
        recipient_id=user_id, state__in=UNREAD, kind__in=kinds, created_at__lt=period.began
    )
    newest = rows.filter(mailed_seq__lt=F("content_seq")).order_by("-content_seq")
    found = [(item, subject_of(item)) for item in newest[: MOST_ITEMS + 1]]
    preferences = Preferences(subject for _, subject in found)
    return [item for item, subject in found if not preferences.hold_back(subject)]


def subject_of(item: Item) -> Subject:
    thread_id = item.data.get("thread_id")
    return Subject(item.recipient_id, Kind(item.kind), post_of(item.target), thread_id)


def purge() -> int:
    """Deletes what is noted of digests that nobody could send again."""
    before, waiting = timezone.now() - KEPT_FOR, Message.objects.values("id")
    old = Digest.objects.filter(queued_at__lt=before)
    return old.exclude(message_id__in=waiting).delete()[0]
