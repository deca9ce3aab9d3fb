"""Inboxes, items and facts, and what this service has learned of users and what is between them.

A fact is what one event means to one recipient; an item is what the recipient sees, made of one or
more facts. Every change of an item takes the next `seq` of its inbox under the inbox row's lock:
whoever has seen n has missed nothing at or under n.
"""

import secrets
from uuid import uuid4

from django.db import models

from toby.common.fields import ExactCharField, JSONField
from toby.common.uuid7 import uuid7


class Kind(models.TextChoices):
    POST_APPROVED = "post_approved"
    POST_REJECTED = "post_rejected"
    CHANGES_REQUESTED = "changes_requested"
    POST_HIDDEN = "post_hidden"
    POST_DELETED = "post_deleted"
    POST_FEATURED = "post_featured"
    POST_PUBLISHED = "post_published"
    POST_SUBMITTED = "post_submitted"
    COMMENT_ADDED = "comment_added"
    COMMENT_REPLIED = "comment_replied"
    MENTIONED = "mentioned"
    POST_LIKED = "post_liked"
    COMMENT_LIKED = "comment_liked"
    COMMENT_HIDDEN = "comment_hidden"
    COMMENT_DELETED = "comment_deleted"
    WARNED = "warned"
    FOLLOWED = "followed"
    TRUSTED = "trusted"
    EXPORT_READY = "export_ready"
    ANNOUNCEMENT = "announcement"


class Channel(models.TextChoices):
    """Where something is told: what each means, `toby/notifications/preferences.py`."""

    OFF = "off"
    IN_APP = "in_app"
    EMAIL = "email"


class State(models.TextChoices):
    """What has become of an item: each but the last is more than the one before it. A retracted
    one is gone, whatever it was."""

    UNSEEN = "unseen"
    SEEN = "seen"
    READ = "read"
    ARCHIVED = "archived"
    GONE = "gone"


UNREAD = (State.UNSEEN, State.SEEN)
LISTED = (*UNREAD, State.READ)


class Language(models.TextChoices):
    ENGLISH = "en"
    GERMAN = "de"


class Every(models.TextChoices):
    """How often what is unread is mailed."""

    OFF = "off"
    HOURLY = "hourly"
    DAILY = "daily"


class Why(models.TextChoices):
    """Why somebody is told nothing of what somebody else does."""

    BLOCKS = "blocks"
    IS_BLOCKED = "is_blocked"
    MUTES = "mutes"


def new_epoch() -> str:
    return secrets.token_hex(6)


class Inbox(models.Model):
    """One row a recipient. `floor_seq` is the highest seq of a deleted item: a client that saw
    less than that has to start afresh. A new `epoch` makes all tokens that are out void. A `closed`
    one is of somebody whose account was deleted: nothing comes into it any more."""

    user_id = models.BigIntegerField(primary_key=True)
    epoch = ExactCharField(max_length=12, default=new_epoch)
    last_seq = models.PositiveBigIntegerField(default=0)
    floor_seq = models.PositiveBigIntegerField(default=0)
    unread = models.PositiveIntegerField(default=0)
    unseen = models.PositiveIntegerField(default=0)
    closed = models.BooleanField(default=False)
    # What the items' words are in. Another language is another epoch: clients read all anew.
    language = ExactCharField(max_length=10, default=Language.ENGLISH)

    class Meta:
        verbose_name_plural = "inboxes"

    def __str__(self) -> str:
        return f"inbox of user {self.user_id} at {self.last_seq}"


