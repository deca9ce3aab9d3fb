"""Posts and their revisions, comments, who follows whom, and the moderation log."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q, QuerySet

from toby.common.fields import ExactCharField
from toby.common.principals import Principal

User = settings.AUTH_USER_MODEL
# Of a text of which only the beginning is shown.
EXCERPT_LENGTH = 140


class State(models.TextChoices):
    """Of a revision."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Act(models.TextChoices):
    """What can be done to a post, a revision of it or a comment on it, or to an author."""

    SUBMITTED = "submitted"
    WITHDRAWN = "withdrawn"
    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGES_REQUESTED = "changes_requested"
    HIDDEN = "hidden"
    UNHIDDEN = "unhidden"
    DELETED = "deleted"
    RESTORED = "restored"
    # Live at once, by an author who is trusted; and the later look at it.
    LIVE_BY_TRUST = "live_by_trust"
    LOOKED_AT = "looked_at"
    # To a person.
    TRUST_PROPOSED = "trust_proposed"
    PROPOSAL_TAKEN_BACK = "proposal_taken_back"
    PROPOSAL_DECLINED = "proposal_declined"
    TRUST_GRANTED = "trust_granted"
    TRUST_REVOKED = "trust_revoked"
    FEATURED = "featured"
    UNFEATURED = "unfeatured"
    TAGS_FEATURED = "tags_featured"
    COMMENT_HIDDEN = "comment_hidden"
    COMMENT_DELETED = "comment_deleted"
    COMMENT_RESTORED = "comment_restored"
    REPORT_DISMISSED = "report_dismissed"
    WARNED = "warned"


class ReportReason(models.TextChoices):
    SPAM = "spam"
    ABUSE = "abuse"
    OFF_TOPIC = "off_topic"
    ILLEGAL = "illegal"
    OTHER = "other"


class Resolution(models.TextChoices):
    """What became of what was reported."""

    DISMISSED = "dismissed"
    HIDDEN = "hidden"
    DELETED = "deleted"
    WARNED = "warned"


def is_live(prefix: str = "") -> Q:
    """What anyone may see; `prefix` leads to the post, as in "post__"."""
    return Q(
        **{
            # Not `published_at`: this one is an index, in whose order lists are read.
            f"{prefix}live_order__isnull": False,
            f"{prefix}hidden_at": None,
            f"{prefix}deleted_at": None,
        }
    )


class PostQuerySet(QuerySet["Post"]):
    """Who may see which posts is said here and nowhere else."""

    def live(self) -> Self:
        return self.filter(is_live())

    def visible_to(self, principal: Principal | None) -> Self:
        """Live ones; all to moderators, deleted ones too; their own to authors, but those."""
        if principal is None:
            return self.live()
        if principal.is_moderator:
            return self
        return self.filter(is_live() | Q(author_id=principal.user_id, deleted_at=None))


class Post(models.Model):
    """What is live. `version` counts the live texts; with none yet, title and body are empty.

    A hidden post is seen by its author and moderators; of a deleted one a tombstone is seen, and
    moderators can restore it until it is purged.
    """

    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="posts")
    slug = ExactCharField(max_length=100, unique=True)
    title = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    # What `body` is as HTML, made when it went live: it is shown more often than it changes.
    html = models.TextField(blank=True)
    tags = models.JSONField(default=list)
    cover_url = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField(default=0)
    comment_count = models.PositiveIntegerField(default=0)
    like_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    # The id of the log's line that made it live: the order of public lists, and unique.
    live_order = models.PositiveBigIntegerField(null=True, unique=True)
    hidden_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True, db_index=True)
    # Where it stands among the featured, from 1.
    featured_place = models.PositiveSmallIntegerField(null=True, unique=True)

    objects: ClassVar[models.Manager["Post"]] = models.Manager.from_queryset(PostQuerySet)()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | Q(version__gt=0),
                name="what_is_live_has_been_approved",
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True, live_order__isnull=True)
                | Q(published_at__isnull=False, live_order__isnull=False),
                name="what_is_live_has_its_place_in_lists",
            ),
        )
        indexes = (models.Index(fields=["author", "live_order"], name="posts_of_an_author"),)

    def __str__(self) -> str:
        return str(self.slug)

    @property
    def status(self) -> str:
        """deleted, hidden, live, or draft where nothing was ever approved."""
        if self.deleted_at:
            return "deleted"
        if self.hidden_at:
            return "hidden"
        return "live" if self.published_at else "draft"


