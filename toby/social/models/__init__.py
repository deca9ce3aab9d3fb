"""The tables of the social service."""

from toby.social.models.comments import AGE_BITS, Comment, CommentQuerySet, top_order
from toby.social.models.moderation import (
    Act,
    AppendOnly,
    LogIsAppendOnly,
    ModerationAct,
    ReasonTemplate,
    Standing,
)
from toby.social.models.people import Block, Follow, Mute, Profile, apart, muted
from toby.social.models.posts import (
    EXCERPT_LENGTH,
    IdempotencyKey,
    ImportedFile,
    Post,
    PostQuerySet,
    PostTag,
    Revision,
    SearchEntry,
    State,
    Tag,
    User,
    is_live,
)
from toby.social.models.reactions import Like
from toby.social.models.reports import Report, ReportCase, ReportReason, Resolution, with_its_target
from toby.social.models.timelines import TimelineEntry

__all__ = [
    "AGE_BITS",
    "EXCERPT_LENGTH",
    "Act",
    "AppendOnly",
    "Block",
    "Comment",
    "CommentQuerySet",
    "Follow",
    "IdempotencyKey",
    "ImportedFile",
    "Like",
    "LogIsAppendOnly",
    "ModerationAct",
    "Mute",
    "Post",
    "PostQuerySet",
    "PostTag",
    "Profile",
    "ReasonTemplate",
    "Report",
    "ReportCase",
    "ReportReason",
    "Resolution",
    "Revision",
    "SearchEntry",
    "Standing",
    "State",
    "Tag",
    "TimelineEntry",
    "User",
    "apart",
    "is_live",
    "muted",
    "top_order",
    "with_its_target",
]
