"""The timeline consumer: home feeds (fan-out on write), names that change, and what deleted
accounts leave. And the consumer of chunks, into which it cuts what is too much for one
transaction."""

from collections.abc import Iterator
from typing import Any

from toby.consumer.handlers import Handlers
from toby.events import (
    BackfillDue,
    Envelope,
    FeedsDue,
    PostPublished,
    PostRestored,
    UserChanged,
    UserDeleted,
    UserFollowed,
    UserMuted,
    UserUnfollowed,
    UserUnmuted,
)
from toby.social.services import departures, search, timelines


class TimelineWork:
    """Each handler writes at once, in the batch's transaction: nothing is gathered."""

    def begin(self, envelope: Envelope) -> None:
        pass

    def flush(self) -> None:
        pass

    def committed(self) -> None:
        pass


handlers = Handlers(TimelineWork)
# One at once: its locks are held until it is done.
chunks = Handlers(TimelineWork, at_once=1)


@handlers.fans_out(PostPublished)
def fill_the_followers_feeds(event: PostPublished, parent: Envelope) -> Iterator[FeedsDue]:
    return timelines.followers_of(post_id=event.post_id)


@handlers.fans_out(PostRestored)
def fill_what_was_passed_over_while_it_was_gone(
    event: PostRestored, parent: Envelope
) -> Iterator[FeedsDue]:
    return timelines.followers_of(post_id=event.post_id)


@chunks.handles(FeedsDue)
def fill_some_followers_feeds(event: FeedsDue, work: Any) -> None:
    timelines.add_post(post_id=event.post_id, first_id=event.first_id, last_id=event.last_id)


@handlers.handles(UserFollowed)
def backfill_from_the_followed(event: UserFollowed, work: Any) -> None:
    timelines.backfill(reader_id=event.follower_id, author_id=event.followee_id)


@handlers.fans_out(UserFollowed)
def backfill_the_rest(event: UserFollowed, parent: Envelope) -> Iterator[BackfillDue]:
    return timelines.posts_before(reader_id=event.follower_id, author_id=event.followee_id)


@chunks.handles(BackfillDue)
def backfill_some_of_the_rest(event: BackfillDue, work: Any) -> None:
    timelines.backfill_range(
        reader_id=event.reader_id,
        author_id=event.author_id,
        first_order=event.first_order,
        last_order=event.last_order,
    )


@handlers.handles(UserUnfollowed)
def remove_the_unfollowed(event: UserUnfollowed, work: Any) -> None:
    timelines.remove_author(reader_id=event.follower_id, author_id=event.followee_id)


@handlers.handles(UserMuted)
def remove_the_muted(event: UserMuted, work: Any) -> None:
    timelines.remove_author(reader_id=event.muter_id, author_id=event.muted_id)


@handlers.handles(UserUnmuted)
def backfill_from_the_unmuted(event: UserUnmuted, work: Any) -> None:
    timelines.backfill(reader_id=event.muter_id, author_id=event.muted_id)


@handlers.fans_out(UserUnmuted)
def backfill_the_rest_of_the_unmuted(event: UserUnmuted, parent: Envelope) -> Iterator[BackfillDue]:
    return timelines.posts_before(reader_id=event.muter_id, author_id=event.muted_id)


@handlers.handles(UserChanged)
def find_their_posts_by_the_new_name(event: UserChanged, work: Any) -> None:
    search.index_author(user_id=event.user_id)


@handlers.handles(UserDeleted)
def remove_what_they_wrote(event: UserDeleted, work: Any) -> None:
    departures.forget_person(user_id=event.user_id)
