"""What moderators read and decide."""

from typing import Literal

import msgspec
from django.utils import timezone
from rest_framework import serializers

from toby.common.renderers import Out, Timestamp, timestamp
from toby.common.serializers import Flag, In, Text, Whole
from toby.social.diffs import word_diff
from toby.social.models import ModerationAct, Revision, Standing
from toby.social.rendering import html_of
from toby.social.selectors import QueueCounts
from toby.social.serializers.people import AuthorOut
from toby.social.serializers.posts import RevisionOut


class ApproveIn(In):
    version = Whole(help_text="The version of the revision that you saw.")
    override = Flag(required=False, help_text="Decide though somebody else has claimed it.")


REASON_HELP = "The author is told: this, a template's text, or the template's and then this."
TEMPLATE_HELP = "The name of a template of reasons."


class ReasonIn(In):
    reason = Text(max_length=2000, required=False, allow_blank=True, help_text=REASON_HELP)
    template = Text(max_length=80, required=False, allow_blank=True, help_text=TEMPLATE_HELP)


class RejectIn(ApproveIn, ReasonIn):
    pass


class ChangesIn(ApproveIn):
    remarks = Text(max_length=2000, required=False, allow_blank=True, help_text=REASON_HELP)
    template = Text(max_length=80, required=False, allow_blank=True, help_text=TEMPLATE_HELP)


class ClaimIn(In):
    override = Flag(required=False, help_text="Take it from whoever has claimed it.")


class OneOfManyIn(In):
    id = Whole()
    version = Whole(help_text="The version of the revision that you saw.")


class DecideIn(ReasonIn):
    # The reason is the same for all; to approve takes none.
    act = serializers.ChoiceField(choices=["approve", "reject", "request_changes"])
    revisions = serializers.ListField(child=OneOfManyIn(), allow_empty=False, max_length=100)


class FeaturePostsIn(In):
    slugs = serializers.ListField(child=Text(max_length=100), max_length=20)


class FeatureTagsIn(In):
    names = serializers.ListField(child=Text(max_length=50), max_length=20)


class ReasonTemplateOut(Out, frozen=True, kw_only=True):
    name: str
    text: str


class ReasonTemplatesOut(Out, frozen=True, kw_only=True):
    """In the order in which moderators are offered them."""

    results: list[ReasonTemplateOut]


class QueuedOut(RevisionOut, frozen=True, kw_only=True):
    """A revision as moderators see it. Whoever has claimed it reads it until `claimed_until`."""

    is_edit: bool
    claimed_by: str | None
    claimed_until: Timestamp | None

    @classmethod
    def of_queued(cls, revision: Revision) -> "QueuedOut":
        until = revision.claimed_until
        claimed = until is not None and timezone.now() < until
        return cls(
            **msgspec.structs.asdict(RevisionOut.of(revision)),
            is_edit=revision.base_version > 0,
            claimed_by=revision.claimed_by.username if claimed and revision.claimed_by else None,
            claimed_until=timestamp(until) if claimed and until else None,
        )


class UnseenOut(RevisionOut, frozen=True, kw_only=True):
    """What went live by trust. `is_current`: it is what the post says now."""

    is_edit: bool
    is_current: bool
    post_status: str
    live_since: Timestamp

    @classmethod
    def of_unseen(cls, revision: Revision) -> "UnseenOut":
        assert revision.decided_at is not None
        return cls(
            **msgspec.structs.asdict(RevisionOut.of(revision)),
            is_edit=revision.base_version > 0,
            is_current=revision.post.version == revision.base_version + 1,
            post_status=revision.post.status,
            live_since=timestamp(revision.decided_at),
        )


class TrustProposalOut(Out, frozen=True, kw_only=True):
    user: AuthorOut
    approved_in_a_row: int
    proposed_at: Timestamp

    @classmethod
    def of(cls, standing: Standing) -> "TrustProposalOut":
        assert standing.proposed_at is not None
        return cls(
            user=AuthorOut.of(standing.user),
            approved_in_a_row=standing.approved_in_a_row,
            proposed_at=timestamp(standing.proposed_at),
        )


class ChangeOut(Out, frozen=True, kw_only=True):
    """A stretch: what is live is all that is not `added`, the proposal all not `removed`."""

    kind: Literal["same", "removed", "added"]
    text: str


class ReadOut(QueuedOut, frozen=True, kw_only=True):
    """A revision with how it will look, and what it changes in the live text, word by word."""

    html: str
    live_title: str
    live_tags: list[str]
    live_cover_url: str
    changes: list[ChangeOut]

    @classmethod
    def of_read(cls, revision: Revision) -> "ReadOut":
        post = revision.post
        changes = word_diff(post.body, revision.body)
        return cls(
            **msgspec.structs.asdict(QueuedOut.of_queued(revision)),
            html=html_of(revision.body, of_post=post.pk),
            live_title=post.title,
            live_tags=post.tags,
            live_cover_url=post.cover_url,
            changes=[ChangeOut(kind=kind, text=text) for kind, text in changes],
        )


class QueueCountsOut(Out, frozen=True, kw_only=True):
    """How many wait, of these how many you have claimed, and how many are of somebody of whom
    nothing is live yet. `unseen`: what went live by trust and waits for a later look;
    `reports`: how many posts and comments are reported."""

    pending: int
    claimed_by_me: int
    first_time: int
    unseen: int
    oldest_submitted_at: Timestamp | None
    reports: int

    @classmethod
    def of(cls, counts: QueueCounts) -> "QueueCountsOut":
        oldest = counts.oldest_submitted_at
        return cls(
            pending=counts.pending,
            claimed_by_me=counts.claimed_by_me,
            first_time=counts.first_time,
            unseen=counts.unseen,
            oldest_submitted_at=timestamp(oldest) if oldest else None,
            reports=counts.reports,
        )


class DecidedOut(Out, frozen=True, kw_only=True):
    """What became of one of many; `code` says why it was refused."""

    id: int
    ok: bool
    code: str | None
    detail: str | None


class AllDecidedOut(Out, frozen=True, kw_only=True):
    results: list[DecidedOut]


class LogOut(Out, frozen=True, kw_only=True):
    """A line of the moderation log: `actor` is null for what followed of itself; `user` is whom it
    was done to, where it was no post. Null too is what is gone."""

    id: int
    act: str
    actor: str | None
    slug: str | None
    user: str | None
    revision_id: int | None
    comment_id: int | None
    reason: str
    at: Timestamp

    @classmethod
    def of(cls, act: ModerationAct) -> "LogOut":
        # No constraints of the database: what is referred to may be gone.
        actor, post = getattr(act, "actor", None), getattr(act, "post", None)
        user = getattr(act, "user", None)
        return cls(
            id=act.pk,
            act=act.act,
            actor=actor.username if actor else None,
            slug=post.slug if post else None,
            user=user.username if user else None,
            revision_id=act.revision_id,
            comment_id=act.comment_id,
            reason=act.reason,
            at=timestamp(act.at),
        )
