"""`python -m bench.comments`: pages of comments on two posts that differ in how many they have."""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random

from bench.figures import Row, compare, per_call
from bench.site import caller, reader, seeded_site

MANY, FEW = 50_000, 50
USERS, POSTS = 500, 500
# One in ANSWERS answers the one before it, and one in LIKED has some likes.
ANSWERS, LIKED = 3, 4
ROUNDS, READS, GATE = 31, 20, 2.0
SORTS = ("oldest", "newest", "top")


def rows_of() -> Iterator[Row]:
    """Of both the first page, and one from the middle on; for somebody who is signed in."""
    from toby.common.pagination import signer
    from toby.social.models import Comment, Post
    from toby.social.selectors import SORTS as COLUMNS

    posts = Post.objects.live().order_by("id")[:2]
    call = caller(reader()[0])
    for post, count in zip(posts, (MANY, FEW), strict=True):
        if post.comment_count != count:
            comment_on(post, count)

    def page(post: Post, sort: str, *, middle: bool) -> Callable[[], bytes]:
        column, _, oldest_first = COLUMNS[sort]
        path = f"/api/v1/posts/{post.slug}/comments?sort={sort}"
        if middle:
            roots = Comment.objects.filter(post=post, parent=None)
            order = column if oldest_first else f"-{column}"
            edge = roots.order_by(order).values_list(column, flat=True)[roots.count() // 2]
            cursor = signer(f"comments:{post.pk}:{sort}").sign_object(("after", edge))
            path = f"{path}&cursor={cursor}"
        return lambda: call("GET", path)

    for sort in SORTS:
        for middle in (False, True):
            read = [page(post, sort, middle=middle) for post in posts]
            lengths = [len(json.loads(one())["results"]) for one in read]
            # The few have fewer than a page from their middle on.
            assert lengths[0] == 20
            assert lengths[1] >= 15
            ratio = compare(
                *(per_call(one, READS) for one in read),
                rounds=ROUNDS,
            )
            many, few = (median / 1000 for median in ratio.medians())
            where = "from the middle" if middle else "first page"
            yield Row(
                "COMMENTS",
                f"{where}, {sort}: of {MANY:,} / of {FEW}",
                f"{ratio} ({many:.2f} ms)",
                f"{few:.2f} ms",
                f"<= {GATE:.0f}x",
                ratio.median <= GATE,
            )


def comment_on(post: object, count: int) -> None:
    """Rows alone: by the service this many would take minutes."""
    from django.contrib.auth import get_user_model
    from django.db import connection, transaction
    from django.utils import timezone

    from toby.common.sql import next_id
    from toby.common.writing import insert_lines
    from toby.social.models import Comment, Post, top_order
    from toby.social.services.threads import delete_comments

    assert isinstance(post, Post)
    random, now = Random(count), timezone.now()
    users = list(get_user_model()._default_manager.values_list("id", flat=True))
    text = "Well said, and not only this once. " * 5
    with transaction.atomic():
        delete_comments(post)
        first = next_id(Comment)

        def line(comment_id: int) -> Sequence[object]:
            place = comment_id - first
            likes = random.randrange(20) if place % LIKED == 0 else 0
            parent = comment_id - 1 if place % ANSWERS == 1 else None
            replies = int(place % ANSWERS == 0 and place + 1 < count)
            return (
                *(comment_id, post.pk, parent, parent or comment_id, random.choice(users)),
                *(text, f"<p>{text}</p>", replies, likes, top_order(likes, comment_id), now),
            )

        columns = [
            *("id", "post_id", "parent_id", "thread_id", "author_id", "body", "html"),
            *("reply_count", "like_count", "top_order", "created_at"),
        ]
        insert_lines(Comment, columns, map(line, range(first, first + count)))
        Post.objects.filter(pk=post.pk).update(comment_count=count)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE social_comment")


if __name__ == "__main__":
    with seeded_site("comments", users=USERS, posts=POSTS):
        rows = list(rows_of())
    print(json.dumps([row.as_dict() for row in rows]))
