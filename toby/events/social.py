"""What the social service tells the others."""

from dataclasses import dataclass

from toby.events.envelope import SOCIAL, Event, Person


@dataclass(frozen=True, kw_only=True, slots=True)
class PostApproved(Event, type="social.post_approved.v1", topic=SOCIAL, key="post_id"):
    """A revision became the live text of its post: by a moderator, or since its author is trusted.
    `version` counts live texts."""

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
    """A post went live for the first time. `mentions` are the ids of those whom it mentions."""

    post_id: int
    slug: str
    title: str
    author: Person
    mentions: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentAdded(Event, type="social.comment_added.v1", topic=SOCIAL, key="post_id"):
    """Somebody commented on a live post; its author may have been the one. `parent_id` is of the
    comment that this one answers, and `parent_author_id` whose that is: 0 where it answers none.
    `thread_id` is of the comment with which its thread begins. `mentions` as in PostPublished."""

    comment_id: int
    post_id: int
    post_slug: str
    post_title: str
    post_author_id: int
    author: Person
    excerpt: str
    parent_id: int = 0
    parent_author_id: int = 0
    thread_id: int = 0
    mentions: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class UserFollowed(Event, type="social.user_followed.v1", topic=SOCIAL, key="follower_id"):
    """Somebody follows somebody. `version` counts the changes to whom the follower follows,
    blocks and mutes."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class UserBlocked(Event, type="social.user_blocked.v1", topic=SOCIAL, key="blocker_id"):
    """Somebody blocks somebody: neither is to see anything of the other. That neither follows the
    other any more is told before, by events of its own. `version` as in UserFollowed."""

    blocker_id: int
    blocked_id: int
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UserUnblocked(Event, type="social.user_unblocked.v1", topic=SOCIAL, key="blocker_id"):
    """Somebody blocks somebody no longer. `version` as in UserFollowed."""

    blocker_id: int
    blocked_id: int
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UserMuted(Event, type="social.user_muted.v1", topic=SOCIAL, key="muter_id"):
    """Somebody wants to hear nothing of somebody. `version` as in UserFollowed."""

    muter_id: int
    muted_id: int
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UserUnmuted(Event, type="social.user_unmuted.v1", topic=SOCIAL, key="muter_id"):
    """Somebody mutes somebody no longer: they said so, or the time was up. `version` as in
    UserFollowed."""

    muter_id: int
    muted_id: int
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PostSubmitted(Event, type="social.post_submitted.v1", topic=SOCIAL, key="post_id"):
    """A revision waits for a moderator's decision. Its title, as proposed, is for moderators only:
    nobody approved it."""

    post_id: int
    revision_id: int
    author: Person
    slug: str = ""
    title: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PostWithdrawn(Event, type="social.post_withdrawn.v1", topic=SOCIAL, key="post_id"):
    """An author took back what was proposed."""

    post_id: int
    revision_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangesRequested(Event, type="social.changes_requested.v1", topic=SOCIAL, key="post_id"):
    """A moderator gave a revision back to its author, who can change it and submit it again."""

    post_id: int
    revision_id: int
    slug: str
    title: str
    author: Person
    remarks: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PostEdited(Event, type="social.post_edited.v1", topic=SOCIAL, key="post_id"):
    """What is live of a post was replaced. `version` as in PostApproved. `mentions` are the ids of
    those whom it mentions and did not before, `unmentions` of those whom it no longer does."""

    post_id: int
    slug: str
    title: str
    author: Person
    version: int
    mentions: tuple[int, ...] = ()
    unmentions: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PostHidden(Event, type="social.post_hidden.v1", topic=SOCIAL, key="post_id"):
    """A moderator took a live post out of sight of all but its author."""

    post_id: int
    slug: str
    title: str
    author: Person
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PostDeleted(Event, type="social.post_deleted.v1", topic=SOCIAL, key="post_id"):
    """A post is gone, but for a tombstone. `reason` is empty where its author deleted it."""

    post_id: int
    slug: str
    title: str
    author: Person
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PostRestored(Event, type="social.post_restored.v1", topic=SOCIAL, key="post_id"):
    """A post that was hidden or deleted is back as it was."""

    post_id: int
    slug: str
    author: Person


@dataclass(frozen=True, kw_only=True, slots=True)
class PostFeatured(Event, type="social.post_featured.v1", topic=SOCIAL, key="post_id"):
    """Moderators pinned a live post that was not pinned before."""

    post_id: int
    slug: str
    title: str
    author: Person


@dataclass(frozen=True, kw_only=True, slots=True)
class PostLiked(Event, type="social.post_liked.v1", topic=SOCIAL, key="post_id"):
    """Somebody liked a live post. Not sent for the author's own like."""

    post_id: int
    post_slug: str
    post_title: str
    post_author_id: int
    liker: Person


@dataclass(frozen=True, kw_only=True, slots=True)
class PostUnliked(Event, type="social.post_unliked.v1", topic=SOCIAL, key="post_id"):
    """Somebody likes a post no longer. Not sent for the author."""

    post_id: int
    post_author_id: int
    liker_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentLiked(Event, type="social.comment_liked.v1", topic=SOCIAL, key="post_id"):
    """Somebody liked a comment. Not sent for its author's own like."""

    comment_id: int
    comment_author_id: int
    excerpt: str
    post_id: int
    post_slug: str
    post_title: str
    liker: Person
    post_author_id: int = 0
    thread_id: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentUnliked(Event, type="social.comment_unliked.v1", topic=SOCIAL, key="post_id"):
    """Somebody likes a comment no longer. Not sent for its author."""

    comment_id: int
    comment_author_id: int
    post_id: int
    liker_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentHidden(Event, type="social.comment_hidden.v1", topic=SOCIAL, key="post_id"):
    """A moderator took a comment out of sight."""

    comment_id: int
    post_id: int
    post_author_id: int
    author: Person
    excerpt: str
    reason: str
    parent_author_id: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentDeleted(Event, type="social.comment_deleted.v1", topic=SOCIAL, key="post_id"):
    """A comment is gone, but for a tombstone where it has replies. `deleted_by` is moderator,
    post_author or author; only moderators give a reason."""

    comment_id: int
    post_id: int
    post_author_id: int
    author: Person
    excerpt: str
    reason: str
    parent_author_id: int = 0
    deleted_by: str = "moderator"


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentRestored(Event, type="social.comment_restored.v1", topic=SOCIAL, key="post_id"):
    """A comment that was hidden or deleted is back as it was."""

    comment_id: int
    post_id: int
    author: Person


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentEdited(Event, type="social.comment_edited.v1", topic=SOCIAL, key="post_id"):
    """Its author changed what a comment says. `version` counts its texts, from 1. `mentions` and
    `unmentions` as in PostEdited."""

    comment_id: int
    post_id: int
    post_author_id: int
    author: Person
    excerpt: str
    parent_author_id: int
    version: int
    post_slug: str = ""
    post_title: str = ""
    thread_id: int = 0
    mentions: tuple[int, ...] = ()
    unmentions: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorTrusted(Event, type="social.author_trusted.v1", topic=SOCIAL, key="user_id"):
    """A moderator decided that what this author submits goes live at once."""

    user_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthorWarned(Event, type="social.author_warned.v1", topic=SOCIAL, key="post_id"):
    """A moderator warned somebody about their post, or about their comment on a post: then
    `comment_id` is not 0, and `excerpt` is of it."""

    post_id: int
    comment_id: int
    post_slug: str
    post_title: str
    author: Person
    excerpt: str
    reason: str
