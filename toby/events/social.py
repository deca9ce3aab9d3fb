"""What the social service tells the others."""

from dataclasses import dataclass

from toby.events.envelope import SOCIAL, Event, Person


@dataclass(frozen=True, kw_only=True, slots=True)
class PostApproved(Event, type="social.post_approved.v1", topic=SOCIAL, key="post_id"):
    """A moderator made a revision the live text of its post. `version` counts live texts."""

    post_id: int
    revision_id: int
    slug: str
    title: str
    author: Person
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PostRejected(Event, type="social.post_rejected.v1", topic=SOCIAL, key="post_id"):
    """A moderator refused a revision; what was live before still is."""

    post_id: int
    revision_id: int
    slug: str
    title: str
    author: Person
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PostPublished(Event, type="social.post_published.v1", topic=SOCIAL, key="post_id"):
    """A post went live for the first time."""

    post_id: int
    slug: str
    title: str
    author: Person


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentAdded(Event, type="social.comment_added.v1", topic=SOCIAL, key="post_id"):
    """Somebody commented on a live post; its author may have been the one."""

    comment_id: int
    post_id: int
    post_slug: str
    post_title: str
    post_author_id: int
    author: Person
    excerpt: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UserFollowed(Event, type="social.user_followed.v1", topic=SOCIAL, key="follower_id"):
    """Somebody follows somebody. `version` counts the changes to whom the follower follows."""

    follower_id: int
    followee_id: int
    follower: Person
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UserUnfollowed(Event, type="social.user_unfollowed.v1", topic=SOCIAL, key="follower_id"):
    """Somebody follows somebody no longer. `version` as in UserFollowed."""

    follower_id: int
    followee_id: int
    version: int