class Tag(models.Model):
    """What posts are about, normalised (`toby.social.tagging`). `post_count` is of live posts."""

    name = ExactCharField(max_length=50, unique=True)
    post_count = models.PositiveIntegerField(default=0)
    featured_place = models.PositiveSmallIntegerField(null=True, unique=True)

    def __str__(self) -> str:
        return str(self.name)


class PostTag(models.Model):
    """A live post under one of its tags: no others are here, so that none can be found by them."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="tag_rows")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="+")
    live_order = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["post", "tag"], name="a_post_has_a_tag_once"),
        )
        indexes = (models.Index(fields=["tag", "live_order"], name="posts_under_a_tag"),)

    def __str__(self) -> str:
        return f"post {self.post_id} under tag {self.tag_id}"


class Revision(models.Model):
    """A proposed text. `version` grows with each edit of it: moderators decide on what they saw.

    `remarks` are what a moderator asked to be changed. Whoever has claimed it reads it alone until
    `claimed_until`. What went live by trust has nobody in `decided_by`, and an `unseen_order` until
    a moderator has looked at it.
    """

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="revisions")
    state = ExactCharField(max_length=10, choices=State, default=State.DRAFT)
    # True while draft or pending, empty afterwards: conditional constraints vanish on MySQL.
    open = models.BooleanField(null=True, default=True)
    base_version = models.PositiveIntegerField()
    version = models.PositiveIntegerField(default=1)
    title = models.CharField(max_length=200)
    body = models.TextField()
    tags = models.JSONField(default=list)
    cover_url = models.CharField(max_length=500, blank=True)
    reason = models.TextField(blank=True)
    remarks = models.TextField(blank=True)
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    # The id of the log's line by which it was submitted: the order of the queue, and unique.
    queue_order = models.PositiveBigIntegerField(null=True, unique=True)
    # The id of the line by which it went live unseen: the order of what is to be looked at.
    unseen_order = models.PositiveBigIntegerField(null=True, unique=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="decisions"
    )
    claimed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["post", "open"], name="a_post_has_one_open_revision"),
            models.CheckConstraint(
                condition=~Q(state="rejected") | ~Q(reason=""), name="a_rejection_has_a_reason"
            ),
            models.CheckConstraint(
                # What is unknown passes a check: NULL must be said not to be True.
                condition=Q(open__isnull=False, open=True, state__in=["draft", "pending"])
                | Q(open__isnull=True, state__in=["approved", "rejected", "withdrawn"]),
                name="a_revision_is_open_until_it_is_decided",
            ),
            models.CheckConstraint(
                condition=Q(unseen_order__isnull=True) | Q(state="approved"),
                name="a_later_look_is_at_what_went_live",
            ),
        )
        indexes = (models.Index(fields=["state", "queue_order"], name="queue_oldest_first"),)

    def __str__(self) -> str:
        return f"revision {self.pk} of post {self.post_id}"

    def is_claimed_from(self, user_id: int, now: datetime) -> bool:
        """Whether somebody else reads it now."""
        until = self.claimed_until
        return self.claimed_by_id != user_id and until is not None and now < until


class AppendOnly(QuerySet["ModerationAct"]):
    """Rows are added, and never changed or deleted."""

    def update(self, **changes: Any) -> int:
        raise LogIsAppendOnly

    def delete(self) -> tuple[int, dict[str, int]]:
        raise LogIsAppendOnly


class LogIsAppendOnly(TypeError):
    """The moderation log is added to; nothing in it is changed or deleted."""


class ModerationAct(models.Model):
    """A line of the log: who did what to which post, revision, comment or user, when and why.

    The log outlives what it speaks of, and is not touched when that is deleted: its references are
    no constraints of the database.
    """

    post = models.ForeignKey(
        Post, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="acts"
    )
    revision = models.ForeignKey(
        Revision, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="acts"
    )
    comment = models.ForeignKey(
        "Comment", on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="acts"
    )
    actor = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    user = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    act = ExactCharField(max_length=20, choices=Act)
    reason = models.TextField(blank=True)
    at = models.DateTimeField()

    objects: ClassVar[models.Manager["ModerationAct"]] = models.Manager.from_queryset(AppendOnly)()

    def __str__(self) -> str:
        return f"{self.act} {self.post_id or self.user_id}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise LogIsAppendOnly
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        raise LogIsAppendOnly


class ReasonTemplate(models.Model):
    """What moderators often have to say, in words that all use. Lower `place`s come first."""

    name = ExactCharField(max_length=80, unique=True)
    text = models.TextField(max_length=2000)
    place = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("place", "name")

    def __str__(self) -> str:
        return str(self.name)


class CommentQuerySet(QuerySet["Comment"]):
    """Which comments are seen, of a post that is seen, is said here and nowhere else."""

    def live(self) -> Self:
        return self.filter(hidden_at=None, deleted_at=None)


class Comment(models.Model):
    """A reader's word on a live post. What moderators hid or deleted they can put back, until what
    is deleted is purged."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="comments")
    body = models.TextField()
    created_at = models.DateTimeField()
    hidden_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True, db_index=True)

    objects: ClassVar[models.Manager["Comment"]] = models.Manager.from_queryset(CommentQuerySet)()

    class Meta:
        indexes = (models.Index(fields=["post", "id"], name="comments_of_a_post"),)

    def __str__(self) -> str:
        return f"comment {self.pk} on post {self.post_id}"

    @property
    def status(self) -> str:
        """deleted, hidden or live."""
        if self.deleted_at:
            return "deleted"
        return "hidden" if self.hidden_at else "live"


