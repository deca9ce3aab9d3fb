"""Events as the consumer gets them, without Kafka in between."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from typing import TypeVar

import pytest
from django.db.models import Prefetch

from tests.events.support import incoming, received
from toby.common.kafka import Incoming, Outgoing
from toby.consumer.processing import Processor
from toby.events import (
    AddressConfirmed,
    CommentAdded,
    CommentDeleted,
    CommentHidden,
    Event,
    Person,
    PostApproved,
    PostLiked,
    PostPublished,
    PostSubmitted,
    RoleChanged,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from toby.notifications.handlers import chunks, handlers
from toby.notifications.models import Fact, Inbox, Item
from toby.outbox.models import OutboxEvent
from toby.outbox.relay import outgoing

# A winter's day: Berlin is an hour ahead.
MORNING = datetime(2026, 1, 10, 8, 0, tzinfo=UTC)
Gone = TypeVar("Gone", bound=CommentHidden | CommentDeleted)
_comment_ids = count(1)


def consume(*events: Event, time: datetime | None = None) -> None:
    """Handles events in one batch, and then the chunks that came of them, as the two consumers
    do."""
    consume_chunks(cut(*events, time=time))


def deliver(events: Sequence[Event], batches: str) -> None:
    """Handles events in `one` batch, or in `many`, each in its own."""
    for part in [events] if batches == "one" else [[event] for event in events]:
        consume(*part)


def cut(*events: Event, time: datetime | None = None) -> list[Incoming]:
    """Handles events in one batch, as the notification consumer does; returns the chunks that came
    of them."""
    return process([incoming(event, time=time) for event in events])


def process(messages: Sequence[Incoming]) -> list[Incoming]:
    sent: list[Outgoing] = []
    Processor("notifications", handlers, send=sent.extend).process(messages)
    return [received(message) for message in sent]


def consume_emitted() -> None:
    """Handles what the services have emitted so far, each once, and the chunks that come of it."""
    rows = OutboxEvent.objects.order_by("id")
    consume_chunks(process([received(outgoing(row)) for row in rows]))


def consume_chunks(messages: Sequence[Incoming]) -> None:
    if messages:
        Processor("notification-fanout", chunks).process(messages)


def begin(elsewhere: ThreadPoolExecutor, call: Callable[[], None]) -> Future[None]:
    """Returns once it is clear that it waits."""
    begun = threading.Event()

    def handle() -> None:
        begun.set()
        call()

    handled = elsewhere.submit(handle)
    begun.wait(10)
    with pytest.raises(TimeoutError):
        handled.result(timeout=0.5)
    return handled


def person(user_id: int, name: str = "Ana") -> Person:
    return Person(user_id=user_id, username=name.lower(), display_name=name)


def addressed(user_id: int, version: int = 1, email: str = "") -> AddressConfirmed:
    email = email or f"user{user_id}@toby.example"
    return AddressConfirmed(user_id=user_id, email=email, version=version)


def approved(author_id: int, post_id: int = 1) -> PostApproved:
    return PostApproved(
        post_id=post_id,
        revision_id=post_id,
        slug=f"post-{post_id}",
        title=f"Post {post_id}",
        author=person(author_id),
        version=1,
    )


def published(author_id: int, post_id: int = 1, *, mentions: tuple[int, ...] = ()) -> PostPublished:
    return PostPublished(
        post_id=post_id,
        slug=f"post-{post_id}",
        title=f"Post {post_id}",
        author=person(author_id),
        mentions=mentions,
    )


def submitted(author_id: int, post_id: int = 1, *, name: str = "Ana") -> PostSubmitted:
    return PostSubmitted(
        post_id=post_id,
        revision_id=30 + post_id,
        author=person(author_id, name),
        slug=f"post-{post_id}",
        title=f"Post {post_id}",
    )


def made(user_id: int, role: str, version: int = 2) -> RoleChanged:
    return RoleChanged(user_id=user_id, role=role, version=version)


def commented(
    post_author_id: int,
    by: int,
    post_id: int = 1,
    *,
    answering: int = 0,
    mentions: tuple[int, ...] = (),
) -> CommentAdded:
    """`answering` is whose comment it answers, each time another."""
    return CommentAdded(
        comment_id=next(_comment_ids),
        post_id=post_id,
        post_slug=f"post-{post_id}",
        post_title=f"Post {post_id}",
        post_author_id=post_author_id,
        author=person(by, "Ben"),
        excerpt="Well said",
        parent_id=next(_comment_ids) if answering else 0,
        parent_author_id=answering,
        mentions=mentions,
    )


def gone(comment: CommentAdded, event: type[Gone]) -> Gone:
    return event(
        comment_id=comment.comment_id,
        post_id=comment.post_id,
        post_author_id=comment.post_author_id,
        author=comment.author,
        excerpt=comment.excerpt,
        reason="Rude.",
        parent_author_id=comment.parent_author_id,
    )


def liked(post_author_id: int, by: int, post_id: int = 1) -> PostLiked:
    return PostLiked(
        post_id=post_id,
        post_slug="s",
        post_title="T",
        post_author_id=post_author_id,
        liker=person(by),
    )


def followed(follower: int, followee: int, version: int = 1) -> UserFollowed:
    return UserFollowed(
        follower_id=follower, followee_id=followee, follower=person(follower), version=version
    )


def unfollowed(follower: int, followee: int, version: int = 2) -> UserUnfollowed:
    return UserUnfollowed(follower_id=follower, followee_id=followee, version=version)


def blocked(blocker: int, other: int, version: int = 3) -> UserBlocked:
    return UserBlocked(blocker_id=blocker, blocked_id=other, version=version)


def unblocked(blocker: int, other: int, version: int = 4) -> UserUnblocked:
    return UserUnblocked(blocker_id=blocker, blocked_id=other, version=version)


def muted(muter: int, other: int, version: int = 3) -> UserMuted:
    return UserMuted(muter_id=muter, muted_id=other, version=version)


def unmuted(muter: int, other: int, version: int = 4) -> UserUnmuted:
    return UserUnmuted(muter_id=muter, muted_id=other, version=version)


def kinds_told(user_id: int) -> list[str]:
    """Of what somebody sees, in the order in which it came."""
    items = Item.objects.filter(recipient_id=user_id, retracted_at=None).order_by("content_seq")
    return [item.kind for item in items]


def assert_counts_are_right(user_id: int) -> Inbox:
    """The inbox's counts are those of its items, which say what their facts do, and no seq stands
    twice or beyond the last."""
    inbox = Inbox.objects.get(user_id=user_id)
    facts = Prefetch("facts", Fact.objects.order_by("id"))
    items = list(Item.objects.filter(recipient_id=user_id).prefetch_related(facts))
    live = [item for item in items if item.retracted_at is None]
    assert inbox.unread == sum(item.read_at is None for item in live)
    assert inbox.unseen == sum(item.seen_at is None for item in live)
    for item in items:
        assert item.state == item.state_by_its_times()
        assert item.read_at or not item.archived_at
        assert item.seen_at or not item.read_at
        assert_says_what_its_facts_do(item)
    seqs = [item.seq for item in items]
    assert len(set(seqs)) == len(seqs)
    assert max(seqs, default=0) <= inbox.last_seq
    return inbox


def assert_says_what_its_facts_do(item: Item) -> None:
    facts = item.facts.all()
    assert not [fact for fact in facts if fact.retracted_at and (fact.actor or fact.data)]
    left = [fact for fact in facts if fact.retracted_at is None]
    assert item.fact_count == len(left)
    assert (item.retracted_at is None) == bool(left)
    if not left:
        assert (item.actor, item.target, item.data) == (None, {}, {})
    elif left[-1].data is not None:
        assert (item.actor, item.data) == (left[-1].actor, left[-1].data)
