"""Home feeds: one row a reader and post, written when the post goes live.

Whoever writes rows reads the follows they stand for FOR SHARE in the same transaction, so that an
unfollow is either seen here or finds the rows to delete: it deletes the follow before the rows.
"""

from collections.abc import Iterable

from django.db import connection

from toby.common.sql import insert_missing
from toby.social.models import Follow, Post, TimelineEntry

BACKFILL = 200


def add_post(*, post_id: int) -> None:
    """Puts a live post into its author's followers' feeds."""
    post = Post.objects.live().filter(id=post_id).first()
    if post is not None:
        followers = for_share(Follow, ["followee_id"], [post.author_id], column="follower_id")
        insert(entry(reader_id, post) for reader_id in followers)


def backfill(*, reader_id: int, author_id: int) -> None:
    """Puts an author's latest BACKFILL posts into a new follower's feed."""
    if for_share(Follow, ["follower_id", "followee_id"], [reader_id, author_id], column="id"):
        posts = Post.objects.live().filter(author_id=author_id).order_by("-live_order")
        insert(entry(reader_id, post) for post in posts[:BACKFILL])


def remove_author(*, reader_id: int, author_id: int) -> None:
    """Takes an author's posts out of a feed, unless they are followed again by now."""
    if not for_share(Follow, ["follower_id", "followee_id"], [reader_id, author_id], column="id"):
        TimelineEntry.objects.filter(reader_id=reader_id, author_id=author_id).delete()


def entry(reader_id: int, post: Post) -> TimelineEntry:
    assert post.live_order is not None
    return TimelineEntry(
        reader_id=reader_id, post=post, author_id=post.author_id, live_order=post.live_order
    )


def insert(entries: Iterable[TimelineEntry]) -> None:
    insert_missing(list(entries), unique=["reader", "post"])


def for_share(
    model: type[Follow], where: list[str], values: list[int], *, column: str
) -> list[int]:
    """`SELECT ... FOR SHARE`, which the ORM cannot say; SQLite writes alone anyhow."""
    quote = connection.ops.quote_name
    condition = " AND ".join(f"{quote(name)} = %s" for name in where)
    lock = " LOCK IN SHARE MODE" if connection.vendor == "mysql" else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {quote(column)} FROM {quote(model._meta.db_table)} WHERE {condition}"  # noqa: S608  names are ours
            f" ORDER BY {quote(column)}{lock}",
            values,
        )
        return [int(row[0]) for row in cursor.fetchall()]
