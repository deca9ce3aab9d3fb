"""Home feeds as they should be, whatever they are: by what follows and posts say, not by events.

Under the locks under which the consumers write, so that it may run while they do.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from toby.common.sql import is_database_trouble
from toby.consumer import fanout
from toby.social.models import Follow, Post, TimelineEntry, muted
from toby.social.services import timelines
from toby.social.services.follows import lock_profiles

FOLLOWEES_AT_ONCE = 200
TRIES = 5


@dataclass(slots=True)
class Difference:
    """How many rows a feed lacks, and how many it has that it should not. Of hidden and deleted
    posts it may have rows: they are not shown, and may come back."""

    missing: int = 0
    superfluous: int = 0


def rebuild_timeline(*, reader_id: int, dry_run: bool = False) -> Difference:
    """Puts in what is missing and takes out what is superfluous, each part in a transaction of its
    own: killed in the middle, it goes on where it is begun again. Returns what was found."""
    found = Difference()
    for author_id, places in places_of_strangers(reader_id).items():
        found.superfluous += len(places)
        if not dry_run:
            do(remove_strangers_posts, reader_id=reader_id, author_id=author_id, places=places)
    # Merged, or deleted for good: it stays so.
    not_written = ~Exists(Post.objects.filter(pk=OuterRef("post_id"), merged=False))
    wrong = TimelineEntry.objects.filter(~of_strangers(reader_id), not_written, reader_id=reader_id)
    places = list(wrong.values_list("live_order", flat=True))
    found.superfluous += len(places)
    if not dry_run:
        do(timelines.remove, reader_id=reader_id, places=places)
    for author_id, count in missing_by_author(reader_id):
        found.missing += count
        if not dry_run:
            posts = missing(reader_id).filter(author_id=author_id)
            for first, last in fanout.ranges(posts, "live_order"):
                do(
                    timelines.backfill_range,
                    reader_id=reader_id,
                    author_id=author_id,
                    first_order=first,
                    last_order=last,
                )
    return found


def places_of_strangers(reader_id: int) -> dict[int, list[int]]:
    """Of whom there are rows though they are not followed, or are muted; with the rows' places."""
    rows = TimelineEntry.objects.filter(of_strangers(reader_id), reader_id=reader_id)
    places: dict[int, list[int]] = {}
    for author_id, place in rows.values_list("author_id", "live_order").order_by("live_order"):
        places.setdefault(author_id, []).append(place)
    return places


def of_strangers(reader_id: int) -> Any:
    """A condition on a reader's rows."""
    follow = Follow.objects.filter(follower_id=reader_id, followee_id=OuterRef("author_id"))
    return ~Exists(follow) | muted(reader_id, "author_id")


def remove_strangers_posts(*, reader_id: int, author_id: int, places: Sequence[int]) -> None:
    """Takes what a feed has of an author at these places out of it, unless they are followed and
    not muted by now. Whoever follows or unmutes meanwhile waits: they would leave the rows that
    are there still, and no event to come would bring them back."""
    lock_profiles(reader_id)
    if timelines.is_left_out(reader_id, author_id):
        timelines.remove(reader_id, places)


def missing_by_author(reader_id: int) -> Iterator[tuple[int, int]]:
    followed = Follow.objects.filter(~muted(reader_id, "followee_id"), follower_id=reader_id)
    ids = list(followed.order_by("followee_id").values_list("followee_id", flat=True))
    for start in range(0, len(ids), FOLLOWEES_AT_ONCE):
        posts = missing(reader_id).filter(author_id__in=ids[start : start + FOLLOWEES_AT_ONCE])
        counts = posts.values_list("author_id").annotate(count=Count("pk"))
        yield from list(counts.order_by("author_id"))


def missing(reader_id: int) -> QuerySet[Any]:
    """The posts, of anybody, that the reader's feed has no rows of."""
    entry = TimelineEntry.objects.filter(reader_id=reader_id, live_order=OuterRef("live_order"))
    return timelines.written().filter(~Exists(entry))


def do(work: Callable[..., Any], **given: Any) -> None:
    """In a transaction, which is tried again where the consumers were in its way."""
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                work(**given)
            return
        except Exception as error:
            if not left or not is_database_trouble(error) or connection.in_atomic_block:
                raise
            connection.close()
