"""How the databases read lists: in the order of an index, from the first row of the page on."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count

from toby.accounts.models import User
from toby.common.pagination import in_the_lists_order
from toby.common.prepared import Listed
from toby.common.principals import Principal
from toby.social import selectors
from toby.social.models import Follow, Post, PostTag, Tag
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


LISTS: dict[str, Callable[[Principal], Listed]] = {
    "the newest": lambda reader: selectors.live_posts(seen_by=reader),
    "the newest, for nobody": lambda _: selectors.live_posts(seen_by=None),
    "of an author": by_author,
    "of a tag": by_tag,
    "the feed": selectors.feed_of,
    "followers": followers,
    "followees": followees,
}
ORDERS = {"followers": "id", "followees": "id"}


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
            if any(word in plans[0].lower() for word in ("filesort", "sort:", "temporary")):
                bad[name, page] = plans[0]
    assert not bad, "\n\n".join(f"{key}\n{plan}" for key, plan in bad.items())


def explain(plans: list[str], execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
    """Of what `paginate` asks."""

    def explained(sql: str, values: Any, *rest: Any) -> Any:
        with connection.connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", values)
            plans.append(str(cursor.fetchall()))
        return execute(sql, values, *rest)

    return in_the_lists_order(explained, sql, values, many, context)
