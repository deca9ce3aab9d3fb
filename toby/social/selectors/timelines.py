"""Home feeds: what stands in a reader's timeline, and the merged posts of those they follow."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from toby.common.pagination import in_the_lists_order
from toby.common.prepared import Gathered, Listed, Prepared
from toby.common.principals import Principal
from toby.social.models import MergedAuthor, Post, TimelineEntry, apart, is_live, muted
from toby.social.selectors.posts import listed

# More than these are not counted.
MOST_NEW = 100
# Indexes.
ENTRIES, MERGED_POSTS = "feed_newest_first", "merged_posts_of_an_author"

Build = Callable[[QuerySet[TimelineEntry], int], QuerySet[Any, Any]]


def shown(rows: QuerySet[TimelineEntry], reader: int) -> QuerySet[Any, Any]:
    return listed(rows, reader, "post__")


def places(rows: QuerySet[TimelineEntry], reader: int) -> QuerySet[Any, Any]:
    return seen(rows, reader).values_list("live_order")


def seen(rows: QuerySet[TimelineEntry], reader: int) -> QuerySet[TimelineEntry]:
    return rows.filter(~apart(reader, "author_id"), is_live("post__"))


def entries_of(reader: int) -> QuerySet[TimelineEntry]:
    return TimelineEntry.objects.filter(~muted(reader, "author_id"), reader_id=reader)


@cache
def prepared(build: Build, authors: int) -> Prepared:
    """With the merged posts of so many."""
    if not authors:
        return Prepared(lambda reader: build(entries_of(reader), reader), index=ENTRIES)
    columns = ("post_id", "author_id", "live_order")
    return Gathered(
        lambda reader, **_: build(TimelineEntry.objects.all(), reader),
        lambda reader, **authors: [
            (seen(entries_of(reader), reader).values_list(*columns), ENTRIES),
            *((merged_posts_of(author), MERGED_POSTS) for author in authors.values()),
        ],
    )


def merged_posts_of(author: int) -> QuerySet[Any, Any]:
    posts = Post.objects.live().filter(author_id=author, merged=True)
    return posts.values_list("id", "author_id", "live_order")


def merged_authors_of(reader: int) -> list[int]:
    """Those with merged posts whom somebody follows and sees. All who have any are looked up among
    the follows: they are few, and somebody's follows may be many."""
    authors = MergedAuthor.objects.filter(user__followed_by__follower_id=reader)
    authors = authors.filter(~muted(reader, "user_id"), ~apart(reader, "user_id"))
    return list(authors.values_list("pk", flat=True))


def gathered(build: Build, principal: Principal) -> Listed:
    authors = merged_authors_of(principal.user_id)
    # A power of two, so that few lists are prepared; of nobody there are no posts.
    room = 1 << (len(authors) - 1).bit_length() if authors else 0
    authors += [0] * (room - len(authors))
    named = {f"author{place}": author for place, author in enumerate(authors)}
    return prepared(build, room).of(reader=principal.user_id, **named)


def feed_of(principal: Principal) -> Listed:
    return gathered(shown, principal)


def new_in_feed(principal: Principal, *, after: int) -> int:
    """How many posts have a later place in the feed than `after`; MOST_NEW + 1 for more than
    MOST_NEW."""
    with connection.execute_wrapper(in_the_lists_order):
        found = gathered(places, principal).page(
            "live_order__gt", after, "live_order", MOST_NEW + 1
        )
    return len(found)
