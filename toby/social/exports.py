"""What an account's export holds of this service."""

from collections.abc import Iterator
from typing import Any

from django.db.models import F
from django.db.models.functions import Coalesce

from toby.exports.archive import File
from toby.social.models import (
    Block,
    Bookmark,
    Comment,
    CommentLike,
    EarlierText,
    Follow,
    Like,
    ModerationAct,
    Mute,
    Post,
    Report,
    Revision,
    Standing,
)
from toby.social.selectors import is_trusted


def files(user_id: int) -> Iterator[File]:
    posts = Post.objects.filter(author_id=user_id).order_by("id")
    yield (
        "posts.json",
        posts.values(
            "id",
            "slug",
            "title",
            "body",
            "tags",
            "cover_url",
            "version",
            "comment_count",
            "created_at",
            "published_at",
        ),
    )
    revisions = Revision.objects.filter(post__author_id=user_id).order_by("id")
    yield (
        "revisions.json",
        revisions.values(
            "id",
            "post_id",
            "state",
            "title",
            "body",
            "tags",
            "cover_url",
            "reason",
            "created_at",
            "submitted_at",
            "decided_at",
        ),
    )
    comments = Comment.objects.filter(author_id=user_id).order_by("id")
    columns = ("id", "post__slug", "parent_id", "body", "created_at", "edited_at", "deleted_at")
    yield "comments.json", comments.values(*columns)
    texts = EarlierText.objects.filter(comment__author_id=user_id).order_by("id")
    yield "earlier_comments.json", texts.values("comment_id", "body", "written_at")
    likes = Like.objects.filter(user_id=user_id).order_by("id")
    yield "likes.json", likes.values("post__slug", "created_at")
    comment_likes = CommentLike.objects.filter(user_id=user_id).order_by("id")
    yield (
        "comment_likes.json",
        comment_likes.values("comment_id", "comment__post__slug", "created_at"),
    )
    bookmarks = Bookmark.objects.filter(user_id=user_id).order_by("id")
    yield "bookmarks.json", bookmarks.values("post__slug", "created_at")
    follows = Follow.objects.filter(follower_id=user_id).order_by("id")
    yield "following.json", follows.values("created_at", username=F("followee__username"))
    followers = Follow.objects.filter(followee_id=user_id).order_by("id")
    yield "followers.json", followers.values("created_at", username=F("follower__username"))
    blocks = Block.objects.filter(blocker_id=user_id).order_by("id")
    yield "blocks.json", blocks.values("created_at", username=F("blocked__username"))
    mutes = Mute.objects.filter(muter_id=user_id).order_by("id")
    yield "mutes.json", mutes.values("created_at", "until", username=F("muted__username"))
    reports = Report.objects.filter(reporter_id=user_id).order_by("id")
    slug = Coalesce("case__post__slug", "case__comment__post__slug")
    yield (
        "reports.json",
        reports.values("reason", "note", "at", post_slug=slug, comment_id=F("case__comment_id")),
    )
    yield "trust.json", [trust_of(user_id)]
    acts = ModerationAct.objects.filter(actor_id=user_id).order_by("id")
    yield "moderation_log.json", acts.values("revision_id", "act", "reason", "at")


def trust_of(user_id: int) -> dict[str, Any]:
    """Whether their posts go live at once, and what was ever done to that; not by whom."""
    standing = Standing.objects.filter(pk=user_id).first() or Standing(user_id=user_id)
    acts = ModerationAct.objects.filter(user_id=user_id).order_by("id")
    return {
        "trusted": is_trusted(user_id),
        "approved_in_a_row": standing.approved_in_a_row,
        "proposed_at": standing.proposed_at,
        "acts": list(acts.values("act", "at")),
    }
