"""Deciding on what readers report: what API and Django admin both call."""

from django.db import transaction
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.events import AuthorWarned
from toby.outbox.emit import emit
from toby.social.models import EXCERPT_LENGTH, Act, Comment, Post, ReportCase, Resolution
from toby.social.services import comment_takedowns, takedowns
from toby.social.services.moderation import NotModerator, stated
from toby.social.services.reports import OwnContent, settle
from toby.social.services.steps import note

# What a moderator can do, and what has become of the case then.
RESOLUTIONS = {
    "dismiss": Resolution.DISMISSED,
    "hide": Resolution.HIDDEN,
    "delete": Resolution.DELETED,
    "warn": Resolution.WARNED,
}


class CaseResolved(Refused):
    """Somebody has resolved these reports already."""

    status, code = 409, "case_resolved"


class CaseChanged(Refused):
    """There are more reports than those that were looked at."""

    status, code = 409, "case_changed"


def resolve_case(
    *, case_id: int, by: Principal, act: str, version: int, reason: str = "", template: str = ""
) -> ReportCase:
    """Resolves all reports of a post or comment by one of RESOLUTIONS. `version` is that of the
    case the moderator saw; the author is told the reason of all but a dismissal, which needs none.

    Raises NotModerator, NotFound, OwnContent, CaseResolved, CaseChanged, WrongStatus or
    WrongCommentStatus where it can no longer be hidden or deleted, and as `stated`.
    """
    if act != "dismiss" or template:
        reason = stated(reason, template)
    with transaction.atomic():
        case = lock_case(case_id, by, version)
        settle(case.target, by=by, resolution=RESOLUTIONS[act])
        if act == "dismiss":
            log(Act.REPORT_DISMISSED, case, by, reason.strip())
        elif act == "warn":
            warn(case, by, reason)
        elif isinstance(case.target, Comment):
            take_down_comment = {
                "hide": comment_takedowns.hide_comment,
                "delete": comment_takedowns.remove_comment,
            }[act]
            take_down_comment(comment_id=case.target.pk, by=by, reason=reason)
        else:
            take_down = {"hide": takedowns.hide_post, "delete": takedowns.remove_post}[act]
            take_down(slug=case.target.slug, by=by, reason=reason)
        case.refresh_from_db(fields=["open", "resolution", "resolved_by", "resolved_at"])
    return case


def warn(case: ReportCase, by: Principal, reason: str) -> None:
    log(Act.WARNED, case, by, reason)
    target, post = case.target, case.on_post
    of_comment = isinstance(target, Comment)
    emit(
        AuthorWarned(
            post_id=post.pk,
            comment_id=target.pk if of_comment else 0,
            post_slug=post.slug,
            post_title=post.title,
            author=target.author.person(),
            excerpt=target.body[:EXCERPT_LENGTH] if of_comment else "",
            reason=reason,
        )
    )


def log(act: Act, case: ReportCase, by: Principal, reason: str) -> None:
    note(act, case.on_post, by, timezone.now(), comment=case.comment, reason=reason)


def lock_case(case_id: int, by: Principal, version: int) -> ReportCase:
    """Locks the post, then the case: everything about a post takes its locks in this order."""
    if not by.is_moderator:
        raise NotModerator
    found = ReportCase.objects.filter(id=case_id).select_related("comment").first()
    if found is None:
        raise NotFound
    post_id = found.comment.post_id if found.comment else found.post_id
    assert post_id is not None
    Post.objects.select_for_update().filter(id=post_id).first()
    case = ReportCase.objects.select_for_update().filter(id=case_id).first()
    if case is None:
        raise NotFound
    if case.author_id == by.user_id:
        raise OwnContent
    now = {"state": case.resolution or "open", "version": case.version}
    if not case.open:
        raise CaseResolved(case=now)
    if case.version != version:
        raise CaseChanged(case=now)
    return case
