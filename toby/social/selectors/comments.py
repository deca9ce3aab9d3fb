"""Comments, and the threads that they make."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.expressions import RawSQL

from toby.common.errors import NotFound
from toby.common.principals import Principal
from toby.social.models import (
    Comment,
    CommentLike,
    EarlierText,
    Post,
    apart,
    comment_like_total,
    is_live,
)
from toby.social.selectors.posts import post


class Sort(NamedTuple):
    """How comments are read: in the order of which column, by which index."""

    column: str
    read_by: str
    oldest_first: bool = False


SORTS = {
    "oldest": Sort("id", "comments_in_order", oldest_first=True),
    "newest": Sort("id", "comments_in_order"),
    "top": Sort("top_order", "comments_by_likes"),
}
ORDER_KEYS: dict[str, Callable[[Comment], int]] = {
    "oldest": lambda comment: comment.pk,
    "newest": lambda comment: -comment.pk,
    "top": lambda comment: -(comment.top_order or 0),
}
MOST_IN_THREAD = 500
MOST_EARLIER_TEXTS = 100


@dataclass(frozen=True, slots=True)
class Threaded:
    """`depth` is 0 for the comment with which the thread begins."""

    comment: Comment
    depth: int


class CommentReactions(NamedTuple):
    """How many like a comment, and whether its reader does."""

    like_total: int
    liked: bool


def with_comment_reactions(rows: QuerySet[Any], seen_by: Principal | None) -> QuerySet[Any]:
    """`rows` with what CommentReactions says."""
    liked: Any = Value(value=False)
    if seen_by is not None:
        liked = Exists(CommentLike.objects.filter(user_id=seen_by.user_id, comment=OuterRef("pk")))
    found: QuerySet[Any] = rows.annotate(like_total=comment_like_total(), liked=liked)
    return found


def comment_reactions(comment_id: int, *, seen_by: Principal) -> CommentReactions:
    rows = with_comment_reactions(Comment.objects.filter(id=comment_id), seen_by)
    return CommentReactions(*(rows.values_list("like_total", "liked").first() or (0, False)))


def shown_comments(*, seen_by: Principal | None) -> QuerySet[Any]:
    """Those that are shown, each with its reactions, and with `apart`: whether its author and the
    reader are to see nothing of each other. Of these only such are left as somebody else's words
    stand under."""
    rows = Comment.objects.shown().select_related("author")
    if seen_by is None:
        return with_comment_reactions(rows.annotate(apart=Value(value=False)), None)
    replies = Comment.objects.shown().filter(parent=OuterRef("pk"))
    answered = Exists(replies.exclude(author=OuterRef("author"), reply_count=0))
    is_apart = ExpressionWrapper(apart(seen_by.user_id, "author_id"), BooleanField())
    rows_seen = rows.annotate(apart=is_apart).filter(Q(apart=False) | answered)
    return with_comment_reactions(rows_seen, seen_by)


def comments_on(of: Post, *, seen_by: Principal | None) -> QuerySet[Any]:
    """Those that answer no other."""
    return shown_comments(seen_by=seen_by).filter(post=of, parent=None)


def own_comments(principal: Principal) -> QuerySet[Any]:
    """One's own but those that are deleted, each with its post, and `on_what_is_seen`: whether that
    is to be seen."""
    rows = Comment.objects.filter(author_id=principal.user_id, deleted_at=None)
    seen = ExpressionWrapper(
        is_live("post__") & ~apart(principal.user_id, "post__author_id"), BooleanField()
    )
    shown = [field.attname for field in Comment._meta.concrete_fields]
    rows = rows.select_related("post").only(*shown, "post__slug", "post__title")
    return with_comment_reactions(rows.annotate(on_what_is_seen=seen), principal)


def replies_to(of: Comment, *, seen_by: Principal | None) -> QuerySet[Any]:
    """Direct ones."""
    return shown_comments(seen_by=seen_by).filter(post_id=of.post_id, parent=of)


def comment(comment_id: int, *, seen_by: Principal | None) -> Comment:
    """With its post. Raises NotFound for what is not shown, and as `post`."""
    rows = shown_comments(seen_by=seen_by).filter(id=comment_id)
    found: Comment | None = rows.annotate(slug=F("post__slug")).first()
    if found is None:
        raise NotFound
    found.post = post(found.slug, seen_by=seen_by)  # type: ignore[attr-defined]  # annotated
    return found


def live_comment(comment_id: int, *, seen_by: Principal | None) -> Comment:
    """Raises NotFound, as `comment`, also for what only a tombstone is left of."""
    found = comment(comment_id, seen_by=seen_by)
    if found.apart or found.status != "live":  # type: ignore[attr-defined]  # annotated
        raise NotFound
    return found


def comment_etag(version: int) -> str:
    """Changes with what a comment says."""
    return f'"{version}"'


def told_comment(comment_id: int) -> Comment:
    """For moderators, whatever became of it; what is purged says nothing any more. Raises
    NotFound."""
    found = Comment.objects.select_related("author", "post").filter(id=comment_id).first()
    if found is None:
        raise NotFound
    return found


def earlier_texts(of: Comment) -> QuerySet[EarlierText]:
    """The newest MOST_EARLIER_TEXTS, newest first."""
    return of.earlier_texts.order_by("-id")[:MOST_EARLIER_TEXTS]


def thread(of: Comment, *, seen_by: Principal | None, sort: str = "oldest") -> list[Threaded]:
    """A comment and what answers it, directly or not, as it is read: each with its replies below
    it, in order of `sort`. At most MOST_IN_THREAD: of each its replies are all there or, where they
    are too many, none."""
    branch = RawSQL(*branch_sql(of.pk))  # noqa: S611  nothing of it comes from elsewhere
    rows = list(shown_comments(seen_by=seen_by).filter(id__in=branch))
    replies: dict[int | None, list[Comment]] = {}
    for row in sorted(rows, key=ORDER_KEYS[sort]):
        replies.setdefault(row.parent_id, []).append(row)
    first = next((row for row in rows if row.pk == of.pk), of)
    found: list[Threaded] = []
    waiting = [(Threaded(first, 0), MOST_IN_THREAD - 1)]
    while waiting:
        one, room = waiting.pop()
        found.append(one)
        below = replies.get(one.comment.pk, ())
        room = room // max(one.comment.reply_count, 1) - 1
        waiting += [(Threaded(reply, one.depth + 1), room) for reply in reversed(below)]
    return found


def branch_sql(comment_id: int) -> tuple[str, Sequence[Any]]:
    """The ids of what is shown below a comment, and its own.

    `room` is how many a comment may have below it: its replies if there is room for all of them,
    and what is left in equal parts for theirs. LIMIT would bound it on MySQL only, and would cut
    anywhere. It also bounds the depth, to less than what any server goes into by itself (1,000).
    """
    by = "DIV" if connection.vendor == "mysql" else "/"
    sql = (
        "WITH RECURSIVE branch (id, replies, room) AS ("  # noqa: S608  one of two operators
        "SELECT id, reply_count, CAST(%s AS SIGNED) FROM social_comment WHERE id = %s"
        " UNION ALL "
        f"SELECT c.id, c.reply_count, branch.room {by} branch.replies - 1"
        " FROM branch JOIN social_comment c ON c.parent_id = branch.id"
        " WHERE branch.replies <= branch.room AND (c.reply_count > 0"
        " OR (c.hidden_at IS NULL AND c.deleted_at IS NULL))"
        ") SELECT id FROM branch"
    )
    return sql, (MOST_IN_THREAD - 1, comment_id)
