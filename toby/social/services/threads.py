"""What the services of comments have in common: their locks, and the counts that follow from what
is shown. Whatever shows or hides a comment locks its post first, which puts all about a post in
order."""

from datetime import datetime

from django.db import connection
from django.db.models import F

from toby.common.errors import NotFound
from toby.common.sql import for_share
from toby.common.writing import add_to
from toby.social.models import Comment, EarlierText, Post
from toby.social.services.publication import page_changed

AT_ONCE = 500


def lock_comment(comment_id: int, *, shares_post: bool = False) -> Comment:
    """With its post, which is locked before; or shared, by what leaves the post's row as it is: so
    it waits for nobody who likes the post. Raises NotFound, also where its words are purged."""
    post_id = Comment.objects.filter(id=comment_id).values_list("post_id", flat=True).first()
    if post_id is None:
        raise NotFound
    posts = Post.objects.filter(id=post_id)
    if shares_post:
        for_share(posts.values_list("id"))
    else:
        posts = posts.select_for_update()
    post = posts.first()
    comment = Comment.objects.select_for_update().filter(id=comment_id).first()
    if post is None or comment is None or not comment.body:
        raise NotFound
    comment.post = post
    return comment


def set_status(
    comment: Comment, *, hidden_at: datetime | None, deleted_at: datetime | None
) -> None:
    """Hides, deletes or brings back; the caller holds its row and its post's."""
    was_live, was_shown = comment.status == "live", comment.is_shown
    comment.hidden_at, comment.deleted_at = hidden_at, deleted_at
    comment.save(update_fields=["hidden_at", "deleted_at"])
    count_comments(comment.post, (comment.status == "live") - was_live)
    count_reply(comment.parent_id, comment.is_shown - was_shown)


def count_comments(post: Post, change: int) -> None:
    """The caller holds the post's row."""
    if change:
        add_to(post, "comment_count", change)
        page_changed(post.slug)


def count_reply(parent_id: int | None, change: int) -> None:
    """A reply is shown now (+1), or no longer (-1): so may be tombstones above it, one after the
    other, up to the first comment that is shown anyhow. Two statements for AT_ONCE of them."""
    above = parent_id
    while above is not None and change:
        chain = chain_above(above, change)
        Comment.objects.filter(id__in=[comment_id for comment_id, _ in chain]).update(
            reply_count=F("reply_count") + change
        )
        above = chain[-1][1]


def chain_above(comment_id: int, change: int) -> list[tuple[int, int | None]]:
    """The comments that have one shown reply more or less, from `comment_id` up; each with the one
    above it to which that goes on, None where it ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE chain (id, above, place) AS ("
            "SELECT id, CASE WHEN (hidden_at IS NOT NULL OR deleted_at IS NOT NULL)"
            " AND reply_count = %s THEN parent_id END, 1 FROM social_comment WHERE id = %s"
            " UNION ALL "
            "SELECT c.id, CASE WHEN (c.hidden_at IS NOT NULL OR c.deleted_at IS NOT NULL)"
            " AND c.reply_count = %s THEN c.parent_id END, chain.place + 1"
            " FROM chain JOIN social_comment c ON c.id = chain.above WHERE chain.place < %s"
            ") SELECT id, above FROM chain ORDER BY place",
            [was := 0 if change > 0 else 1, comment_id, was, AT_ONCE],
        )
        return list(cursor.fetchall())


def delete_comments(post: Post) -> None:
    """Those of a post that is deleted for good; what answers what is no longer of any matter."""
    Comment.objects.filter(post=post, parent__isnull=False).update(parent=None)
    Comment.objects.filter(post=post).delete()


def purge_comment(comment: Comment) -> None:
    """What was deleted long ago; the caller holds the post's row. Its words go, and its row if
    nothing answers it; with it those above it that were only kept for that. None of these is shown,
    so that no count changes."""
    if comment.replies.exists():
        comment.body = comment.html = ""
        comment.save(update_fields=["body", "html"])
        EarlierText.objects.filter(comment=comment).delete()
        return
    above: Comment | None = comment
    while above is not None and not above.replies.exists():
        parent = above.parent
        above.delete()
        above = parent if parent is not None and not parent.body else None
