"""The timeline consumer: home feeds (fan-out on write), names that change, and what deleted
accounts leave."""

from typing import Any

from toby.consumer.handlers import Handlers
from toby.events import (
    Envelope,
    PostPublished,
    PostRestored,
    UserChanged,
    UserDeleted,
    UserFollowed,
    UserUnfollowed,
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


@handlers.handles(PostPublished)
def fill_the_followers_feeds(event: PostPublished, work: Any) -> None:
    timelines.add_post(post_id=event.post_id)


@handlers.handles(PostRestored)
def fill_what_was_passed_over_while_it_was_gone(event: PostRestored, work: Any) -> None:
    timelines.add_post(post_id=event.post_id)


@handlers.handles(UserFollowed)
def backfill_from_the_followed(event: UserFollowed, work: Any) -> None:
    timelines.backfill(reader_id=event.follower_id, author_id=event.followee_id)


@handlers.handles(UserUnfollowed)
def remove_the_unfollowed(event: UserUnfollowed, work: Any) -> None:
    timelines.remove_author(reader_id=event.follower_id, author_id=event.followee_id)


@handlers.handles(UserChanged)
def find_their_posts_by_the_new_name(event: UserChanged, work: Any) -> None:
    search.index_author(user_id=event.user_id)


@handlers.handles(UserDeleted)
def remove_what_they_wrote(event: UserDeleted, work: Any) -> None:
    departures.forget_person(user_id=event.user_id)
