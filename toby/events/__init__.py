"""The contracts between the services: plain Python, no Django.

One frozen dataclass a fact, named in the past tense. Adding a field with a default is allowed;
any other change is a new version with a new type. `docs/adding-an-event.md` lists what to touch.
"""

from toby.events.accounts import (
    ExportReady,
    SessionEnded,
    UserChanged,
    UserDeleted,
    UserRegistered,
)
from toby.events.envelope import (
    ACCOUNTS,
    FANOUT,
    SOCIAL,
    TOPICS,
    BadEvent,
    Envelope,
    Event,
    Person,
    UnknownType,
    deleted_person,
)
from toby.events.social import (
    ChangesRequested,
    CommentAdded,
    PostApproved,
    PostDeleted,
    PostEdited,
    PostFeatured,
    PostHidden,
    PostLiked,
    PostPublished,
    PostRejected,
    PostRestored,
    PostSubmitted,
    PostUnliked,
    PostWithdrawn,
    UserFollowed,
    UserUnfollowed,
)

__all__ = [
    "ACCOUNTS",
    "FANOUT",
    "SOCIAL",
    "TOPICS",
    "BadEvent",
    "ChangesRequested",
    "CommentAdded",
    "Envelope",
    "Event",
    "ExportReady",
    "Person",
    "PostApproved",
    "PostDeleted",
    "PostEdited",
    "PostFeatured",
    "PostHidden",
    "PostLiked",
    "PostPublished",
    "PostRejected",
    "PostRestored",
    "PostSubmitted",
    "PostUnliked",
    "PostWithdrawn",
    "SessionEnded",
    "UnknownType",
    "UserChanged",
    "UserDeleted",
    "UserFollowed",
    "UserRegistered",
    "UserUnfollowed",
    "deleted_person",
]
