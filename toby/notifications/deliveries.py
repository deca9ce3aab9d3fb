"""The work of a batch of events: what handlers order, and in which order rows are locked for it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from toby.consumer.fanout import LAST
from toby.events import AddressConfirmed, Envelope, Person
from toby.notifications.fulfillment import Fulfillment, subject_told_by
from toby.notifications.hints import announce_ended_sessions, run_in_worker
from toby.notifications.inboxes import (
    OpenInbox,
    close_inbox,
    hint_connected,
    lock_inboxes,
)
from toby.notifications.models import Kind, Why
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
    known_facts,
    known_groups,
    pairs_of,
    people_of,
    recipients_to_be_found,
    shown,
    subject_of,
    submission_of,
    without_the_deleted,
)
from toby.notifications.posts import Posts
from toby.notifications.preferences import Preferences
from toby.notifications.projections import deleted_among
from toby.notifications.silences import Pair, Silences


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
        fulfillment = Fulfillment(
            opened,
            silences=silences,
            preferences=preferences,
            moderators=moderators,
            known=known_facts(adds),
            groups=known_groups(adds),
        )
        for fact in facts_to_undo(orders):
            fulfillment.remember(fact)
        for order in orders:
            fulfillment.do(order)
        silences.write()
        moderators.write()
        self.touched = fulfillment.write()

    def committed(self) -> None:
        if self.ended_sessions:
            run_in_worker(announce_ended_sessions(self.ended_sessions))
        hint_connected(self.touched)


def asked_whether_they_moderate(orders: Sequence[Order]) -> set[int]:
    asked = {order.user_id for order in orders if isinstance(order, Moderate)}
    adds = [order for order in orders if isinstance(order, Add)]
    return asked | {order.recipient_id for order in adds if order.kind == Kind.POST_SUBMITTED}
