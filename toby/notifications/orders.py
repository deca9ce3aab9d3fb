"""What handlers order for inboxes, and which rows an order concerns."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, get_args
from uuid import UUID

import msgspec
from django.db.models import Q

from toby.common.sql import RowIn, parts
from toby.consumer.fanout import LAST
from toby.events import AddressConfirmed, Person, deleted_person
from toby.notifications.models import Fact, Item, Kind, Why
from toby.notifications.preferences import post_of
from toby.notifications.silences import Pair

# What somebody did in a comment stays when their account is deleted, as the comment does; all else
# is retracted.
STAYS = {Kind.COMMENT_ADDED, Kind.COMMENT_REPLIED, Kind.MENTIONED}
# What the act begins with that moderators are told of.
SUBMISSION = "submission:"
FEW = 500


class Add(msgspec.Struct, frozen=True, kw_only=True):
    """`group` is what the facts have in common that make one item, if they are of one kind and
    day; None for an item of its own. There are very many: a struct is made in a tenth of the time
    of a dataclass."""

    event_id: UUID
    time: datetime
    recipient_id: int
    kind: Kind
    group: str | None
    act: str
    subject: str
    actor: dict[str, Any] | None
    host_id: int | None
    comment_id: int | None
    target: dict[str, Any]
    data: dict[str, Any]

    @property
    def post_id(self) -> int | None:
        return post_of(self.target)

    @property
    def thread_id(self) -> int | None:
        return self.data.get("thread_id")

    @property
    def group_key(self) -> str:
        """A day is one of UTC, by the event's time: whoever counts anew finds the same groups."""
        if self.group is None:
            return f"{self.kind}:{self.event_id}"
        return f"{self.kind}:{self.group}:{self.time.date()}"

    @property
    def seen_with(self) -> int | None:
        """The post without which nobody may be told of it."""
        is_of_post = self.target["type"] == "post" and self.subject == subject_of(self.target)
        return self.target["id"] if is_of_post else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """That a post went live, as followers are told of it; `event_id` is of the event that said
    so, whoever tells of it."""

    event_id: UUID
    time: datetime
    post_id: int
    target: dict[str, Any]
    actor: dict[str, Any]

    def told_to(self, recipient_id: int) -> Add:
        return Add(
            event_id=self.event_id,
            time=self.time,
            recipient_id=recipient_id,
            kind=Kind.POST_PUBLISHED,
            group=None,
            act="",
            subject=subject_of(self.target),
            actor=self.actor,
            host_id=None,
            comment_id=None,
            target=self.target,
            data={},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TellModerators:
    """That something of a post waits for a decision. Not taken back with the post: hidden or not,
    it waits."""

    event_id: UUID
    time: datetime
    act: str
    actor: dict[str, Any]
    target: dict[str, Any]
    data: dict[str, Any]

    def told_to(self, recipient_id: int) -> Add:
        return Add(
            event_id=self.event_id,
            time=self.time,
            recipient_id=recipient_id,
            kind=Kind.POST_SUBMITTED,
            group=self.act,
            act=self.act,
            subject=self.act,
            actor=self.actor,
            host_id=None,
            comment_id=None,
            target=self.target,
            data=self.data,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Retract:
    recipient_id: int
    act: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RetractAbout:
    """What everybody but `spared` was told of something that is gone; of those who have these ids,
    and of facts up to this one, if that is said."""

    subject: str
    spared: int | None = None
    first_id: int = 0
    last_id: int = LAST
    up_to: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Withhold:
    """What this batch tells of something that is gone; everybody but `spared`."""

    subject: str
    spared: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RetractComment:
    """What anybody was told of a comment that is gone."""

    comment_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Close:
    """Somebody's account was deleted, and with it what they were told."""

    user_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Forget:
    """Somebody's account was deleted. Of what those who have these ids were told, with the deleted
    in this column: their acts are retracted or kept without their name, what was done under their
    posts is retracted."""

    user_id: int
    column: str
    first_id: int
    last_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Hush:
    """The listener is to be told nothing more of the speaker, or may be told again. A block takes
    back what the listener has been told."""

    listener_id: int
    speaker_id: int
    why: Why
    active: bool
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Moderate:
    """Somebody moderates from now on, or no longer: then all that they were told as a moderator is
    taken back."""

    user_id: int
    active: bool
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reword:
    """What anybody was told of a comment reads otherwise now; it is not new again for that."""

    comment_id: int
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Publish:
    """A post is known by what its followers are told of it."""

    publication: Publication


@dataclass(frozen=True, kw_only=True, slots=True)
class Show:
    """Readers see a post again, or no longer, `at` the time of the event that says so."""

    post_id: int
    author_id: int
    visible: bool
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeBackPost:
    """What those but `spared` who have these ids were told about a post until it was hidden. It is
    hidden first, where that is not yet done."""

    hiding: Show
    spared: int | None
    first_id: int
    last_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TellFollowers:
    """Those among an author's followers who have these ids are told of a publication, but for
    the `spared`; of the `connected` only some hundred, if they are given."""

    publication: Publication
    spared: Collection[int]
    first_id: int = 0
    last_id: int = LAST
    connected: Collection[int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TellLate:
    """Who follows somebody since then is told of what was published later and learned earlier."""

    follower_id: int
    author_id: int
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Readdress:
    """Somebody's digests go to another address."""

    event: AddressConfirmed

    @property
    def recipient_id(self) -> int:
        return self.event.user_id


Order = (
    Add
    | Close
    | Forget
    | Hush
    | Moderate
    | Readdress
    | Retract
    | RetractAbout
    | RetractComment
    | Reword
    | Withhold
)
# What stands for orders to many, and what is to be known before anybody is told of a post.
Wide = Publish | Show | TakeBackPost | TellFollowers | TellLate
TO_ONE = (Add, Readdress, Retract)
TO_WHOM_IT_CONCERNS = (RetractAbout, RetractComment, Forget, Reword)
Undoing = Forget | Hush | Moderate | Retract | RetractAbout | RetractComment | Reword
UNDOING = get_args(Undoing)


def submission_of(post_id: int) -> str:
    return f"{SUBMISSION}{post_id}"


def is_of_submission(fact: Fact) -> bool:
    return str(fact.act).startswith(SUBMISSION)


def stays(kind: str, comment_id: int | None) -> bool:
    return comment_id is not None and kind in STAYS


def about_post(post_id: int) -> str:
    return f"post:{post_id}"


def subject_of(target: dict[str, Any]) -> str:
    return f"{target['type']}:{target['id']}"


def shown(person: Person) -> dict[str, Any]:
    return {
        "id": person.user_id,
        "username": person.username,
        "display_name": person.display_name,
        "picture_url": person.picture_url,
    }


def people_of(orders: Sequence[Order | Wide]) -> set[int]:
    """Who did what is to be told, and whose posts it is about."""
    found: set[int] = set()
    for order in orders:
        match order:
            case Add():
                found |= {who for who in (order.actor and order.actor["id"], order.host_id) if who}
            case Publish() | TellFollowers():
                found.add(order.publication.actor["id"])
            case Show() | TellLate():
                found.add(order.author_id)
            case TakeBackPost():
                found.add(order.hiding.author_id)
    return found


def without_the_deleted(orders: Sequence[Order], deleted: Collection[int]) -> list[Order]:
    """An act of somebody who is deleted, told late, comes without their name or not at all; one
    under their post does not come."""
    left: list[Order] = []
    for order in orders:
        if isinstance(order, Add) and order.host_id in deleted:
            continue
        if isinstance(order, Add) and order.actor and order.actor["id"] in deleted:
            if stays(order.kind, order.comment_id):
                nobody = shown(deleted_person(order.actor["id"]))
                left.append(msgspec.structs.replace(order, actor=nobody))
        else:
            left.append(order)
    return left


def known_facts(adds: Sequence[Add]) -> set[tuple[UUID, int]]:
    """Of the facts that are to be added, those that are there (read under the inboxes' locks)."""
    keys = {(order.event_id, order.recipient_id) for order in adds}
    found: set[tuple[UUID, int]] = set()
    for part in parts(sorted(keys), FEW):
        rows = Fact.objects.filter(RowIn(["event_id", "recipient_id"], part))
        found |= set(rows.values_list("event_id", "recipient_id"))
    return found


def known_groups(adds: Sequence[Add]) -> list[Item]:
    """The items that facts to be added may join."""
    keys = sorted({(a.recipient_id, a.group_key) for a in adds if a.group is not None})
    found: list[Item] = []
    for part in parts(keys, FEW):
        found += Item.objects.filter(RowIn(["recipient_id", "group_key"], part))
    return found


def pairs_of(orders: Sequence[Order]) -> set[Pair]:
    """Of whom it is to be known whether they are told of whom."""
    pairs: set[Pair] = set()
    for order in orders:
        match order:
            case Add():
                others = (order.actor and order.actor["id"], order.host_id)
                pairs |= {(order.recipient_id, other) for other in others if other}
            case Hush():
                pairs.add((order.listener_id, order.speaker_id))
    return pairs


def facts_to_undo(orders: Sequence[Order]) -> list[Fact]:
    """The live facts of the acts that are to be taken back, and of those who are deleted or
    blocked."""
    conditions = [condition(order) for order in orders if isinstance(order, UNDOING)]
    if not conditions:
        return []
    wanted = reduce(or_, conditions)
    return list(Fact.objects.filter(wanted, retracted_at=None).select_related("item"))


def condition(order: Undoing) -> Q:
    match order:
        case Retract():
            return Q(recipient_id=order.recipient_id, act=order.act)
        case RetractAbout():
            up_to = Q() if order.up_to is None else Q(id__lte=order.up_to)
            return Q(subject=order.subject) & in_range(order) & up_to
        case RetractComment() | Reword():
            return Q(comment_id=order.comment_id)
        case Forget():
            return Q((order.column, order.user_id)) & in_range(order)
        case Hush():
            of = Q(actor_id=order.speaker_id) | Q(host_id=order.speaker_id)
            return of & Q(recipient_id=order.listener_id)
        case Moderate():
            return Q(recipient_id=order.user_id, act__startswith=SUBMISSION)


def in_range(order: RetractAbout | Forget) -> Q:
    if (order.first_id, order.last_id) == (0, LAST):
        return Q()
    return Q(recipient_id__gte=order.first_id, recipient_id__lte=order.last_id)


def recipients_to_be_found(orders: Sequence[Order]) -> set[int]:
    """Whose inboxes hold something of those who are deleted, or about what is gone.

    No more can come meanwhile: the rows by which somebody or a post are known are locked, as
    deleted or gone; and all about one comment comes in order, to one consumer.
    """
    conditions = [condition(order) for order in orders if isinstance(order, TO_WHOM_IT_CONCERNS)]
    if not conditions:
        return set()
    rows = Fact.objects.filter(reduce(or_, conditions), retracted_at=None)
    return set(rows.values_list("recipient_id", flat=True))