class Like(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="likes")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="likes")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "post"], name="a_user_likes_a_post_once"),
        )

    def __str__(self) -> str:
        return f"{self.user_id} likes post {self.post_id}"


def with_its_target(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """As CASCADE, which on MySQL sets what is nullable to NULL first: no case may be of nothing."""
    collector.collect(
        sub_objs,
        source=field.remote_field.model,
        source_attr=field.name,
        nullable=False,
        fail_on_restricted=False,
    )


class ReportCase(models.Model):
    """All reports of one post, or of one comment, until a moderator resolves them together.

    `version` grows with each report: moderators resolve what they saw. `author` is whose post or
    comment it is, `reasons` how many gave which.
    """

    post = models.ForeignKey(Post, on_delete=with_its_target, null=True, related_name="cases")
    comment = models.ForeignKey(Comment, on_delete=with_its_target, null=True, related_name="cases")
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    # True until it is resolved, empty afterwards: conditional constraints vanish on MySQL.
    open = models.BooleanField(null=True, default=True)
    version = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=dict)
    first_reported_at = models.DateTimeField()
    last_reported_at = models.DateTimeField()
    resolution = ExactCharField(max_length=10, choices=Resolution, blank=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["post", "open"], name="a_post_has_one_open_case"),
            models.UniqueConstraint(fields=["comment", "open"], name="a_comment_has_one_open_case"),
            models.CheckConstraint(
                condition=Q(post__isnull=True, comment__isnull=False)
                | Q(post__isnull=False, comment__isnull=True),
                name="a_case_is_of_a_post_or_of_a_comment",
            ),
            models.CheckConstraint(
                # What is unknown passes a check: NULL must be said not to be True.
                condition=Q(open__isnull=False, open=True, resolution="")
                | (Q(open__isnull=True) & ~Q(resolution="")),
                name="a_case_is_open_until_it_is_resolved",
            ),
        )
        indexes = (models.Index(fields=["open", "id"], name="cases_oldest_first"),)

    def __str__(self) -> str:
        return f"reports of {self.target}"

    @property
    def kind(self) -> str:
        return "post" if self.comment_id is None else "comment"

    @property
    def target(self) -> "Post | Comment":
        found = self.post if self.comment is None else self.comment
        assert found is not None
        return found

    @property
    def on_post(self) -> Post:
        """The post that is reported, or the one that the comment is on."""
        return self.target if isinstance(self.target, Post) else self.target.post

    @property
    def title(self) -> str:
        title = self.on_post.title
        return title if self.comment is None else f"Comment on {title}"

    @property
    def body(self) -> str:
        """Of what is reported, as `status`."""
        return self.target.body

    @property
    def status(self) -> str:
        return self.target.status

    @property
    def report_count(self) -> int:
        return int(sum(self.reasons.values()))


