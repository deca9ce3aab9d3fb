"""Where and when digests are mailed to somebody. Whoever changes a mailbox holds the inbox."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.signing import BadSignature, Signer

from toby.common.errors import NotFound
from toby.notifications.models import Every, Mailbox

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


def unsubscribing_token(user_id: int) -> str:
    return signer.sign(str(user_id))


def unsubscribing_user(token: str) -> int:
    """Raises NotFound."""
    try:
        return int(signer.unsign(token))
    except BadSignature as error:
        raise NotFound from error
