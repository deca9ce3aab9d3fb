"""Whether the numbers that are kept of rows are as many as there are rows, and making them so.

A number and its rows are compared in one statement, which sees both as they are at one moment: what
changes meanwhile is not taken for a mistake. What is set is counted again under the lock of whoever
changes it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Func, IntegerField, OuterRef, QuerySet, Subquery

from toby.common.fresh_cache import will_change
from toby.social.models import (
    Comment,
    CommentLike,
    CommentLikeChange,
    Follow,
    Like,
    LikeChange,
    Post,
    PostTag,
    Profile,
    Tag,
    comment_like_total,
    like_total,
    top_order,
)
from toby.social.pages import like_count_key
from toby.social.services.publication import page_changed

AT_ONCE = 500


class Counter(NamedTuple):
    """A number that is kept of each row of `model`: `kept` is what is shown, `counted` what should
    be. `set` writes what was counted; its caller holds the row, and a comment's post."""

    name: str
    model: Any
    kept: Any
    counted: Any
    set: Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Compared:
    counter: str
    id: int
    kept: int
    counted: int


class Part(NamedTuple):
    """So many rows were looked at, of which these were wrong."""

    rows: int
    wrong: list[Compared]


def recount(*, dry_run: bool = False) -> Iterator[Part]:
    """Looks at every counter, AT_ONCE rows in a statement, and sets what is wrong, each row in a
    transaction of its own."""
    for counter in COUNTERS:
        yield from recount_one(counter, dry_run=dry_run)


def rows_to_recount() -> int:
    return sum(counter.model.objects.count() for counter in COUNTERS)


def recount_one(counter: Counter, *, dry_run: bool) -> Iterator[Part]:
    """The last rows first: whether an answer is shown depends on its own answers."""
    rows = counter.model.objects.order_by("-pk")
    while found := compared(counter, rows[:AT_ONCE]):
        first, last = found[0].id, found[-1].id
        part = rows.filter(pk__gte=last, pk__lte=first)
        wrong = wrong_ones(found) if dry_run else list(made_right(counter, part, found))
        yield Part(len(found), wrong)
        rows = counter.model.objects.filter(pk__lt=last).order_by("-pk")


def made_right(counter: Counter, part: QuerySet[Any], found: list[Compared]) -> Iterator[Compared]:
    """What was wrong of what was found, and what is wrong of the same rows once that is right."""
    while fixed := [
        one for one in (set_right(counter, one.id) for one in wrong_ones(found)) if one
    ]:
        yield from fixed
        found = compared(counter, part)


def wrong_ones(found: list[Compared]) -> list[Compared]:
    return [one for one in found if one.kept != one.counted]


def compared(counter: Counter, rows: QuerySet[Any]) -> list[Compared]:
    lines = rows.annotate(kept=counter.kept, counted=counter.counted)
    found = lines.values_list("pk", "kept", "counted")
    return [Compared(counter.name, pk, kept, counted) for pk, kept, counted in found]


def set_right(counter: Counter, pk: int) -> Compared | None:
    """What was wrong; None if it is right by now, or gone."""
    with transaction.atomic():
        if counter.model is Comment:
            # Whatever changes a comment locks its post first.
            of_it = Post.objects.filter(comments=pk).values_list("pk", flat=True)
            list(Post.objects.select_for_update().filter(pk__in=list(of_it)))
        list(counter.model.objects.select_for_update().filter(pk=pk))
        for found in compared(counter, counter.model.objects.filter(pk=pk)):
            if found.kept != found.counted:
                counter.set(pk, found.counted)
                return found
    return None


def number_of(rows: QuerySet[Any]) -> Any:
    # Not an aggregate, which would be grouped.
    number = Func(F("pk"), function="COUNT", output_field=IntegerField())
    return Subquery(rows.order_by().values(number=number))


def set_likes(pk: int, count: int) -> None:
    LikeChange.objects.filter(post_id=pk).delete()
    Post.objects.filter(pk=pk).update(like_count=count)
    will_change([like_count_key(slug_of(pk))])


def set_comments(pk: int, count: int) -> None:
    Post.objects.filter(pk=pk).update(comment_count=count)
    page_changed(slug_of(pk))


def slug_of(post_id: int) -> str:
    return Post.objects.values_list("slug", flat=True).get(pk=post_id)


def set_comment_likes(pk: int, count: int) -> None:
    CommentLikeChange.objects.filter(comment_id=pk).delete()
    Comment.objects.filter(pk=pk).update(like_count=count, top_order=top_order(count, pk))


def set_column(model: Any, column: str) -> Callable[[int, int], None]:
    def set_it(pk: int, count: int) -> None:
        model.objects.filter(pk=pk).update(**{column: count})

    return set_it


COUNTERS = (
    Counter(
        "likes of posts",
        Post,
        like_total(),
        number_of(Like.objects.filter(post=OuterRef("pk"))),
        set_likes,
    ),
    Counter(
        "comments on posts",
        Post,
        F("comment_count"),
        number_of(Comment.objects.live().filter(post=OuterRef("pk"))),
        set_comments,
    ),
    Counter(
        "likes of comments",
        Comment,
        comment_like_total(),
        number_of(CommentLike.objects.filter(comment=OuterRef("pk"))),
        set_comment_likes,
    ),
    Counter(
        "replies to comments",
        Comment,
        F("reply_count"),
        number_of(Comment.objects.shown().filter(parent=OuterRef("pk"))),
        set_column(Comment, "reply_count"),
    ),
    Counter(
        "posts under tags",
        Tag,
        F("post_count"),
        number_of(PostTag.objects.filter(tag=OuterRef("pk"))),
        set_column(Tag, "post_count"),
    ),
    Counter(
        "live posts",
        Profile,
        F("post_count"),
        number_of(Post.objects.live().filter(author=OuterRef("pk"))),
        set_column(Profile, "post_count"),
    ),
    Counter(
        "followers",
        Profile,
        F("follower_count"),
        number_of(Follow.objects.filter(followee=OuterRef("pk"))),
        set_column(Profile, "follower_count"),
    ),
    Counter(
        "followed",
        Profile,
        F("following_count"),
        number_of(Follow.objects.filter(follower=OuterRef("pk"))),
        set_column(Profile, "following_count"),
    ),
)
