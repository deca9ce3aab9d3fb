"""Home feeds: one row a reader and post, written when the post goes live. But for posts of those
whom very many follow: these are merged, when a feed is read.

Whoever writes rows reads what they stand for FOR SHARE in the transaction that writes them, which
is the caller's. An unfollow deletes the follow before the rows, so it is either seen here or finds
the rows. Mutes are read once the follows are locked: whoever takes out what is muted locks the
follow before the rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Value

from toby.common.sql import for_share
from toby.common.writing import insert_missing, insert_missing_of
from toby.consumer import fanout
from toby.events import BackfillDue, FeedsDue
from toby.social.models import Follow, MergedAuthor, Mute, Post, Profile, TimelineEntry

BACKFILL = 200
# Followers a chunk: rows that the database copies by itself.
FEEDS_AT_ONCE = 5_000
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


def is_merged(*, author_id: int) -> bool:
    """Whether a post that goes live now is merged. The caller writes it in the same transaction."""
    counts = Profile.objects.filter(pk=author_id).values_list("follower_count", flat=True)
    if (counts.first() or 0) <= settings.MERGE_OVER:
        return False
    insert_missing([MergedAuthor(user_id=author_id)], unique=["user"])
    return True


def followers_of(*, post_id: int) -> Iterator[FeedsDue]:
    """All followers of a live post's author, in chunks."""
    authors = written().filter(id=post_id).values_list("author_id", flat=True)
    followers = Follow.objects.filter(followee_id=authors.first() or 0)
    for first, last in fanout.ranges(followers, "follower_id", FEEDS_AT_ONCE):
        yield FeedsDue(post_id=post_id, first_id=first, last_id=last)


def add_post(*, post_id: int, first_id: int = 0, last_id: int = fanout.LAST) -> None:
    """Puts a live post into the feeds of those of its author's followers who have these ids."""
    for post in locked(written().filter(id=post_id)):
        followers = Follow.objects.filter(
            followee_id=post.author_id,
            follower_id__gte=first_id,
            follower_id__lte=last_id,
            # In no index: by an index's own rows alone the follows would not be locked.
            created_at__gt=LONG_AGO,
        )
        insert_missing_of(
            TimelineEntry,
            ["reader", "post", "author_id", "live_order"],
            followers.order_by("follower_id").values_list("follower_id", *map(Value, post)),
            unique=["reader", "live_order"],
        )
        # Few, and read once the follows are locked: see above.
        follow = Follow.objects.filter(follower_id=OuterRef("muter_id"), followee_id=post.author_id)
        mutes = Mute.objects.filter(
            Exists(follow), muted_id=post.author_id, muter_id__gte=first_id, muter_id__lte=last_id
        )
        deaf = mutes.order_by("muter_id").values_list("muter_id", flat=True)
        for part in in_parts(list(deaf)):
            TimelineEntry.objects.filter(reader_id__in=part, live_order=post.live_order).delete()


def backfill(*, reader_id: int, author_id: int) -> None:
    """Puts an author's latest BACKFILL posts into a new follower's feed."""
    newest = written().filter(author_id=author_id).order_by("-live_order")[:BACKFILL]
    fill(reader_id, author_id, locked(newest))


def backfill_at_once(*, reader_id: int, author_id: int) -> None:
    """In a transaction of its own."""
    with transaction.atomic():
        backfill(reader_id=reader_id, author_id=author_id)


def backfill_range(*, reader_id: int, author_id: int, first_order: int, last_order: int) -> None:
    """Puts what an author has live, of these places in lists, into a follower's feed."""
    places = (first_order, last_order)
    these = written().filter(author_id=author_id, live_order__range=places).order_by("live_order")
    fill(reader_id, author_id, locked(these))


def posts_before(*, reader_id: int, author_id: int) -> Iterator[BackfillDue]:
    """What `backfill` has left, in chunks. With what it has not left, if anything: since then posts
    may have been hidden, and others have become the latest."""
    published = Post.objects.filter(author_id=author_id, live_order__isnull=False, merged=False)
    if the_follow(reader_id, author_id).exists() and published[BACKFILL:].exists():
        for first, last in fanout.ranges(published, "live_order"):
            yield BackfillDue(
                reader_id=reader_id, author_id=author_id, first_order=first, last_order=last
            )


def remove_author(*, reader_id: int, author_id: int) -> None:
    """Takes an author's posts out of a feed, unless they are followed and not muted by now."""
    if is_left_out(reader_id, author_id):
        # Not before the follow is locked: whoever was filling has committed.
        posts = Post.objects.filter(author_id=author_id, merged=False)
        places = posts.values_list("live_order", flat=True)
        remove(reader_id, [place for place in places if place is not None])


def is_left_out(reader_id: int, author_id: int) -> bool:
    """Whether they are not followed, or are muted. Whoever follows or unmutes them meanwhile is
    kept off by the reader's profile alone; and fills the feed by an event that comes later."""
    follows = list(the_follow(reader_id, author_id).select_for_update())
    return not follows or Mute.objects.filter(muter_id=reader_id, muted_id=author_id).exists()


def remove(reader_id: int, places: Sequence[int]) -> None:
    for part in in_parts(places):
        TimelineEntry.objects.filter(reader_id=reader_id, live_order__in=part).delete()


def remove_posts(posts: Iterable[Post]) -> None:
    """Takes posts of one author, which will be deleted, out of all feeds: those of the author's
    followers. The caller has locked them.

    Of who has just ended a follow, and whose feed the consumer has not been through yet, a row is
    left, which is shown nowhere; `rebuild_timelines` takes it out.
    """
    # Of others there are no rows.
    written = [post for post in posts if not post.merged]
    places = [post.live_order for post in written if post.live_order is not None]
    if not places:
        return
    followers = Follow.objects.filter(followee_id=written[0].author_id)
    for first, last in fanout.ranges(followers, "follower_id"):
        ids = followers.filter(follower_id__gte=first, follower_id__lte=last)
        readers = list(ids.values_list("follower_id", flat=True))
        for place in places:
            TimelineEntry.objects.filter(reader_id__in=readers, live_order=place).delete()


def in_parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), fanout.AT_ONCE):
        yield numbers[start : start + fanout.AT_ONCE]


def the_follow(reader_id: int, author_id: int) -> QuerySet[Follow]:
    return Follow.objects.filter(follower_id=reader_id, followee_id=author_id)


def written() -> QuerySet[Post]:
    """The posts that feeds have rows of."""
    return Post.objects.live().filter(merged=False)


class Placed(NamedTuple):
    """What a feed has of a post."""

    id: int
    author_id: int
    live_order: int


def locked(posts: QuerySet[Post]) -> Sequence[Placed]:
    return [Placed(*row) for row in for_share(posts.values_list(*Placed._fields))]


def fill(reader_id: int, author_id: int, posts: Sequence[Placed]) -> None:
    """Puts `posts`, all of one author and locked, into the feed of somebody who follows and does
    not mute them."""
    # With a column that no index has: as above.
    if not for_share(the_follow(reader_id, author_id).values_list("created_at")):
        return
    if Mute.objects.filter(muter_id=reader_id, muted_id=author_id).exists():
        return
    entries = [
        TimelineEntry(
            reader_id=reader_id,
            post_id=post.id,
            author_id=post.author_id,
            live_order=post.live_order,
        )
        for post in posts
    ]
    insert_missing(entries, unique=["reader", "live_order"])
