"""What readers report, as they say it and as moderators read it."""

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from toby.common.renderers import Out, Timestamp, timestamp
from toby.common.serializers import In, Text, Whole
from toby.social.models import EXCERPT_LENGTH, EarlierText, Report, ReportCase, ReportReason
from toby.social.serializers.comments import EarlierTextOut
from toby.social.serializers.moderation import ReasonIn
from toby.social.serializers.people import AuthorOut


class ReportIn(In):
    reason = serializers.ChoiceField(choices=ReportReason.values)
    note = Text(max_length=1000, required=False, allow_blank=True, help_text="For moderators.")


class ResolveIn(ReasonIn):
    # To dismiss needs no reason, and its author is told none.
    act = serializers.ChoiceField(choices=["dismiss", "hide", "delete", "warn"])
    version = Whole(help_text="The version of the case that you saw.")


class CaseOut(Out, frozen=True, kw_only=True):
    """All that is reported of one post, or of one comment on a post. `reasons` says how many gave
    which; `version` grows with each report."""

    id: int
    kind: str
    version: int
    author: AuthorOut
    slug: str
    title: str
    comment_id: int | None
    excerpt: str
    report_count: int
    reasons: dict[str, int]
    first_reported_at: Timestamp
    last_reported_at: Timestamp

    @classmethod
    def of(cls, case: ReportCase) -> "CaseOut":
        return cls(**shared(case))


def shared(case: ReportCase) -> dict[str, Any]:
    return {
        "id": case.pk,
        "kind": case.kind,
        "version": case.version,
        "author": AuthorOut.of(case.author),
        "slug": case.on_post.slug,
        "title": case.on_post.title,
        "comment_id": case.comment_id,
        "excerpt": case.body[:EXCERPT_LENGTH],
        "report_count": case.report_count,
        "reasons": case.reasons,
        "first_reported_at": timestamp(case.first_reported_at),
        "last_reported_at": timestamp(case.last_reported_at),
    }


class ReportOut(Out, frozen=True, kw_only=True):
    reporter: str
    reason: str
    note: str
    at: Timestamp

    @classmethod
    def of(cls, report: Report) -> "ReportOut":
        return cls(
            reporter=report.reporter.username,
            reason=report.reason,
            note=report.note,
            at=timestamp(report.at),
        )


class CaseDetailOut(CaseOut, frozen=True, kw_only=True):
    """A case with the first 100 reports in it. `text` is what is reported, `target_status` live,
    hidden or deleted; `earlier_texts` are what a comment said before it was edited, the newest
    first. `resolution` is null while the case is open."""

    text: str
    earlier_texts: list[EarlierTextOut]
    target_status: str
    resolution: str | None
    resolved_by: str | None
    resolved_at: Timestamp | None
    reports: list[ReportOut]

    @classmethod
    def of_case(
        cls, case: ReportCase, reports: list[Report], earlier: Iterable[EarlierText]
    ) -> "CaseDetailOut":
        return cls(
            **shared(case),
            text=case.body,
            earlier_texts=[EarlierTextOut.of(text) for text in earlier],
            target_status=case.status,
            resolution=case.resolution or None,
            resolved_by=case.resolved_by.username if case.resolved_by else None,
            resolved_at=timestamp(case.resolved_at) if case.resolved_at else None,
            reports=[ReportOut.of(report) for report in reports],
        )
