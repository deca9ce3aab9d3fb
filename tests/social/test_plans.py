"""How the databases read lists: in the order of an index, from the first row of the page on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, QuerySet

from toby.accounts.models import User
from toby.common.pagination import in_the_lists_order
from toby.common.principals import Principal
from toby.social import selectors
from toby.social.models import Follow, Post, PostTag, Tag
from toby.social.seeding import seed_site


def most_frequent(model: Any, column: str) -> Any:
    return model.objects.values_list(column).annotate(n=Count("pk")).order_by("-n")[0][0]


def by_author(reader: Principal) -> QuerySet[Any]:
    author = User.objects.get(pk=most_frequent(Post, "author"))
    return selectors.live_posts(seen_by=reader, author=author.username)


def by_tag(reader: Principal) -> QuerySet[Any]:
    tag = Tag.objects.get(pk=most_frequent(PostTag, "tag"))
    return selectors.live_posts_under(tag.name, seen_by=reader)


LISTS: dict[str, Callable[[Principal], QuerySet[Any]]] = {
    "the newest": lambda reader: selectors.live_posts(seen_by=reader),
    "the newest, for nobody": lambda _: selectors.live_posts(seen_by=None),
    "of an author": by_author,
    "of a tag": by_tag,
    "the feed": selectors.feed_of,
}


@pytest.mark.django_db(transaction=True)
def test_no_list_of_posts_is_sorted() -> None:
    """Of a site large enough for a bad plan to look good to the database."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite tells its plans in another way, and has no statistics")
    seed_site(users=200, posts=2000, seed=1)
    tables = "social_post, social_posttag, social_timelineentry, social_like, accounts_user"
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE TABLE {tables}")
    reader = User.objects.get(pk=most_frequent(Follow, "follower")).principal()
    bad = {}
    for name, rows_for in LISTS.items():
        rows = rows_for(reader).order_by("-live_order")
        places = list(rows.values_list("live_order", flat=True))
        middle = places[len(places) // 2]
        for page, part in (("first", rows), ("later", rows.filter(live_order__lt=middle))):
            with connection.execute_wrapper(explained):
                plan = part[:21].explain()
            if any(word in plan.lower() for word in ("filesort", "sort:", "temporary")):
                bad[name, page] = plan
    assert not bad, "\n\n".join(f"{key}\n{plan}" for key, plan in bad.items())


def explained(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
    """EXPLAIN of what `paginate` asks."""
    start, select, query = sql.partition("SELECT ")
    assert start.startswith("EXPLAIN")

    def with_start(sql: str, *rest: Any) -> Any:
        return execute(start + sql, *rest)

    return in_the_lists_order(with_start, select + query, values, many, context)