class Report(models.Model):
    """What one reader says against a post or comment. Its author never learns who it was."""

    case = models.ForeignKey(ReportCase, on_delete=models.CASCADE, related_name="reports")
    reporter = models.ForeignKey(User, on_delete=models.CASCADE, related_name="reports")
    reason = ExactCharField(max_length=20, choices=ReportReason)
    note = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["case", "reporter"], name="a_reader_reports_once"),
        )

    def __str__(self) -> str:
        return f"report {self.pk} in case {self.case_id}"


class Profile(models.Model):
    """What a user is among others. `follow_version` counts changes to whom they follow; its row's
    lock puts these in order."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="profile"
    )
    follow_version = models.PositiveBigIntegerField(default=0)
    follower_count = models.PositiveIntegerField(default=0)
    following_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"profile of user {self.pk}"


class Standing(models.Model):
    """What decisions say of an author; its row's lock puts these, and whether they are trusted,
    in order. While `proposal_order`, the id of a log's line, is set, it is proposed to moderators
    that they trust the author."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="standing"
    )
    approved_in_a_row = models.PositiveIntegerField(default=0)
    proposed_at = models.DateTimeField(null=True)
    proposal_order = models.PositiveBigIntegerField(null=True, unique=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(proposed_at__isnull=True, proposal_order__isnull=True)
                | Q(proposed_at__isnull=False, proposal_order__isnull=False),
                name="a_proposal_has_its_time_and_its_place",
            ),
        )

    def __str__(self) -> str:
        return f"standing of user {self.pk}"


class Follow(models.Model):
    follower = models.ForeignKey(User, on_delete=models.CASCADE, related_name="follows")
    followee = models.ForeignKey(User, on_delete=models.CASCADE, related_name="followed_by")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["follower", "followee"], name="a_user_follows_another_once"
            ),
            models.CheckConstraint(
                condition=~Q(follower=F("followee")), name="nobody_follows_themselves"
            ),
        )
        indexes = (models.Index(fields=["followee", "follower"], name="followers_of_a_user"),)

    def __str__(self) -> str:
        return f"{self.follower_id} follows {self.followee_id}"


class IdempotencyKey(models.Model):
    """Something that a client asked for under a key of its own, and what it was answered."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = ExactCharField(max_length=100)
    fingerprint = ExactCharField(max_length=64)
    answer = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "key"], name="a_key_stands_for_one_request"),
        )

    def __str__(self) -> str:
        return f"key of user {self.user_id}"


class SearchEntry(models.Model):
    """What a live post is found by; there is none for any other, so that none can be found.

    `title` to `author` are words as the index has them (`toby.social.words`), `text` is what an
    excerpt is taken from. The index over them is made by a migration: FULLTEXT, or on SQLite an
    FTS5 table kept by triggers, which go whenever this table is made anew.
    """

    post = models.OneToOneField(
        Post, on_delete=models.CASCADE, primary_key=True, related_name="search_entry"
    )
    title = models.TextField()
    body = models.TextField()
    tags = models.TextField()
    author = models.TextField()
    text = models.TextField()
    live_order = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"what post {self.post_id} is found by"


class ImportedFile(models.Model):
    """A file that was made into a post, known by its path in the folder it was in. `digest` is of
    what it held; `post` is empty once that is purged."""

    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    path = ExactCharField(max_length=500)
    digest = ExactCharField(max_length=64, blank=True)
    post = models.ForeignKey(Post, on_delete=models.SET_NULL, null=True, related_name="+")
    imported_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["author", "path"], name="a_file_is_imported_once"),
        )

    def __str__(self) -> str:
        return str(self.path)


class TimelineEntry(models.Model):
    """A post in a reader's home feed, put there by the timeline consumer when it went live."""

    reader = models.ForeignKey(User, on_delete=models.CASCADE, related_name="timeline")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="+")
    author_id = models.BigIntegerField()
    live_order = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["reader", "post"], name="a_post_is_in_a_feed_once"),
        )
        indexes = (
            models.Index(fields=["reader", "live_order"], name="feed_newest_first"),
            models.Index(fields=["reader", "author_id"], name="feed_rows_of_an_author"),
        )

    def __str__(self) -> str:
        return f"post {self.post_id} for {self.reader_id}"
