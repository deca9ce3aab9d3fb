"""Digests: what is unread, mailed every hour or day to whoever wants it so. How, and why so:
docs/adr/0028-digests.md.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from mailer.models import Message

from toby.common.sql import is_database_trouble
from toby.notifications import mails
from toby.notifications.inboxes import lock_inboxes
from toby.notifications.mailboxes import Period, mailbox_of, period_at, take_back_digests
from toby.notifications.models import UNREAD, Channel, Digest, Every, Inbox, Item, Kind, Mailbox
from toby.notifications.preferences import Preferences, Subject, post_of, preferences_of

logger = logging.getLogger(__name__)

LOOKED_AT_ONCE = 500
MOST_ITEMS = 50
MOST_PAGES = 40
KEPT_FOR = timedelta(days=7)


@dataclass(slots=True)
class Walk:
    """Looks at all mailboxes, from the one after `reached` to the last: one that was stopped goes
    on there. However many there are, everybody's turn comes."""

    reached: int = 0

    def due(self, now: datetime, *, until_s: float = inf) -> Iterator[int]:
        """Those who have something unread, want it mailed, and whose period has not been settled;
        whether one of it is to be mailed is seen by `send_digest`. Stops at `until_s` of the
        monotonic clock."""
        wanted = Mailbox.objects.exclude(email="").exclude(digest=Every.OFF).order_by("user_id")
        while part := list(wanted.filter(user_id__gt=self.reached)[:LOOKED_AT_ONCE]):
            ids = [mailbox.user_id for mailbox in part]
            unread = Inbox.objects.filter(user_id__in=ids, unread__gt=0)
            have_some = set(unread.values_list("user_id", flat=True))
            for mailbox in part:
                self.reached = mailbox.user_id
                if mailbox.user_id in have_some and is_due(mailbox, now):
                    yield mailbox.user_id
                    if time.monotonic() > until_s:
                        return
            if time.monotonic() > until_s:
                return
        self.reached = 0


def is_due(mailbox: Mailbox, now: datetime) -> bool:
    """Also where that cannot be told: what is wrong is logged when it is sent."""
    try:
        period = period_at(mailbox, now)
    except Exception:
        return True
    return period is not None and period.name != mailbox.settled_period


def send_or_log(user_id: int, *, dry_run: bool = False) -> int | None:
    """As `send_digest`; None if it failed, which is logged and holds up nobody else. Trouble of the
    database is everybody's, and raised."""
    try:
        return send_digest(user_id, dry_run=dry_run)
    except Exception as error:
        if is_database_trouble(error):
            raise
        logger.exception("digest.failed", extra={"fields": {"user": user_id}})
        return None


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
    and not mailed as it is: the newest, and more than fit if there are. However much of what is
    muted comes before them, but for MOST_PAGES: nobody's inbox is read without end."""
    kinds = [wish.kind for wish in preferences_of(user_id) if wish.channel == Channel.EMAIL]
    rows = Item.objects.filter(
        recipient_id=user_id, state__in=UNREAD, kind__in=kinds, created_at__lt=period.began
    )
    rows = rows.filter(mailed_seq__lt=F("content_seq")).order_by("-content_seq")
    found: list[Item] = []
    left = rows
    for _ in range(MOST_PAGES):
        page = [(item, subject_of(item)) for item in left[: MOST_ITEMS + 1]]
        preferences = Preferences(subject for _, subject in page)
        found += [item for item, subject in page if not preferences.hold_back(subject)]
        if len(found) > MOST_ITEMS or len(page) <= MOST_ITEMS:
            break
        left = rows.filter(content_seq__lt=page[-1][0].content_seq)
    return found


def subject_of(item: Item) -> Subject:
    thread_id = item.data.get("thread_id")
    return Subject(item.recipient_id, Kind(item.kind), post_of(item.target), thread_id)


def purge() -> int:
    """Deletes what is noted of digests that nobody could send again."""
    before, waiting = timezone.now() - KEPT_FOR, Message.objects.values("id")
    old = Digest.objects.filter(queued_at__lt=before)
    return old.exclude(message_id__in=waiting).delete()[0]
