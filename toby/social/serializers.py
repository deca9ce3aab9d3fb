"""What social's requests may hold and what its answers look like."""

from typing import Any, Literal

import msgspec
from django.utils import timezone
from rest_framework import serializers

from toby.common.renderers import Out, Timestamp, timestamp
from toby.common.serializers import Flag, In, Text, Whole
from toby.social.diffs import word_diff
from toby.social.models import Comment, ModerationAct, Post, Profile, Revision
from toby.social.rendering import html_of
from toby.social.selectors import QueueCounts


class PostIn(In):
    title = Text(max_length=200)
    body = Text(max_length=100_000, trim_whitespace=False)


class PreviewIn(In):
    body = Text(max_length=100_000, trim_whitespace=False)


class CommentIn(In):
    body = Text(max_length=10_000)


class ApproveIn(In):
    version = Whole(help_text="The version of the revision that you saw.")
    override = Flag(required=False, help_text="Decide though somebody else has claimed it.")


class RejectIn(ApproveIn):
    reason = Text(max_length=2000, help_text="The author is told.")


class ChangesIn(ApproveIn):
    remarks = Text(max_length=2000, help_text="The author is told.")


class ClaimIn(In):
    override = Flag(required=False, help_text="Take it from whoever has claimed it.")


class OneOfManyIn(In):
    id = Whole()
    version = Whole(help_text="The version of the revision that you saw.")


class DecideIn(In):
    act = serializers.ChoiceField(choices=["approve", "reject", "request_changes"])
    revisions = serializers.ListField(child=OneOfManyIn(), allow_empty=False, max_length=100)
    reason = Text(max_length=2000, required=False, help_text="The same for all; not to approve.")


class ReasonIn(In):
    reason = Text(max_length=2000, help_text="The author is told.")


class AuthorOut(Out, frozen=True, kw_only=True):
    id: int
    username: str
    display_name: str
    picture_url: str

    @classmethod
    def of(cls, user: Any) -> "AuthorOut":
        return cls(
            id=user.pk,
            username=user.username,
            display_name=user.display_name or user.username,
            picture_url=user.picture_url,
        )


class PostOut(Out, frozen=True, kw_only=True):
    """A post as lists show it. `published_at` is null until it is live. `status` is draft, live,
    hidden or deleted."""

    slug: str
    status: str
    title: str
    author: AuthorOut
    comment_count: int
    created_at: Timestamp
    published_at: Timestamp | None

    @classmethod
    def of(cls, post: Post) -> "PostOut":
        return cls(**shared(post))


class PreviewOut(Out, frozen=True, kw_only=True):
    """The body as it will be shown, and the usernames that it mentions."""

    html: str
    mentions: list[str]


class RevisionOut(Out, frozen=True, kw_only=True):
    """A proposed text. `reason` is why it was rejected, `remarks` are what is to be changed."""

    id: int
    slug: str
    state: str
    version: int
    title: str
    body: str
    reason: str
    remarks: str
    author: AuthorOut
    submitted_at: Timestamp | None

    @classmethod
    def of(cls, revision: Revision) -> "RevisionOut":
        return cls(
            id=revision.pk,
            slug=revision.post.slug,
            state=revision.state,
            version=revision.version,
            title=revision.title,
            body=revision.body,
            reason=revision.reason,
            remarks=revision.remarks,
            author=AuthorOut.of(revision.post.author),
            submitted_at=timestamp(revision.submitted_at) if revision.submitted_at else None,
        )


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


class ChangeOut(Out, frozen=True, kw_only=True):
    """A stretch: what is live is all that is not `added`, the proposal all not `removed`."""

    kind: Literal["same", "removed", "added"]
    text: str


class ReadOut(QueuedOut, frozen=True, kw_only=True):
    """A revision with how it will look, and what it changes in the live text, word by word."""

    html: str
    live_title: str
    changes: list[ChangeOut]

    @classmethod
    def of_read(cls, revision: Revision) -> "ReadOut":
        post = revision.post
        changes = word_diff(post.body, revision.body)
        return cls(
            **msgspec.structs.asdict(QueuedOut.of_queued(revision)),
            html=html_of(revision.body, of_post=post.pk),
            live_title=post.title,
            changes=[ChangeOut(kind=kind, text=text) for kind, text in changes],
        )


