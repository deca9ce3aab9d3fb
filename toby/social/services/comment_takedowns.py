"""Taking comments out of sight, and bringing them back."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.events import CommentDeleted, CommentHidden
from toby.outbox.emit import emit
from toby.social.models import EXCERPT_LENGTH, Act, Comment, Post, Resolution
from toby.social.services.moderation import NotModerator, stated
from toby.social.services.publication import page_changed
from toby.social.services.reports import settle
from toby.social.services.steps import note


class WrongCommentStatus(Refused):
    """The comment is not in a state in which this can be done."""

    status, code = 409, "wrong_status"


def hide_comment(
    *, comment_id: int, by: Principal, reason: str = "", template: str = ""
) -> Comment:
    """Takes a comment out of everybody's sight. Raises NotModerator, NotFound, WrongCommentStatus,
    and as `stated`."""
    reason = stated(reason, template)
    return take_down(comment_id, by, reason, status="live", act=Act.COMMENT_HIDDEN)


def remove_comment(
    *, comment_id: int, by: Principal, reason: str = "", template: str = ""
) -> Comment:
    """Deletes a comment; it can be restored until it is purged. Raises as hide_comment."""
    reason = stated(reason, template)
    return take_down(comment_id, by, reason, status="live hidden", act=Act.COMMENT_DELETED)


def restore_comment(*, comment_id: int, by: Principal) -> Comment:
    """Puts what was hidden or deleted back into sight. Raises as hide_comment."""
    with transaction.atomic():
        comment = lock_comment(comment_id, by, status="hidden deleted")
        comment.hidden_at = comment.deleted_at = None
        comment.save(update_fields=["hidden_at", "deleted_at"])
        count_comments(comment.post, +1)
        note(Act.COMMENT_RESTORED, comment.post, by, timezone.now(), comment=comment)
    return comment


def take_down(comment_id: int, by: Principal, reason: str, *, status: str, act: Act) -> Comment:
    """`act` is COMMENT_HIDDEN or COMMENT_DELETED, `status` what the comment must be before."""
    hides = act == Act.COMMENT_HIDDEN
    event = CommentHidden if hides else CommentDeleted
    with transaction.atomic():
        comment, now = lock_comment(comment_id, by, status=status), timezone.now()
        if comment.status == "live":
            count_comments(comment.post, -1)
        if hides:
            comment.hidden_at = now
        else:
            comment.deleted_at = now
        comment.save(update_fields=["hidden_at", "deleted_at"])
        resolution = Resolution.HIDDEN if hides else Resolution.DELETED
        settle(comment, by=by, resolution=resolution)
        note(act, comment.post, by, now, comment=comment, reason=reason)
        emit(
            event(
                comment_id=comment.pk,
                post_id=comment.post_id,
                post_author_id=comment.post.author_id,
                author=comment.author.person(),
                excerpt=comment.body[:EXCERPT_LENGTH],
                reason=reason,
            )
        )
    return comment


def lock_comment(comment_id: int, by: Principal, *, status: str) -> Comment:
    """Locks the post, then the comment, which must be in one of the words of `status`."""
    if not by.is_moderator:
        raise NotModerator
    post_id = Comment.objects.filter(id=comment_id).values_list("post_id", flat=True).first()
    if post_id is None:
        raise NotFound
    post = Post.objects.select_for_update().filter(id=post_id).first()
    comment = Comment.objects.select_for_update().filter(id=comment_id).first()
    if post is None or comment is None:
        raise NotFound
    comment.post = post
    if comment.status not in status.split():
        raise WrongCommentStatus(comment_status=comment.status)
    return comment


def count_comments(post: Post, change: int) -> None:
    """The caller holds the post's row."""
    Post.objects.filter(id=post.pk).update(comment_count=F("comment_count") + change)
    page_changed(post.slug)
