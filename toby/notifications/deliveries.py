"""The work of a batch of events: facts added and retracted, written with the seq they take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from toby.events import Envelope, Person, deleted_person
from toby.notifications.hints import Hint, announce, announce_ended_sessions, run_in_worker
from toby.notifications.inboxes import OpenInbox, close_inbox, lock_inboxes, write
from toby.notifications.models import Fact, Item, Kind, Silence, Why
from toby.notifications.projections import deleted_among
from toby.notifications.silences import APART, Pair, Silences

# What somebody did in a comment stays when their account is deleted, as the comment does; all else
# is retracted.
STAYS = {Kind.COMMENT_ADDED, Kind.COMMENT_REPLIED, Kind.MENTIONED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Add:
    event_id: UUID
    time: datetime
    recipient_id: int
    kind: Kind
    group_key: str
    act: str
    subject: str = ""
    actor: dict[str, Any] | None
    host_id: int | None = None
    comment_id: int | None = None
    target: dict[str, Any]
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Retract:
    recipient_id: int
    act: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RetractAbout:
    """What everybody but `spared` was told of something that is gone."""

    subject: str
    spared: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RetractComment:
    """What anybody was told of a comment that is gone."""

    comment_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Forget:
    """Somebody's account was deleted: their inbox is closed, their acts are retracted or kept
    without their name, what was done under their posts is retracted."""

    user_id: int


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
class Reword:
    """What anybody was told of a comment reads otherwise now; it is not new again for that."""

    comment_id: int
    data: dict[str, Any]


Order = Add | Retract | RetractAbout | RetractComment | Forget | Hush | Reword
TO_ONE = (Add, Retract)
TO_WHOM_IT_CONCERNS = (RetractAbout, RetractComment, Forget, Reword)


class Deliveries:
    """Handlers say whom an event concerns; `flush` writes it.

    Lock order: the rows by which actors are known, then inboxes by user id, then facts and items.
    Whom nobody is to be told of is read under the inboxes' locks, and changed under the same: read
    before, an act and a block at the same moment would not see each other.
    """

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.hints: list[Hint] = []
        self.ended_sessions: list[str] = []

    def begin(self, envelope: Envelope) -> None:
        self.envelope = envelope

    def tell(
        self,
        recipient_id: int,
        kind: Kind,
        *,
        target: dict[str, Any],
        actor: Person | None = None,
        act: str = "",
        host_id: int | None = None,
        comment_id: int | None = None,
        outlives_target: bool = False,
        **data: Any,
    ) -> None:
        """The current event concerns this person: who has been told of it already is not told
        again. Nobody is told of their own act, of one by somebody they mute or are apart from, or
        of one under the post of somebody they are apart from: `host_id`. It is taken back with all
        about its target, unless it `outlives_target`, and with the comment."""
        if actor is not None and actor.user_id == recipient_id:
            return
        self.add(
            Add(
                event_id=self.envelope.id,
                time=self.envelope.time,
                recipient_id=recipient_id,
                kind=kind,
                group_key=f"{kind}:{self.envelope.id}",
                act=act,
                subject="" if outlives_target or "id" not in target else subject_of(target),
                actor=None if actor is None else shown(actor),
                host_id=host_id,
                comment_id=comment_id,
                target=target,
                data=data if comment_id is None else {"comment_id": comment_id, **data},
            )
        )

    def add(self, order: Add) -> None:
        self.orders.append(order)

    def take_back(self, recipient_id: int, act: str) -> None:
        """What this person was told of `act` no longer holds."""
        self.orders.append(Retract(recipient_id=recipient_id, act=act))

    def take_back_all_about(self, subject: str, *, but: int | None = None) -> None:
        """What anybody but this person was told of `subject` no longer holds."""
        self.orders.append(RetractAbout(subject=subject, spared=but))

    def take_back_comment(self, comment_id: int) -> None:
        """What anybody was told of this comment no longer holds."""
        self.orders.append(RetractComment(comment_id=comment_id))

    def reword(self, comment_id: int, **data: Any) -> None:
        """What anybody was told of this comment holds, but with this data."""
        self.orders.append(Reword(comment_id=comment_id, data=data))

    def forget(self, user_id: int) -> None:
        self.orders.append(Forget(user_id=user_id))

    def hush(
        self, listener_id: int, speaker_id: int, why: Why, *, active: bool, version: int
    ) -> None:
        """The listener is told nothing of the speaker from now on, or no longer for this reason."""
        order = Hush(
            listener_id=listener_id, speaker_id=speaker_id, why=why, active=active, version=version
        )
        self.orders.append(order)

    def end_session(self, session_id: str) -> None:
        self.ended_sessions.append(session_id)

    def flush(self) -> None:
        if not self.orders:
            return
        orders = without_the_deleted(self.orders)
        forgotten = {order.user_id for order in orders if isinstance(order, Forget)}
        concerned = {order.recipient_id for order in orders if isinstance(order, TO_ONE)}
        concerned |= {order.listener_id for order in orders if isinstance(order, Hush)}
        opened = lock_inboxes(concerned | forgotten | recipients_to_be_found(orders))
        for user_id in forgotten:
            close_inbox(opened[user_id])
        adds = [order for order in orders if isinstance(order, Add)]
        silences = Silences(pairs_of(orders))
        writing = Writing(opened, silences, known_facts(adds), facts_to_undo(orders))
        for order in orders:
            writing.do(order)
        silences.write()
        self.hints = write(opened, writing.changed)

    def committed(self) -> None:
        run_in_worker(self._announce())

    async def _announce(self) -> None:
        await announce(self.hints)
        await announce_ended_sessions(self.ended_sessions)


class Writing:
    """Orders done in turn, on inboxes that are locked; `changed` are the facts to be written."""

    def __init__(
        self,
        opened: dict[int, OpenInbox],
        silences: Silences,
        known: set[tuple[UUID, int]],
        undoable: list[Fact],
    ) -> None:
        self.opened, self.silences, self.known = opened, silences, known
        self.now = timezone.now()
        self.changed: list[Fact] = []
        self.facts: list[Fact] = []
        self.by_act: dict[tuple[int, str], list[Fact]] = {}
        for fact in undoable:
            self.remember(fact)

    def remember(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.by_act.setdefault((fact.recipient_id, fact.act), []).append(fact)

    def do(self, order: Order) -> None:
        match order:
            case Add():
                self.add(order)
            case Retract():
                self.retract(self.by_act.get((order.recipient_id, order.act), ()))
            case RetractAbout():
                about = [fact for fact in self.facts if fact.subject == order.subject]
                self.retract(fact for fact in about if fact.recipient_id != order.spared)
            case RetractComment():
                self.retract(self.of_comment(order.comment_id))
            case Reword():
                self.reword(order)
            case Forget():
                self.forget(order.user_id)
            case Hush():
                self.hush(order)

    def add(self, order: Add) -> None:
        inbox = self.opened[order.recipient_id]
        if inbox.row.closed or (order.event_id, order.recipient_id) in self.known:
            return
        if self.is_kept_from(order):
            return
        self.known.add((order.event_id, order.recipient_id))
        fact = new_fact(order, self.now)
        inbox.join(fact.item, self.now)
        self.changed.append(fact)
        self.remember(fact)

    def is_kept_from(self, order: Add) -> bool:
        """Whether the recipient is not to hear of it, or cannot see where it was done."""
        who, keeps = order.recipient_id, self.silences.keeps
        by = order.actor and keeps(who, order.actor["id"])
        return bool(by or (order.host_id and keeps(who, order.host_id, APART)))

    def hush(self, order: Hush) -> None:
        if self.opened[order.listener_id].row.closed:
            return
        is_news = self.silences.learn(
            Silence(
                listener_id=order.listener_id,
                speaker_id=order.speaker_id,
                why=order.why,
                active=order.active,
                version=order.version,
            )
        )
        if is_news and order.active and order.why in APART:
            theirs = [fact for fact in self.facts if fact.recipient_id == order.listener_id]
            self.retract(f for f in theirs if order.speaker_id in {f.actor_id, f.host_id})

    def retract(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            inbox = self.opened[fact.recipient_id]
            if inbox.row.closed or fact.retracted_at is not None:
                continue
            fact.retracted_at = self.now
            inbox.part(fact.item, self.now)
            # One that is new in this batch is written anyhow.
            if fact.pk is not None:
                self.changed.append(fact)

    def of_comment(self, comment_id: int) -> list[Fact]:
        return [fact for fact in self.facts if fact.comment_id == comment_id]

    def reword(self, order: Reword) -> None:
        for fact in self.of_comment(order.comment_id):
            inbox = self.opened[fact.recipient_id]
            if fact.retracted_at is None and not inbox.row.closed:
                fact.item.data = {**fact.item.data, **order.data}
                inbox.touch(fact.item, self.now)

    def forget(self, user_id: int) -> None:
        """Of what somebody did who is deleted, what `stays` stays without their name."""
        self.retract(fact for fact in self.facts if fact.host_id == user_id)
        theirs = [fact for fact in self.facts if fact.actor_id == user_id]
        self.retract(fact for fact in theirs if not stays(fact.item.kind, fact.comment_id))
        for fact in theirs:
            inbox = self.opened[fact.recipient_id]
            if fact.retracted_at is None and not inbox.row.closed:
                fact.item.actor = shown(deleted_person(user_id))
                inbox.touch(fact.item, self.now)


def stays(kind: str, comment_id: int | None) -> bool:
    return comment_id is not None and kind in STAYS


def subject_of(target: dict[str, Any]) -> str:
    return f"{target['type']}:{target['id']}"


def shown(person: Person) -> dict[str, Any]:
    return {
        "id": person.user_id,
        "username": person.username,
        "display_name": person.display_name,
        "picture_url": person.picture_url,
    }


def without_the_deleted(orders: Sequence[Order]) -> list[Order]:
    """An act of somebody who is deleted, told late, comes without their name or not at all; one
    under their post does not come."""
    adds = [order for order in orders if isinstance(order, Add)]
    actors = {order.actor["id"] for order in adds if order.actor}
    deleted = deleted_among(actors | {order.host_id for order in adds if order.host_id})
    left: list[Order] = []
    for order in orders:
        if isinstance(order, Add) and order.host_id in deleted:
            continue
        if isinstance(order, Add) and order.actor and order.actor["id"] in deleted:
            if stays(order.kind, order.comment_id):
                nobody = shown(deleted_person(order.actor["id"]))
                left.append(replace(order, actor=nobody))
        else:
            left.append(order)
    return left


def new_fact(order: Add, now: datetime) -> Fact:
    """The first fact of an item of its own."""
    item = Item(
        recipient_id=order.recipient_id,
        kind=order.kind,
        group_key=order.group_key,
        actor=order.actor,
        target=order.target,
        data=order.data,
        created_at=order.time,
        updated_at=now,
    )
    return Fact(
        event_id=order.event_id,
        recipient_id=order.recipient_id,
        actor_id=order.actor["id"] if order.actor else None,
        host_id=order.host_id,
        comment_id=order.comment_id,
        item=item,
        act=order.act,
        subject=order.subject,
        created_at=now,
    )


def known_facts(adds: Sequence[Add]) -> set[tuple[UUID, int]]:
    """Of the facts that are to be added, those that are there (read under the inboxes' locks)."""
    event_ids = {order.event_id for order in adds}
    rows = Fact.objects.filter(event_id__in=event_ids)
    if len(adds) <= 500:
        rows = rows.filter(recipient_id__in={order.recipient_id for order in adds})
    return set(rows.values_list("event_id", "recipient_id"))


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
    conditions = [condition(order) for order in orders if not isinstance(order, Add)]
    if not conditions:
        return []
    wanted = reduce(or_, conditions)
    return list(Fact.objects.filter(wanted, retracted_at=None).select_related("item"))


def condition(order: Retract | RetractAbout | RetractComment | Forget | Hush | Reword) -> Q:
    match order:
        case Retract():
            return Q(recipient_id=order.recipient_id, act=order.act)
        case RetractAbout():
            return Q(subject=order.subject)
        case RetractComment() | Reword():
            return Q(comment_id=order.comment_id)
        case Forget():
            return Q(actor_id=order.user_id) | Q(host_id=order.user_id)
        case Hush():
            of = Q(actor_id=order.speaker_id) | Q(host_id=order.speaker_id)
            return of & Q(recipient_id=order.listener_id)


def recipients_to_be_found(orders: Sequence[Order]) -> set[int]:
    """Whose inboxes hold something of those who are deleted, or about what is gone.

    No more can come meanwhile: the row by which somebody is known is locked, as deleted; and all
    about one post comes in order, to one consumer.
    """
    conditions = [condition(order) for order in orders if isinstance(order, TO_WHOM_IT_CONCERNS)]
    if not conditions:
        return set()
    rows = Fact.objects.filter(reduce(or_, conditions), retracted_at=None)
    return set(rows.values_list("recipient_id", flat=True))