class QueueCountsOut(Out, frozen=True, kw_only=True):
    """How many wait, of these how many you have claimed, and how many are of somebody of whom
    nothing is live yet."""

    pending: int
    claimed_by_me: int
    first_time: int
    oldest_submitted_at: Timestamp | None

    @classmethod
    def of(cls, counts: QueueCounts) -> "QueueCountsOut":
        oldest = counts.oldest_submitted_at
        return cls(
            pending=counts.pending,
            claimed_by_me=counts.claimed_by_me,
            first_time=counts.first_time,
            oldest_submitted_at=timestamp(oldest) if oldest else None,
        )


class DecidedOut(Out, frozen=True, kw_only=True):
    """What became of one of many; `code` says why it was refused."""

    id: int
    ok: bool
    code: str | None
    detail: str | None


class AllDecidedOut(Out, frozen=True, kw_only=True):
    results: list[DecidedOut]


class PostDetailOut(PostOut, frozen=True, kw_only=True):
    """A post with its text, as Markdown and as sanitised HTML; `proposed` only for those who may
    see it."""

    body: str
    html: str
    version: int
    proposed: RevisionOut | None

    @classmethod
    def of_post(cls, post: Post, proposed: Revision | None) -> "PostDetailOut":
        return cls(
            **shared(post),
            body=post.body,
            # One that went live before bodies were rendered has none yet.
            html=post.html or html_of(post.body, of_post=post.pk),
            version=post.version,
            proposed=RevisionOut.of(proposed) if proposed else None,
        )


def shared(post: Post) -> dict[str, Any]:
    return {
        "slug": post.slug,
        "status": post.status,
        "title": post.title,
        "author": AuthorOut.of(post.author),
        "comment_count": post.comment_count,
        "created_at": timestamp(post.created_at),
        "published_at": timestamp(post.published_at) if post.published_at else None,
    }


class ActOut(Out, frozen=True, kw_only=True):
    """A step of a post's history. Who the moderator was is not told."""

    act: str
    revision_id: int | None
    reason: str
    at: Timestamp

    @classmethod
    def of(cls, act: ModerationAct) -> "ActOut":
        return cls(
            act=act.act, revision_id=act.revision_id, reason=act.reason, at=timestamp(act.at)
        )


class LogOut(Out, frozen=True, kw_only=True):
    """A line of the moderation log; `actor` and `slug` are null where they are gone."""

    id: int
    act: str
    actor: str | None
    slug: str | None
    revision_id: int | None
    reason: str
    at: Timestamp

    @classmethod
    def of(cls, act: ModerationAct) -> "LogOut":
        # No constraints of the database: what is referred to may be gone.
        actor, post = getattr(act, "actor", None), getattr(act, "post", None)
        return cls(
            id=act.pk,
            act=act.act,
            actor=actor.username if actor else None,
            slug=post.slug if post else None,
            revision_id=act.revision_id,
            reason=act.reason,
            at=timestamp(act.at),
        )


class HistoryOut(Out, frozen=True, kw_only=True):
    """All that was proposed, the newest first, and all that was done, the oldest first."""

    revisions: list[RevisionOut]
    acts: list[ActOut]


class CommentOut(Out, frozen=True, kw_only=True):
    id: int
    author: AuthorOut
    body: str
    created_at: Timestamp

    @classmethod
    def of(cls, comment: Comment) -> "CommentOut":
        return cls(
            id=comment.pk,
            author=AuthorOut.of(comment.author),
            body=comment.body,
            created_at=timestamp(comment.created_at),
        )


class ProfileOut(Out, frozen=True, kw_only=True):
    user: AuthorOut
    follower_count: int
    following_count: int
    followed_by_me: bool

    @classmethod
    def of(cls, profile: Profile, *, followed_by_me: bool) -> "ProfileOut":
        return cls(
            user=AuthorOut.of(profile.user),
            follower_count=profile.follower_count,
            following_count=profile.following_count,
            followed_by_me=followed_by_me,
        )
