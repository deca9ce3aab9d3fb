"""The work of a batch of events: facts added and retracted, written with the seq they take."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from toby.common.uuid7 import uuid7
from toby.common.writing import made
from toby.consumer.fanout import LAST
from toby.events import AddressConfirmed, Envelope, Person, deleted_person
from toby.notifications.hints import announce_ended_sessions, run_in_worker
from toby.notifications.inboxes import (
    OpenInbox,
    close_inbox,
    hint_connected,
    lock_inboxes,
    write,
)
from toby.notifications.models import Fact, Item, Kind, KnownModerator, Silence, Why
from toby.notifications.moderators import Moderators, to_each_moderator
from toby.notifications.orders import (
    TO_ONE,
    Add,
    Close,
    Forget,
    Hush,
    Moderate,
    Order,
    Publication,
    Publish,
    Readdress,
    Retract,
    RetractAbout,
    RetractComment,
    Reword,
    Show,
    TakeBackPost,
    TellFollowers,
    TellLate,
    TellModerators,
    Wide,
    Withhold,
    facts_to_undo,
    is_of_submission,
    known_facts,
    known_groups,
    pairs_of,
    people_of,
    recipients_to_be_found,
    shown,
    stays,
    subject_of,
    submission_of,
    without_the_deleted,
)
from toby.notifications.posts import Posts
from toby.notifications.preferences import Preferences, Subject
from toby.notifications.projections import deleted_among, learn_address
from toby.notifications.silences import ALL, APART, BY_CHOICE, Pair, Silences


class Deliveries:
    """Handlers say whom an event concerns; `flush` writes it.

    Lock order: the rows by which actors are known, those by which posts are (see `posts`), then
    inboxes by user id, then facts and items. Whom nobody is to be told of, and of what, is read
    under the inboxes' locks, and changed under the same: read before, an act and a block at the
    same moment would not see each other.
    """

    def __init__(self) -> None:
        self.orders: list[Order | Wide | TellModerators] = []
        # Who follows whom since when, as this batch told.
        self.late: dict[Pair, datetime] = {}
        self.touched: list[OpenInbox] = []
        self.ended_sessions: list[str] = []

    def begin(self, envelope: Envelope) -> None:
        self.begin_fact(envelope.id, envelope.time)

    def begin_fact(self, fact_id: UUID, time: datetime) -> None:
        """What is told from here on follows from this: an event, or what this service itself did.
        Nobody is told of it twice."""
        self.fact_id, self.time = fact_id, time

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
        group: str | None = None,
        outlives_target: bool = False,
        **data: Any,
    ) -> None:
        """The current event concerns this person: who has been told of it already is not told
        again. Nobody is told of their own act, of one by somebody they mute or are apart from, of
        one under the post of somebody they are apart from: `host_id`, or of a kind or post that
        they do not want to hear of. It is taken back with all about its target, unless it
        `outlives_target`, and with the comment. With others of its kind, `group` and day it makes
        one item."""
        if actor is not None and actor.user_id == recipient_id:
            return
        self.add(
            Add(
                event_id=self.fact_id,
                time=self.time,
                recipient_id=recipient_id,
                kind=kind,
                group=group,
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

    def withhold(self, subject: str, *, but: int | None = None) -> None:
        """Of what is told in this batch of `subject` before, nobody but this person is told."""
        self.orders.append(Withhold(subject=subject, spared=but))

    def take_back_post(
        self, post_id: int, author_id: int, *, but: int | None, first_id: int, last_id: int
    ) -> None:
        """What those but this person who have these ids were told about a post no longer holds,
        since it was hidden at the time of the current event. What they were told later does."""
        order = TakeBackPost(
            hiding=Show(post_id=post_id, author_id=author_id, visible=False, at=self.time),
            spared=but,
            first_id=first_id,
            last_id=last_id,
        )
        self.orders.append(order)

    def take_back_comment(self, comment_id: int) -> None:
        """What anybody was told of this comment no longer holds."""
        self.orders.append(RetractComment(comment_id=comment_id))

    def reword(self, comment_id: int, **data: Any) -> None:
        """What anybody was told of this comment holds, but with this data."""
        self.orders.append(Reword(comment_id=comment_id, data=data))

    def learn_address(self, event: AddressConfirmed) -> None:
        self.orders.append(Readdress(event=event))

    def close(self, user_id: int) -> None:
        """Their account was deleted: nothing comes into their inbox any more."""
        self.orders.append(Close(user_id=user_id))

    def forget(self, user_id: int, *, column: str, first_id: int, last_id: int) -> None:
        """What those who have these ids were told of somebody whose account was deleted, who stands
        in that column, no longer holds or is left without their name."""
        order = Forget(user_id=user_id, column=column, first_id=first_id, last_id=last_id)
        self.orders.append(order)

    def publish(self, post_id: int, *, target: dict[str, Any], author: Person) -> None:
        """The current event is that a post went live."""
        publication = self.publication(post_id, self.fact_id, target, author)
        self.orders.append(Publish(publication=publication))

    def show_post(self, post_id: int, author_id: int, *, visible: bool) -> None:
        """Readers see the post from now on, or no longer: then nobody but its author is told of
        it."""
        order = Show(post_id=post_id, author_id=author_id, visible=visible, at=self.time)
        self.orders.append(order)

    def tell_followers(
        self,
        post_id: int,
        *,
        published_by: UUID,
        target: dict[str, Any],
        author: Person,
        spared: Collection[int],
        first_id: int = 0,
        last_id: int = LAST,
        connected: Collection[int] | None = None,
    ) -> None:
        """Those who follow the author and have these ids are told of a post that went live, by
        the event `published_by` at the time of the current one; but for the `spared`. Of the
        `connected` some hundred, if they are given: others will tell the rest."""
        order = TellFollowers(
            publication=self.publication(post_id, published_by, target, author),
            first_id=first_id,
            last_id=last_id,
            spared=spared,
            connected=connected,
        )
        self.orders.append(order)

    def tell_late(self, follower_id: int, author_id: int) -> None:
        """By the current event they follow the author: what was published since, and learned of
        earlier, is told now, if they still follow at the end of the batch."""
        self.late[follower_id, author_id] = self.time

    def tell_nothing_late(self, follower_id: int, author_id: int) -> None:
        self.late.pop((follower_id, author_id), None)

    def publication(
        self, post_id: int, event_id: UUID, target: dict[str, Any], author: Person
    ) -> Publication:
        return Publication(
            event_id=event_id,
            time=self.time,
            post_id=post_id,
            target=target,
            actor=shown(author),
        )

    def tell_moderators(
        self, post_id: int, *, target: dict[str, Any], author: Person, **data: Any
    ) -> None:
        """The current event is that something of a post waits for a decision; one's own concerns
        nobody. A post is one item a day, until `take_back_submission`."""
        order = TellModerators(
            event_id=self.fact_id,
            time=self.time,
            act=submission_of(post_id),
            actor=shown(author),
            target=target,
            data=data,
        )
        self.orders.append(order)

    def take_back_submission(self, post_id: int) -> None:
        """Nothing of the post waits for a decision any more."""
        self.orders.append(RetractAbout(subject=submission_of(post_id)))

    def moderate(self, user_id: int, *, active: bool, version: int) -> None:
        """Somebody is told of what is submitted from now on, or no longer."""
        self.orders.append(Moderate(user_id=user_id, active=active, version=version))

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
        late = [
            TellLate(follower_id=follower_id, author_id=author_id, since=since)
            for (follower_id, author_id), since in self.late.items()
        ]
        told = to_each_moderator([*self.orders, *late])
        if not told:
            return
        deleted = deleted_among(people_of(told))
        posts = Posts(told, deleted)
        orders = without_the_deleted(posts.spell_out(told), deleted)
        if not orders:
            return
        closed = {order.user_id for order in orders if isinstance(order, Close)}
        concerned = {order.recipient_id for order in orders if isinstance(order, TO_ONE)}
        concerned |= {order.listener_id for order in orders if isinstance(order, Hush)}
        concerned |= {order.user_id for order in orders if isinstance(order, Moderate)}
        opened = lock_inboxes(concerned | closed | recipients_to_be_found(orders))
        for user_id in closed:
            close_inbox(opened[user_id])
        adds = [order for order in orders if isinstance(order, Add)]
        silences = Silences(pairs_of(orders))
        preferences = Preferences(subject_told_by(order) for order in adds)
        moderators = Moderators(asked_whether_they_moderate(orders))
        writing = Writing(
            opened,
            silences=silences,
            preferences=preferences,
            moderators=moderators,
            known=known_facts(adds),
            groups=known_groups(adds),
        )
        for fact in facts_to_undo(orders):
            writing.remember(fact)
        for order in orders:
            writing.do(order)
        silences.write()
        moderators.write()
        self.touched = writing.write()

    def committed(self) -> None:
        if self.ended_sessions:
            run_in_worker(announce_ended_sessions(self.ended_sessions))
        hint_connected(self.touched)


class Writing:
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


def asked_whether_they_moderate(orders: Sequence[Order]) -> set[int]:
    asked = {order.user_id for order in orders if isinstance(order, Moderate)}
    adds = [order for order in orders if isinstance(order, Add)]
    return asked | {order.recipient_id for order in adds if order.kind == Kind.POST_SUBMITTED}


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