class Item(models.Model):
    """What a recipient sees. `content_seq` is the seq of its last fact: lists are ordered by it.
    `state` says what the times from `seen_at` on do: lists are narrowed by it. What is archived has
    been read, and what is read has been seen."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    recipient_id = models.BigIntegerField()
    kind = ExactCharField(max_length=30, choices=Kind)
    # Facts with the same key of a recipient make one item.
    group_key = ExactCharField(max_length=100)
    seq = models.PositiveBigIntegerField()
    content_seq = models.PositiveBigIntegerField()
    # The content_seq that it was mailed with; 0 if it was not.
    mailed_seq = models.PositiveBigIntegerField(default=0)
    fact_count = models.PositiveIntegerField(default=0)
    actor = JSONField(null=True)
    target = JSONField()
    data = JSONField()
    state = ExactCharField(max_length=8, choices=State, default=State.UNSEEN)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    retracted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["recipient_id", "group_key"], name="a_group_is_one_item"
            ),
            models.UniqueConstraint(fields=["recipient_id", "seq"], name="a_seq_is_given_once"),
        )
        indexes = (
            models.Index(fields=["recipient_id", "state", "content_seq"], name="items_of_a_state"),
            models.Index(
                fields=["recipient_id", "kind", "state", "content_seq"], name="items_of_a_kind"
            ),
            models.Index(fields=["retracted_at", "created_at"], name="items_to_be_pruned"),
        )

    def __str__(self) -> str:
        return f"{self.kind} for user {self.recipient_id}"

    def state_by_its_times(self) -> State:
        if self.retracted_at:
            return State.GONE
        if self.archived_at:
            return State.ARCHIVED
        return State.READ if self.read_at else State.SEEN if self.seen_at else State.UNSEEN


class Fact(models.Model):
    """What one event means to one recipient. Kept when retracted, so that the event, when it
    comes again, does not revive it. `act` names what an undoing event takes back."""

    event_id = models.UUIDField()
    recipient_id = models.BigIntegerField()
    actor_id = models.BigIntegerField(null=True)
    # Whose post it is about, where that is neither the actor's nor the recipient's.
    host_id = models.BigIntegerField(null=True)
    # The comment that it comes and goes with, if there is one.
    comment_id = models.BigIntegerField(null=True, db_index=True)
    # Found by `facts_of_an_item`.
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="facts", db_index=False)
    act = ExactCharField(max_length=100, blank=True)
    # What the item shows of it, where the item is made of several: until it is retracted.
    actor = JSONField(null=True)
    data = JSONField(null=True)
    # What the fact is about, as "post:12": all that is about something that is gone is retracted.
    subject = ExactCharField(max_length=100, blank=True)
    created_at = models.DateTimeField()
    retracted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["event_id", "recipient_id"], name="an_event_is_one_fact_a_recipient"
            ),
        )
        indexes = (
            models.Index(fields=["recipient_id", "act"], name="facts_of_an_act"),
            models.Index(fields=["subject", "recipient_id"], name="facts_about_something"),
            models.Index(fields=["actor_id", "recipient_id"], name="facts_of_an_actor"),
            models.Index(fields=["host_id", "recipient_id"], name="facts_of_a_host"),
            models.Index(fields=["item", "retracted_at", "id"], name="facts_of_an_item"),
        )

    def __str__(self) -> str:
        return f"fact {self.event_id} for user {self.recipient_id}"


class Preference(models.Model):
    """Where a kind is told to somebody, if that differs from the default. Read and changed by
    whoever holds the user's inbox."""

    user_id = models.BigIntegerField()
    kind = ExactCharField(max_length=30)
    channel = ExactCharField(max_length=10, choices=Channel)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user_id", "kind"], name="a_kind_is_preferred_once"),
        )

    def __str__(self) -> str:
        return f"{self.kind} for user {self.user_id}: {self.channel}"


class Muted(models.Model):
    """What somebody wants to hear nothing more of: the post "post:3", or the comments in
    "thread:7". Read and changed by whoever holds the user's inbox."""

    user_id = models.BigIntegerField()
    subject = ExactCharField(max_length=40)
    muted_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["subject", "user_id"], name="all_is_muted_once"),
        )
        indexes = (models.Index(fields=["user_id", "id"], name="what_a_user_mutes"),)

    def __str__(self) -> str:
        return f"user {self.user_id} mutes {self.subject}"


