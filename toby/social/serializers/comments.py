"""What readers say on posts, and in answer to each other."""

from collections.abc import Iterable
from typing import Any

from toby.common.principals import Principal
from toby.common.renderers import Out, Timestamp, timestamp
from toby.common.serializers import In, Whole
from toby.social.models import Comment, EarlierText
from toby.social.rendering import html_of_comment
from toby.social.selectors.comments import CommentReactions, Threaded
from toby.social.serializers.people import AuthorOut
from toby.social.serializers.posts import Markdown

NO_REACTIONS = CommentReactions(like_total=0, liked=False)


class CommentIn(In):
    body = Markdown(max_length=10_000)
    reply_to = Whole(
        required=False,
        help_text="The comment on the same post that this answers; not given for the post itself.",
    )


class EditCommentIn(In):
    body = Markdown(max_length=10_000)


class CommentOut(Out, frozen=True, kw_only=True):
    """A comment as Markdown and as sanitised HTML. `status` is live or gone: of what is gone only
    that it was there is shown, as long as it has replies that are. `reply_to` is null for what
    answers the post itself, `thread_id` is of the comment with which its thread begins;
    `reply_count` is of direct replies."""

    id: int
    reply_to: int | None
    thread_id: int
    status: str
    author: AuthorOut | None
    body: str
    html: str
    version: int
    reply_count: int
    like_count: int
    liked_by_me: bool
    created_at: Timestamp
    edited_at: Timestamp | None

    @classmethod
    def of(cls, comment: Any) -> "CommentOut":
        """One of `selectors.shown_comments`."""
        return cls(**shared(comment))

    @classmethod
    def of_written(
        cls, comment: Any, *, writer: Principal, reactions: CommentReactions = NO_REACTIONS
    ) -> "CommentOut":
        """To its author, of whom nothing is read."""
        return cls(**shared(comment, writer, reactions))


class CommentDetailOut(CommentOut, frozen=True, kw_only=True):
    """A comment, and the post that it is on."""

    slug: str
    title: str

    @classmethod
    def of_comment(cls, comment: Any) -> "CommentDetailOut":
        post = comment.post
        return cls(**shared(comment), slug=post.slug, title=post.title)


class ThreadedOut(CommentOut, frozen=True, kw_only=True):
    """A comment in a thread; with `depth` 0, the one with which it begins."""

    depth: int


class ThreadOut(Out, frozen=True, kw_only=True):
    """A comment and what answers it, directly or not, in the order in which it is read: 500 at
    most. Of each comment the replies are all here, or none: then `reply_count` says that there
    are, and `comments/{id}/replies` and `comments/{id}/thread` have them."""

    comments: list[ThreadedOut]

    @classmethod
    def of(cls, found: list[Threaded]) -> "ThreadOut":
        return cls(comments=[ThreadedOut(**shared(one.comment), depth=one.depth) for one in found])


class CommentedOut(Out, frozen=True, kw_only=True):
    """What a comment is on."""

    slug: str
    title: str


class MyCommentOut(Out, frozen=True, kw_only=True):
    """One's own comment. `status` is live or hidden; `post` is null while that is not to be
    seen."""

    id: int
    reply_to: int | None
    status: str
    post: CommentedOut | None
    body: str
    html: str
    version: int
    reply_count: int
    like_count: int
    liked_by_me: bool
    created_at: Timestamp
    edited_at: Timestamp | None

    @classmethod
    def of(cls, comment: Any) -> "MyCommentOut":
        """One of `selectors.own_comments`."""
        post = comment.post
        return cls(
            id=comment.pk,
            reply_to=comment.parent_id,
            status=comment.status,
            post=CommentedOut(slug=post.slug, title=post.title)
            if comment.on_what_is_seen
            else None,
            body=comment.body,
            html=html_of(comment),
            version=comment.version,
            reply_count=comment.reply_count,
            like_count=comment.like_total,
            liked_by_me=comment.liked,
            created_at=timestamp(comment.created_at),
            edited_at=timestamp(comment.edited_at) if comment.edited_at else None,
        )


class EarlierTextOut(Out, frozen=True, kw_only=True):
    body: str
    written_at: Timestamp

    @classmethod
    def of(cls, earlier: EarlierText) -> "EarlierTextOut":
        return cls(body=earlier.body, written_at=timestamp(earlier.written_at))


class CommentHistoryOut(Out, frozen=True, kw_only=True):
    """What a comment says and said, for moderators: the newest 100 earlier texts, newest first.
    `status` is live, hidden or deleted; of what is purged the words are gone."""

    id: int
    slug: str
    reply_to: int | None
    status: str
    author: AuthorOut
    body: str
    created_at: Timestamp
    edited_at: Timestamp | None
    earlier: list[EarlierTextOut]

    @classmethod
    def of(cls, comment: Comment, earlier: Iterable[EarlierText]) -> "CommentHistoryOut":
        return cls(
            id=comment.pk,
            slug=comment.post.slug,
            reply_to=comment.parent_id,
            status=comment.status,
            author=AuthorOut.of(comment.author),
            body=comment.body,
            created_at=timestamp(comment.created_at),
            edited_at=timestamp(comment.edited_at) if comment.edited_at else None,
            earlier=[EarlierTextOut.of(text) for text in earlier],
        )


def shared(
    comment: Any, writer: Principal | None = None, reactions: CommentReactions | None = None
) -> dict[str, Any]:
    like_total, liked = reactions or (comment.like_total, comment.liked)
    kept = {
        "id": comment.pk,
        "reply_to": comment.parent_id,
        "thread_id": comment.thread_id,
        "version": comment.version,
        "reply_count": comment.reply_count,
        "created_at": timestamp(comment.created_at),
    }
    if writer is None and (comment.apart or comment.status != "live"):
        gone = {"author": None, "body": "", "html": "", "like_count": 0, "edited_at": None}
        return {**kept, **gone, "status": "gone", "liked_by_me": False}
    return {
        **kept,
        "status": "live",
        "author": AuthorOut.of_person(writer.person()) if writer else AuthorOut.of(comment.author),
        "body": comment.body,
        "html": html_of(comment),
        "like_count": like_total,
        "liked_by_me": liked,
        "edited_at": timestamp(comment.edited_at) if comment.edited_at else None,
    }


def html_of(comment: Comment) -> str:
    """One that was written before comments were rendered has none yet."""
    return comment.html or html_of_comment(comment.body, of_comment=comment.pk)
