"""What the operators tell people, all or some: a notification that follows from no event.

Its fact's id is made of its name: whoever has been told is not told again, however often it is
begun. AT_ONCE inboxes are one transaction, after whose commit those who are connected see it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from toby.common.crash_points import crash_point
from toby.common.errors import Refused
from toby.common.sql import again_if_beaten
from toby.notifications.deliveries import Deliveries
from toby.notifications.models import Fact, Kind, KnownUser

# Another one would tell everybody again.
NAMES = UUID("7b0f3a52-6f0f-4d0c-9b1e-5a7f5d1c2e90")
AT_ONCE = 500


class OtherWords(Refused):
    """Something else has been announced by this name."""

    code = "other_words"


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """`link` is a path of this site or an address, or empty."""

    name: str
    title: str
    text: str
    link: str = ""

    @property
    def fact_id(self) -> UUID:
        return uuid5(NAMES, self.name)

    def is_what(self, data: dict[str, str]) -> bool:
        """Whether an item with this data says this."""
        return data == {"title": self.title, "text": self.text, "link": self.link}


class Part(NamedTuple):
    """So many people were looked at, of whom so many had not been told: `told` are those who have
    been now. Whoever has turned announcements off, or is gone, is not."""

    people: int
    new: int
    told: int


def everybody() -> QuerySet[KnownUser]:
    return KnownUser.objects.filter(deleted=False)


def announce(
    announcement: Announcement, people: QuerySet[KnownUser], *, dry_run: bool = False
) -> Iterator[Part]:
    """Tells them, in order of their ids. Raises OtherWords."""
    refuse_other_words(announcement)
    for user_ids in parts(people):
        known = Fact.objects.filter(event_id=announcement.fact_id, recipient_id__in=user_ids)
        known_ids = set(known.values_list("recipient_id", flat=True))
        new = [user_id for user_id in user_ids if user_id not in known_ids]
        told = 0
        if new and not dry_run:
            told = again_if_beaten(partial(tell, announcement, new))
            crash_point("announce.part")
        yield Part(len(user_ids), len(new), told)


def refuse_other_words(announcement: Announcement) -> None:
    facts = Fact.objects.filter(event_id=announcement.fact_id, retracted_at=None)
    one = facts.select_related("item").first()
    if one is not None and not announcement.is_what(one.item.data):
        raise OtherWords(f"something else has been announced as {announcement.name}")


def parts(people: QuerySet[KnownUser]) -> Iterator[list[int]]:
    ids = people.order_by("user_id").values_list("user_id", flat=True)
    found = list(ids[:AT_ONCE])
    while found:
        yield found
        found = list(ids.filter(user_id__gt=found[-1])[:AT_ONCE])


def tell(announcement: Announcement, user_ids: Iterable[int]) -> int:
    """How many were told."""
    deliveries = Deliveries()
    deliveries.begin_fact(announcement.fact_id, timezone.now())
    for user_id in user_ids:
        deliveries.tell(
            user_id,
            Kind.ANNOUNCEMENT,
            target={"type": "announcement", "name": announcement.name},
            title=announcement.title,
            text=announcement.text,
            link=announcement.link,
        )
    with transaction.atomic():
        deliveries.flush()
    deliveries.committed()
    return len(deliveries.touched)