class ReadAll(models.Model):
    """One time that somebody read all at once: what had a content_seq of at most `up_to` then. The
    items that it has read, and that nothing has happened to since, were read `at` that very moment.
    Changed by whoever holds the user's inbox."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user_id = models.BigIntegerField()
    at = models.DateTimeField(db_index=True)
    up_to = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user_id", "at"], name="one_reads_all_once_at_a_time"),
        )

    def __str__(self) -> str:
        return f"user {self.user_id} read all up to {self.up_to}"


class Mailbox(models.Model):
    """Where digests are mailed to, as auth's events told, and when, as their reader wishes. Read
    and changed by whoever holds the reader's inbox."""

    user_id = models.BigIntegerField(primary_key=True)
    email = models.CharField(max_length=254, blank=True)
    # Of the address: an older event changes nothing.
    version = models.PositiveBigIntegerField(default=0)
    digest = ExactCharField(max_length=10, choices=Every, default=Every.DAILY)
    time_zone = ExactCharField(max_length=40, default="UTC")
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    # It needs no more looking at: its digest was queued, or there was nothing to be mailed.
    settled_period = ExactCharField(max_length=20, default="", blank=True)

    class Meta:
        verbose_name_plural = "mailboxes"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_begin_and_end",
            ),
        )

    def __str__(self) -> str:
        return f"mailbox of user {self.user_id}"


class Digest(models.Model):
    """One that was queued, and of what. `message_id` is the queue's row, as long as it is there."""

    user_id = models.BigIntegerField()
    period = ExactCharField(max_length=20)
    queued_at = models.DateTimeField(db_index=True)
    message_id = models.BigIntegerField()
    items = models.JSONField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user_id", "period"], name="a_period_has_one_digest"),
        )

    def __str__(self) -> str:
        return f"digest of {self.period} for user {self.user_id}"


class KnownUser(models.Model):
    """What auth's events told of a user; an older `version` never replaces a newer one. Of a
    `deleted` one only that is kept."""

    user_id = models.BigIntegerField(primary_key=True)
    username = models.CharField(max_length=30)
    display_name = models.CharField(max_length=80)
    picture_url = models.CharField(max_length=500, blank=True)
    deleted = models.BooleanField(default=False)
    version = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return self.username


class KnownModerator(models.Model):
    """Who moderates, as auth's events told. Who no longer does stays, as inactive, for the
    `version`. Read and changed by whoever holds the user's inbox."""

    user_id = models.BigIntegerField(primary_key=True)
    active = models.BooleanField()
    version = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"user {self.user_id} {'moderates' if self.active else 'does not moderate'}"


class KnownFollow(models.Model):
    """Who follows whom, as social's events told, and `since` when: None for what was known before
    that was asked. An undone follow stays, as inactive, for its `version`: an older event that
    comes late must not bring it back."""

    follower_id = models.BigIntegerField()
    followee_id = models.BigIntegerField()
    since = models.DateTimeField(null=True)
    active = models.BooleanField()
    version = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["follower_id", "followee_id"], name="a_known_follow_is_known_once"
            ),
        )
        indexes = (
            models.Index(fields=["followee_id", "active", "follower_id"], name="known_followers"),
        )

    def __str__(self) -> str:
        return f"{self.follower_id} follows {self.followee_id}"


class KnownPost(models.Model):
    """Whether readers see a post, as social's events told; and as what followers are told of its
    publication, until it is hidden or deleted. Locked as `toby.notifications.posts` says."""

    post_id = models.BigIntegerField(primary_key=True)
    author_id = models.BigIntegerField()
    visible = models.BooleanField(default=True)
    # Of the event that told of it.
    publication_id = models.UUIDField(null=True)
    published_at = models.DateTimeField(null=True)
    target = models.JSONField(null=True)
    actor = models.JSONField(null=True)
    # When it was hidden or deleted last, by the event's time; and the last fact there was then.
    hidden_at = models.DateTimeField(null=True)
    hidden_up_to = models.BigIntegerField(default=0)

    class Meta:
        indexes = (models.Index(fields=["author_id", "published_at"], name="known_publications"),)

    def __str__(self) -> str:
        return f"post {self.post_id}"


class Silence(models.Model):
    """The listener is told nothing of what the speaker does, as social's events told. A block is
    two. An undone one stays, as inactive, for its `version`. Read and changed by whoever holds the
    listener's inbox."""

    listener_id = models.BigIntegerField()
    speaker_id = models.BigIntegerField()
    why = ExactCharField(max_length=10, choices=Why)
    active = models.BooleanField()
    version = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["listener_id", "speaker_id", "why"], name="a_silence_is_known_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.listener_id} {self.why} {self.speaker_id}"
