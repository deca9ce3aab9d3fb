"""How the databases read lists: in the order of an index, from the first row of the page on."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count

from tests.common.support import rows_read
from tests.factories import Caller, make_user
from toby.accounts.models import User
from toby.common.pagination import in_the_lists_order, signer
from toby.common.prepared import Listed
from toby.common.principals import Principal
from toby.common.sql import next_id
from toby.common.writing import insert_lines
from toby.social import selectors
from toby.social.models import Comment, Follow, Like, Post, PostTag, Tag, top_order
from toby.social.seeding import seed_site


def most_frequent(model: Any, column: str) -> Any:
    return model.objects.values_list(column).annotate(n=Count("pk")).order_by("-n")[0][0]


def by_author(reader: Principal) -> Listed:
    author = User.objects.get(pk=most_frequent(Post, "author"))
    return selectors.live_posts(seen_by=reader, author=author.username)


def by_tag(reader: Principal) -> Listed:
    tag = Tag.objects.get(pk=most_frequent(PostTag, "tag"))
    return selectors.live_posts(seen_by=reader, tag=tag.name)


def followers(reader: Principal) -> Listed:
    return selectors.followers_of(most_frequent(Follow, "followee"), seen_by=reader)


def followees(reader: Principal) -> Listed:
    return selectors.followed_by(most_frequent(Follow, "follower"), seen_by=reader)


def likers(reader: Principal) -> Listed:
    return selectors.likers_of(Post(pk=most_frequent(Like, "post")), seen_by=reader)


def what_one_likes(_: Principal) -> Listed:
    return selectors.liked_by(User.objects.get(pk=most_frequent(Like, "user")).principal())


LISTS: dict[str, Callable[[Principal], Listed]] = {
    "the newest": lambda reader: selectors.live_posts(seen_by=reader),
    "the newest, for nobody": lambda _: selectors.live_posts(seen_by=None),
    "of an author": by_author,
    "of a tag": by_tag,
    "the feed": selectors.feed_of,
    "followers": followers,
    "followees": followees,
    "likers": likers,
    "what one likes": what_one_likes,
}
ORDERS = dict.fromkeys(("followers", "followees", "likers", "what one likes"), "id")


@pytest.mark.django_db(transaction=True)
def test_no_list_is_sorted() -> None:
    """Of a site large enough for a bad plan to look good to the database."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite tells its plans in another way, and has no statistics")
    seed_site(users=200, posts=2000, seed=1)
    tables = "social_post, social_posttag, social_timelineentry, social_like, accounts_user"
    tables += ", social_follow, social_block, social_mute"
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE TABLE {tables}")
    reader = User.objects.get(pk=most_frequent(Follow, "follower")).principal()
    bad = {}
    for name, rows_for in LISTS.items():
        rows, by = rows_for(reader), ORDERS.get(name, "live_order")
        places = [row[-1] for row in rows.page("", 0, f"-{by}", 5000)]
        middle = places[len(places) // 2]
        for page, condition in (("first", ""), ("later", f"{by}__lt")):
            plans: list[str] = []
            with connection.execute_wrapper(partial(explain, plans)):
                rows.page(condition, middle, f"-{by}", 21)
            if any(
                word in plans[0].lower()
                for word in ("filesort", "sort:", "temporary", "'all'", "table scan")
            ):
                bad[name, page] = plans[0]
    assert not bad, "\n\n".join(f"{key}\n{plan}" for key, plan in bad.items())


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
def test_a_page_of_very_many_comments_reads_few_rows_whatever_its_order_and_place() -> None:
    """Most of the site's comments are on one post, which makes other plans look as good."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite does not tell how many rows it reads")
    seed_site(users=50, posts=100, seed=1)
    post = Post.objects.live().order_by("-comment_count")[0]
    first, author = next_id(Comment), post.author_id
    columns = ["id", "post_id", "parent_id", "author_id", "body", "top_order", "created_at"]
    # Half of them answer the first.
    lines = (
        (pk, post.pk, first if n % 2 else None, author, "x", top_order(n % 5, pk), post.created_at)
        for n, pk in enumerate(range(first, first + 6000))
    )
    insert_lines(Comment, columns, lines)
    Comment.objects.filter(pk=first).update(reply_count=3000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE social_comment, accounts_user, social_block")
    caller, bad = Caller(make_user()), {}
    for path in (f"posts/{post.slug}/comments", f"comments/{first}/replies"):
        for sort, (column, _, oldest_first) in selectors.SORTS.items():
            of = f"comments:{post.pk}" if "posts" in path else f"replies:{first}"
            rows = Comment.objects.filter(post=post, parent=None if "posts" in path else first)
            order = column if oldest_first else f"-{column}"
            middle = rows.order_by(order).values_list(column, flat=True)[1500]
            places = [""]
            for direction in ("after", "before"):
                cursor_there = signer(f"{of}:{sort}").sign_object((direction, middle))
                places.append(f"&cursor={cursor_there}")
            for place in places:
                before = rows_read()
                page = caller.get(f"/api/v1/{path}?sort={sort}{place}").body["results"]
                assert len(page) == 20
                read = rows_read() - before
                if read > 500:
                    bad[path, sort, place[:8]] = read
    assert not bad


def explain(plans: list[str], execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
    """Of what `paginate` asks."""

    def explained(sql: str, values: Any, *rest: Any) -> Any:
        with connection.connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", values)
            plans.append(str(cursor.fetchall()))
        return execute(sql, values, *rest)

    return in_the_lists_order(explained, sql, values, many, context)
