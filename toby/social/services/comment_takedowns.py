"""Taking comments out of sight, and bringing them back."""

from django.db import transaction
from django.utils import timezone

from toby.common.errors import Refused
from toby.common.principals import Principal
from toby.events import CommentDeleted, CommentHidden, CommentRestored
from toby.outbox.emit import emit
from toby.social.models import EXCERPT_LENGTH, Act, Comment, Resolution
from toby.social.services import threads
from toby.social.services.moderation import NotModerator, stated
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
        threads.set_status(comment, hidden_at=None, deleted_at=None)
        note(Act.COMMENT_RESTORED, comment.post, by, timezone.now(), comment=comment)
        author = comment.author.person()
        emit(CommentRestored(comment_id=comment.pk, post_id=comment.post_id, author=author))
    return comment


def take_down(comment_id: int, by: Principal, reason: str, *, status: str, act: Act) -> Comment:
    """`act` is COMMENT_HIDDEN or COMMENT_DELETED, `status` what the comment must be before."""
    hides = act == Act.COMMENT_HIDDEN
    event = CommentHidden if hides else CommentDeleted
    with transaction.atomic():
        comment, now = lock_comment(comment_id, by, status=status), timezone.now()
        if hides:
            threads.set_status(comment, hidden_at=now, deleted_at=None)
        else:
            threads.set_status(comment, hidden_at=comment.hidden_at, deleted_at=now)
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
                parent_author_id=comment.parent.author_id if comment.parent else 0,
            )
        )
    return comment


def lock_comment(comment_id: int, by: Principal, *, status: str) -> Comment:
    """As `threads.lock_comment`; it must be in one of the words of `status`."""
    if not by.is_moderator:
        raise NotModerator
    comment = threads.lock_comment(comment_id)
    if comment.status not in status.split():
        raise WrongCommentStatus(comment_status=comment.status)
    return comment
