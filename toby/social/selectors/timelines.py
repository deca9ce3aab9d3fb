"""Home feeds: what stands in a reader's timeline, and the merged posts of those they follow."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from toby.common.logging import log
from toby.common.pagination import in_the_lists_order
from toby.common.prepared import Gathered, Listed, Prepared
from toby.common.principals import Principal
from toby.social.models import Follow, MergedAuthor, Post, TimelineEntry, apart, is_live, muted
from toby.social.selectors.posts import listed

logger = logging.getLogger(__name__)
# More than these are not counted.
MOST_NEW = 100
# Authors whose posts are merged into one feed: a number that nobody reaches.
MOST_MERGED = 10_000
# Of more authors than these, lists are prepared for a power of two.
EACH_BY_ITSELF = 8
# Indexes.
ENTRIES, MERGED_POSTS = "PRIMARY", "merged_posts_of_an_author"

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


def with_merged_posts(reader: int) -> QuerySet[Any, Any]:
    """Those whom somebody follows and sees. All who have merged posts are looked up among the
    follows: they are few, and somebody's follows may be many."""
    follow = Follow.objects.filter(follower_id=reader, followee_id=OuterRef("pk"))
    authors = MergedAuthor.objects.filter(~muted(reader, "pk"), ~apart(reader, "pk"))
    return authors.filter(Exists(follow)).values_list("pk")


MERGED_AUTHORS = Prepared(with_merged_posts)


def gathered(build: Build, principal: Principal) -> Listed:
    found = MERGED_AUTHORS.of(reader=principal.user_id).page("", 0, "pk", MOST_MERGED + 1)
    authors = [pk for (pk,) in found[:MOST_MERGED]]
    if len(found) > MOST_MERGED:
        log(logger, "feed.authors_left_out", logging.WARNING, reader=principal.user_id)
    # So that few lists are prepared; of nobody there are no posts.
    room = len(authors)
    if room > EACH_BY_ITSELF:
        room = 1 << (room - 1).bit_length()
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
