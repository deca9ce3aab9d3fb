"""What is done of orders, on inboxes that are locked: facts, the items they make, and their seq."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from toby.common.uuid7 import uuid7
from toby.common.writing import made
from toby.events import deleted_person
from toby.notifications.inboxes import OpenInbox, write
from toby.notifications.models import Fact, Item, Kind, KnownModerator, Silence, Why
from toby.notifications.moderators import Moderators
from toby.notifications.orders import (
    Add,
    Close,
    Forget,
    Hush,
    Moderate,
    Order,
    Readdress,
    Retract,
    RetractAbout,
    RetractComment,
    Reword,
    Withhold,
    is_of_submission,
    shown,
    stays,
)
from toby.notifications.preferences import Preferences, Subject
from toby.notifications.projections import learn_address
from toby.notifications.silences import ALL, APART, BY_CHOICE, Silences


class Fulfillment:
    """Orders done in turn, on inboxes that are locked. What an item shows is of its last fact that
    holds."""

    def __init__(
        self,
        opened: dict[int, OpenInbox],
        *,
        silences: Silences,
        preferences: Preferences,
        moderators: Moderators,
        known: set[tuple[UUID, int]],
        groups: Sequence[Item],
    ) -> None:
        self.opened, self.known = opened, known
        self.silences, self.preferences = silences, preferences
        self.moderators = moderators
        self.now = timezone.now()
        # Each item once, whichever way it was found.
        self.items = {item.id: item for item in groups}
        self.groups = {(item.recipient_id, item.group_key): item for item in groups}
        self.facts: list[Fact] = []
        self.by_act: dict[tuple[int, str], list[Fact]] = {}
        self.retracted: list[Fact] = []
        self.changed: list[Fact] = []

    def remember(self, fact: Fact) -> None:
        """A fact that an order may concern, this batch's or an older one."""
        item = self.items.setdefault(fact.item_id, fact.item)
        if item is not fact.item:
            fact.item = item
        self.facts.append(fact)
        self.by_act.setdefault((fact.recipient_id, fact.act), []).append(fact)

    def do(self, order: Order) -> None:
        match order:
            case Add():
                self.add(order)
            case Retract():
                self.retract(self.by_act.get((order.recipient_id, order.act), ()))
            case RetractAbout():
                self.retract(self.about(order.subject, order.spared))
            case Withhold():
                about = self.about(order.subject, order.spared)
                self.retract(fact for fact in about if fact.pk is None)
            case RetractComment():
                self.retract(self.of_comment(order.comment_id))
            case Reword():
                self.reword(order)
            case Readdress():
                if not self.opened[order.recipient_id].row.closed:
                    learn_address(order.event)
            case Forget():
                self.forget(order.user_id)
            case Hush():
                self.hush(order)
            case Moderate():
                self.moderate(order)
            case Close():
                pass

    def add(self, order: Add) -> None:
        inbox = self.opened[order.recipient_id]
        if inbox.row.closed or (order.event_id, order.recipient_id) in self.known:
            return
        if self.is_kept_from(order):
            return
        self.known.add((order.event_id, order.recipient_id))
        key = order.recipient_id, order.group_key
        item = self.groups.get(key)
        if item is None:
            item = new_item(order)
            self.groups[key] = item
        item.actor, item.target, item.data = order.actor, order.target, order.data
        inbox.join(item, self.now)
        self.remember(new_fact(order, item, self.now))

    def is_kept_from(self, order: Add) -> bool:
        """Whether the recipient is not to hear of it, or cannot see where it was done."""
        who, keeps = order.recipient_id, self.silences.keeps
        if self.preferences.hold_back(subject_told_by(order)):
            return True
        why: Iterable[Why] = ALL
        if order.kind == Kind.POST_SUBMITTED:
            if not self.moderators.include(who):
                return True
            # Nobody hides from moderation by blocking all who do it.
            why = BY_CHOICE
        by = order.actor and keeps(who, order.actor["id"], why)
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
            if order.why not in BY_CHOICE:
                theirs = [fact for fact in theirs if not is_of_submission(fact)]
            self.retract(f for f in theirs if order.speaker_id in {f.actor_id, f.host_id})

    def moderate(self, order: Moderate) -> None:
        if self.opened[order.user_id].row.closed:
            return
        news = KnownModerator(user_id=order.user_id, active=order.active, version=order.version)
        if self.moderators.learn(news) and not order.active:
            theirs = [fact for fact in self.facts if fact.recipient_id == order.user_id]
            self.retract(filter(is_of_submission, theirs))

    def retract(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            if self.holds(fact):
                fact.retracted_at, fact.actor, fact.data = self.now, None, None
                self.opened[fact.recipient_id].part(fact.item, self.now)
                self.retracted.append(fact)

    def holds(self, fact: Fact) -> bool:
        return fact.retracted_at is None and not self.opened[fact.recipient_id].row.closed

    def about(self, subject: str, spared: int | None) -> list[Fact]:
        about = (fact for fact in self.facts if fact.subject == subject)
        return [fact for fact in about if fact.recipient_id != spared]

    def of_comment(self, comment_id: int) -> list[Fact]:
        return [fact for fact in self.facts if fact.comment_id == comment_id]

    def reword(self, order: Reword) -> None:
        for fact in filter(self.holds, self.of_comment(order.comment_id)):
            if fact.data is not None:
                fact.data = {**fact.data, **order.data}
                self.changed.append(fact)
            if fact.item.data.get("comment_id") == order.comment_id:
                fact.item.data = {**fact.item.data, **order.data}
                self.opened[fact.recipient_id].touch(fact.item, self.now)

    def forget(self, user_id: int) -> None:
        """Of what somebody did who is deleted, what `stays` stays without their name."""
        self.retract(fact for fact in self.facts if fact.host_id == user_id)
        theirs = [fact for fact in self.facts if fact.actor_id == user_id]
        self.retract(fact for fact in theirs if not stays(fact.item.kind, fact.comment_id))
        nobody = shown(deleted_person(user_id))
        for fact in filter(self.holds, theirs):
            if fact.actor not in (None, nobody):
                fact.actor = nobody
                self.changed.append(fact)
            if fact.item.actor and fact.item.actor["id"] == user_id and fact.item.actor != nobody:
                fact.item.actor = nobody
                self.opened[fact.recipient_id].touch(fact.item, self.now)

    def write(self) -> list[OpenInbox]:
        """Returns the inboxes to be hinted after the commit."""
        new = [fact for fact in self.facts if fact.pk is None]
        known = {fact.pk for fact in self.retracted if fact.pk is not None}
        Fact.objects.filter(id__in=known).update(retracted_at=self.now, actor=None, data=None)
        changed = {fact.pk: fact for fact in self.changed if fact.pk is not None}
        Fact.objects.bulk_update(changed.values(), ["actor", "data"], batch_size=500)
        self.show_what_is_left(new)
        return write(self.opened, new)

    def show_what_is_left(self, new: Sequence[Fact]) -> None:
        """Where an item has lost a fact and has others left, it shows the last of those."""
        left = {fact.item_id: fact.item for fact in self.retracted if fact.item.fact_count}
        if not left:
            return
        live = Fact.objects.filter(item__in=left, retracted_at=None)
        ids = live.order_by().values("item").annotate(last=Max("id")).values_list("last", flat=True)
        last = {fact.item_id: fact for fact in Fact.objects.filter(id__in=list(ids))}
        last |= {fact.item_id: fact for fact in new if fact.retracted_at is None}
        for item_id, item in left.items():
            item.actor, item.data = last[item_id].actor, last[item_id].data or {}


def subject_told_by(order: Add) -> Subject:
    return Subject(order.recipient_id, order.kind, order.post_id, order.thread_id)


def new_item(order: Add) -> Item:
    return made(
        Item,
        id=uuid7(),
        recipient_id=order.recipient_id,
        kind=order.kind,
        group_key=order.group_key,
        created_at=order.time,
    )


def new_fact(order: Add, item: Item, now: datetime) -> Fact:
    is_one_of_many = order.group is not None
    fact = made(
        Fact,
        event_id=order.event_id,
        recipient_id=order.recipient_id,
        actor_id=order.actor["id"] if order.actor else None,
        host_id=order.host_id,
        comment_id=order.comment_id,
        item_id=item.id,
        act=order.act,
        subject=order.subject,
        actor=order.actor if is_one_of_many else None,
        data=order.data if is_one_of_many else None,
        created_at=now,
    )
    fact.item = item
    return fact
