"""Where and when digests are mailed to somebody. Whoever changes a mailbox holds the inbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.signing import BadSignature, Signer
from mailer.models import Message

from toby.common.errors import NotFound
from toby.notifications.models import Digest, Every, Item, Mailbox

# When a day's digest is due, by the reader's clock.
MORNING = time(8)
signer = Signer(salt="toby.notifications.unsubscribe")


@dataclass(frozen=True, slots=True)
class Period:
    """A digest's: it holds what came before `began`, and there is one of each name."""

    name: str
    began: datetime


def period_at(mailbox: Mailbox, now: datetime) -> Period | None:
    """None while nothing is mailed: where digests are off, or the reader's hours are quiet."""
    local = now.astimezone(ZoneInfo(mailbox.time_zone))
    if mailbox.digest == Every.OFF or is_quiet(mailbox, local.time()):
        return None
    if mailbox.digest == Every.HOURLY:
        began = now.replace(minute=0, second=0, microsecond=0)
        return Period(f"hour {began:%Y-%m-%d %H}", began)
    day = local.date() if local.time() >= MORNING else local.date() - timedelta(days=1)
    began = datetime.combine(day, MORNING, local.tzinfo)
    return Period(f"day {day}", began)


def is_quiet(mailbox: Mailbox, clock: time) -> bool:
    """From one time to the other, over midnight if the second is the earlier."""
    begins, ends = mailbox.quiet_from, mailbox.quiet_until
    if begins is None or ends is None:
        return False
    if begins <= ends:
        return begins <= clock < ends
    return clock >= begins or clock < ends


def mailbox_of(user_id: int) -> Mailbox:
    """As it is for whoever has said nothing, and without an address, where there is none."""
    return Mailbox.objects.filter(user_id=user_id).first() or Mailbox(user_id=user_id)


def take_back_digests(user_ids: Sequence[int]) -> bool:
    """Deletes digests of these people that wait to be sent, as if they had not been made: something
    in them has changed. The next run makes them anew, without what is gone. One that is being sent
    at this moment is not waited for. Returns whether there were any."""
    theirs = Digest.objects.filter(user_id__in=user_ids)
    waiting = theirs.filter(message_id__in=Message.objects.values("id"))
    digests = {digest.message_id: digest for digest in waiting}
    if not digests:
        return False
    unlocked = Message.objects.select_for_update(skip_locked=True).filter(id__in=digests)
    taken = [digests[message_id] for message_id in unlocked.values_list("id", flat=True)]
    Message.objects.filter(id__in=[digest.message_id for digest in taken]).delete()
    Digest.objects.filter(id__in=[digest.pk for digest in taken]).delete()
    items = [item_id for digest in taken for item_id in digest.items]
    Item.objects.filter(id__in=items).update(mailed_seq=0)
    readers = {digest.user_id for digest in taken}
    Mailbox.objects.filter(user_id__in=readers).update(settled_period="")
    return bool(taken)


def unsubscribing_token(user_id: int) -> str:
    return signer.sign(str(user_id))


def unsubscribing_user(token: str) -> int:
    """Raises NotFound."""
    try:
        return int(signer.unsign(token))
    except BadSignature as error:
        raise NotFound from error
