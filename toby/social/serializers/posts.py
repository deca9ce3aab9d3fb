"""Posts as their authors and readers see them."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from toby.common.pagination import Page
from toby.common.principals import Principal
from toby.common.renderers import Out, Timestamp, timestamp
from toby.common.serializers import HttpsUrl, In, Text
from toby.social.models import ModerationAct, Post, Revision
from toby.social.rendering import html_of
from toby.social.serializers.people import AuthorOut
from toby.social.tagging import MAX_TAGS, BadTag, normal_tags


class Tags(serializers.ListField):
    child = Text(max_length=100)

    def to_internal_value(self, data: Any) -> list[str]:
        try:
            return normal_tags(super().to_internal_value(data))
        except BadTag as error:
            raise serializers.ValidationError(str(error), code="bad_tag") from error


class Markdown(Text):
    """Kept as it is, but not blank: spaces at its beginning mean something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 100_000, "trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        return text


class PostIn(In):
    title = Text(max_length=200)
    body = Markdown()
    tags = Tags(required=False, max_length=MAX_TAGS, help_text="At most 10, normalised.")
    cover_url = HttpsUrl(max_length=500, required=False, allow_blank=True)


class PreviewIn(In):
    body = Markdown()


class PostOut(Out, frozen=True, kw_only=True):
    """A post as lists show it. `published_at` is null until it is live. `status` is draft, live,
    hidden or deleted."""

    slug: str
    status: str
    title: str
    tags: list[str]
    cover_url: str
    author: AuthorOut
    comment_count: int
    like_count: int
    liked_by_me: bool
    bookmarked_by_me: bool
    created_at: Timestamp
    published_at: Timestamp | None

    @classmethod
    def of(cls, post: Post, *, like_count: int) -> "PostOut":
        return cls(**{**shared(post), "like_count": like_count})

    @classmethod
    def of_listed(cls, row: Sequence[Any]) -> "PostOut":
        """Of a live one: `selectors.listed`."""
        (
            slug,
            title,
            tags,
            cover_url,
            comment_count,
            created_at,
            published_at,
            author_id,
            username,
            display_name,
            picture_url,
            like_total,
            liked,
            bookmarked,
            _,
        ) = row
        return cls(
            slug=slug,
            status="live",
            title=title,
            tags=tags,
            cover_url=cover_url,
            author=AuthorOut.of_columns(author_id, username, display_name, picture_url),
            comment_count=comment_count,
            like_count=like_total,
            liked_by_me=liked,
            bookmarked_by_me=bookmarked,
            created_at=timestamp(created_at),
            published_at=timestamp(published_at),
        )

    @classmethod
    def of_row(cls, row: Any) -> "PostOut":
        """A row of a list of `selectors.shown`."""
        return cls(**shared_of_row(row))


class ProposedOut(Out, frozen=True, kw_only=True):
    """What of a post is not decided yet: a draft, or what moderators are to read."""

    id: int
    state: str
    title: str
    remarks: str
    submitted_at: Timestamp | None


class MyPostOut(PostOut, frozen=True, kw_only=True):
    """One's own post; what is proposed of it may be all there is."""

    proposed: ProposedOut | None

    @classmethod
    def of_own(cls, post: Any) -> "MyPostOut":
        proposed = None
        for revision in post.opened:
            at = revision.submitted_at
            proposed = ProposedOut(
                id=revision.pk,
                state=revision.state,
                title=revision.title,
                remarks=revision.remarks,
                submitted_at=timestamp(at) if at else None,
            )
        return cls(**shared_of_row(post), proposed=proposed)


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
    tags: list[str]
    cover_url: str
    reason: str
    remarks: str
    author: AuthorOut
    submitted_at: Timestamp | None

    @classmethod
    def of(cls, revision: Revision, *, writer: Principal | None = None) -> "RevisionOut":
        """`writer` is its author where they ask: then nothing is read of them."""
        return cls(
            id=revision.pk,
            slug=revision.post.slug,
            state=revision.state,
            version=revision.version,
            title=revision.title,
            body=revision.body,
            tags=revision.tags,
            cover_url=revision.cover_url,
            reason=revision.reason,
            remarks=revision.remarks,
            author=author_of(revision.post, writer),
            submitted_at=timestamp(revision.submitted_at) if revision.submitted_at else None,
        )


class FeedPage(Page[PostOut], frozen=True, kw_only=True):
    """`new` leads to how many posts have come since, later than the first; null but on the first
    page."""

    new: str | None


class NewPostsOut(Out, frozen=True, kw_only=True):
    """`count` is of the posts that are later; if there are more than these, `more` is true."""

    count: int
    more: bool


class PostDetailOut(PostOut, frozen=True, kw_only=True):
    """A post with its text, as Markdown and as sanitised HTML; `proposed` only for those who may
    see it. Where `comments_closed`, nobody can comment."""

    body: str
    html: str
    version: int
    comments_closed: bool
    proposed: RevisionOut | None

    @classmethod
    def of_post(
        cls,
        post: Post,
        proposed: Revision | None,
        *,
        writer: Principal | None = None,
    ) -> "PostDetailOut":
        """But for what readers have done to it: `toby.social.pages`."""
        return cls(
            **shared(post, writer),
            body=post.body,
            # One that went live before bodies were rendered has none yet.
            html=post.html or (html_of(post.body, of_post=post.pk) if post.body else ""),
            version=post.version,
            comments_closed=post.comments_closed_at is not None,
            proposed=RevisionOut.of(proposed, writer=writer) if proposed else None,
        )


def author_of(post: Post, writer: Principal | None) -> AuthorOut:
    return AuthorOut.of_person(writer.person()) if writer else AuthorOut.of(post.author)


def shared_of_row(row: Any) -> dict[str, Any]:
    return {
        **shared(row if isinstance(row, Post) else row.post),
        "like_count": row.like_total,
        "liked_by_me": row.liked,
        "bookmarked_by_me": row.bookmarked,
    }


def shared(post: Post, writer: Principal | None = None) -> dict[str, Any]:
    """But for what readers have done to it."""
    return {
        "slug": post.slug,
        "status": post.status,
        "title": post.title,
        "tags": post.tags,
        "cover_url": post.cover_url,
        "author": author_of(post, writer),
        "comment_count": post.comment_count,
        "like_count": 0,
        "liked_by_me": False,
        "bookmarked_by_me": False,
        "created_at": timestamp(post.created_at),
        "published_at": timestamp(post.published_at) if post.published_at else None,
    }


class ActOut(Out, frozen=True, kw_only=True):
    """A step of a post's history. `actor` is null for a moderator, unless the site names them."""

    act: str
    actor: str | None
    revision_id: int | None
    reason: str
    at: Timestamp

    @classmethod
    def of(cls, act: ModerationAct, *, actor: str | None) -> "ActOut":
        return cls(
            act=act.act,
            actor=actor,
            revision_id=act.revision_id,
            reason=act.reason,
            at=timestamp(act.at),
        )


class HistoryOut(Out, frozen=True, kw_only=True):
    """All that was proposed, the newest first, and all that was done, the oldest first."""

    revisions: list[RevisionOut]
    acts: list[ActOut]
