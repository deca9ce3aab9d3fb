"""Home feeds: one row a reader and post, written when the post goes live.

Whoever writes rows reads the follows they stand for FOR SHARE in the same transaction, so that an
unfollow is either seen here or finds the rows to delete: it deletes the follow before the rows.
"""

from collections.abc import Iterable

from toby.common.sql import for_share, insert_missing
from toby.social.models import Follow, Post, TimelineEntry

BACKFILL = 200


def add_post(*, post_id: int) -> None:
    """Puts a live post into its author's followers' feeds."""
    post = Post.objects.live().filter(id=post_id).first()
    if post is not None:
        followers = Follow.objects.filter(followee_id=post.author_id).order_by("follower_id")
        readers = for_share(followers.values_list("follower_id"))
        insert(entry(reader_id, post) for (reader_id,) in readers)


def backfill(*, reader_id: int, author_id: int) -> None:
    """Puts an author's latest BACKFILL posts into a new follower's feed."""
    if still_follows(reader_id, author_id):
        posts = Post.objects.live().filter(author_id=author_id).order_by("-live_order")
        insert(entry(reader_id, post) for post in posts[:BACKFILL])


def remove_author(*, reader_id: int, author_id: int) -> None:
    """Takes an author's posts out of a feed, unless they are followed again by now."""
    if not still_follows(reader_id, author_id):
        TimelineEntry.objects.filter(reader_id=reader_id, author_id=author_id).delete()


def still_follows(reader_id: int, author_id: int) -> bool:
    follow = Follow.objects.filter(follower_id=reader_id, followee_id=author_id)
    return bool(for_share(follow.values_list("id")))


def entry(reader_id: int, post: Post) -> TimelineEntry:
    assert post.live_order is not None
    return TimelineEntry(
        reader_id=reader_id, post=post, author_id=post.author_id, live_order=post.live_order
    )


def insert(entries: Iterable[TimelineEntry]) -> None:
    insert_missing(list(entries), unique=["reader", "post"])
