"""Folding the changes of how often something is liked into the number that is kept of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import transaction

from toby.social.models import Comment, CommentLikeChange, LikeChange, Post, top_order

TARGETS_AT_ONCE, CHANGES_AT_ONCE = 50, 1000


class Counted(NamedTuple):
    """What is liked, and the changes, which have its key in `column`."""

    target: Any
    change: Any
    column: str


POSTS = Counted(Post, LikeChange, "post_id")
COMMENTS = Counted(Comment, CommentLikeChange, "comment_id")


def fold_likes() -> int:
    """Folds all changes there are; returns how many.

    Who holds up one post holds up no other: what nobody has locked is folded together, and what
    somebody has, in a transaction of its own.
    """
    return fold_all(POSTS) + fold_all(COMMENTS)


def fold_all(counted: Counted) -> int:
    folded, last = 0, 0
    while ids := waiting(counted, after=last):
        done, rest = fold(counted, ids, skip_locked=True)
        folded += done
        while rest:
            first, *others = rest
            done, more = fold(counted, [first])
            folded += done
            rest = more + others
        last = ids[-1]
    return folded


def waiting(counted: Counted, *, after: int) -> list[int]:
    rows = counted.change.objects.filter(**{f"{counted.column}__gt": after})
    ids = rows.order_by(counted.column).values_list(counted.column, flat=True).distinct()
    return list(ids[:TARGETS_AT_ONCE])


def fold(
    counted: Counted, ids: Sequence[int], *, skip_locked: bool = False
) -> tuple[int, list[int]]:
    """Returns how many changes it folded, and of which there may be more."""
    with transaction.atomic():
        targets = counted.target.objects.select_for_update(skip_locked=skip_locked)
        targets = targets.only("like_count").filter(pk__in=ids).order_by("pk")
        held = {row.pk: row for row in targets}
        rows = counted.change.objects.filter(**{f"{counted.column}__in": held}).order_by("id")
        changes = list(rows.values_list("id", counted.column, "change")[:CHANGES_AT_ONCE])
        changed = set()
        for _, target_id, change in changes:
            held[target_id].like_count += change
            changed.add(target_id)
        for target_id in sorted(changed):
            set_count(held[target_id])
        counted.change.objects.filter(id__in=[change[0] for change in changes]).delete()
    if len(changes) == CHANGES_AT_ONCE:
        return len(changes), list(ids)
    skipped = [target_id for target_id in ids if target_id not in held] if skip_locked else []
    return len(changes), skipped


def set_count(target: Post | Comment) -> None:
    if isinstance(target, Comment):
        target.top_order = top_order(target.like_count, target.pk)
        target.save(update_fields=["like_count", "top_order"])
    else:
        target.save(update_fields=["like_count"])
