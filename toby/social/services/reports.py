"""Readers report posts and comments; what is said of one makes one case."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.social.models import Comment, Post, Report, ReportCase, Resolution
from toby.social.services.publication import lock_live_post


class OwnContent(Refused):
    """This is your own."""

    status, code = 403, "own_content"


def report_post(*, slug: str, by: Principal, reason: str, note: str = "") -> None:
    """Adds to the post's open case, or opens one; whoever has reported it already has done so.

    Raises NotFound for a post that is not live, whoever asks, and OwnContent.
    """
    with transaction.atomic():
        report(lock_live_post(slug, by), by, reason, note)


def report_comment(*, comment_id: int, by: Principal, reason: str, note: str = "") -> None:
    """As report_post. Raises NotFound for a comment that is not seen, or whose post is not."""
    with transaction.atomic():
        post_id = Comment.objects.filter(id=comment_id).values_list("post_id", flat=True).first()
        if post_id is None:
            raise NotFound
        post = Post.objects.select_for_update().live().not_apart(by).filter(id=post_id).first()
        comment = Comment.objects.visible_to(by).filter(id=comment_id).first()
        if post is None or comment is None:
            raise NotFound
        report(comment, by, reason, note)


def report(target: Post | Comment, by: Principal, reason: str, note: str) -> None:
    """The caller holds the row of the post, which puts all that is about it in order."""
    if target.author_id == by.user_id:
        raise OwnContent
    now = timezone.now()
    case = open_case(target, now)
    if Report.objects.filter(case=case, reporter_id=by.user_id).exists():
        return
    Report.objects.create(
        case=case, reporter_id=by.user_id, reason=reason, note=note.strip(), at=now
    )
    case.version += 1
    case.reasons[reason] = case.reasons.get(reason, 0) + 1
    case.last_reported_at = now
    case.save(update_fields=["version", "reasons", "last_reported_at"])


def open_case(target: Post | Comment, now: datetime) -> ReportCase:
    post = target if isinstance(target, Post) else None
    comment = target if isinstance(target, Comment) else None
    case = ReportCase.objects.filter(post=post, comment=comment, open=True).first()
    return case or ReportCase.objects.create(
        post=post,
        comment=comment,
        author_id=target.author_id,
        first_reported_at=now,
        last_reported_at=now,
    )


def settle(target: Post | Comment, *, by: Principal, resolution: Resolution) -> None:
    """What a moderator took down is no longer to be decided on, however they came to it; but
    nobody settles what was said against their own. The caller holds the post's row."""
    cases = ReportCase.objects.filter(open=True, author_id=target.author_id)
    cases = cases.exclude(author_id=by.user_id)
    its = cases.filter(post=target) if isinstance(target, Post) else cases.filter(comment=target)
    its.update(
        open=None, resolution=resolution, resolved_by_id=by.user_id, resolved_at=timezone.now()
    )
