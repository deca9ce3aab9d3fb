"""Posts, their revisions and tags, and what they are found by."""

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet

from toby.common.fields import ExactCharField
from toby.common.principals import Principal
from toby.social.models.people import apart

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
        """Live ones, but of those with whom one is apart; all to moderators, deleted ones too;
        their own to authors, but those."""
        if principal is None:
            return self.live()
        if principal.is_moderator:
            return self
        rows = self.not_apart(principal)
        return rows.filter(is_live() | Q(author_id=principal.user_id, deleted_at=None))

    def not_apart(self, principal: Principal | None) -> Self:
        """Nothing of those who block the reader, or whom the reader blocks."""
        return self.filter(~apart(principal.user_id, "author_id")) if principal else self


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
    # Into feeds when they are read, rather than a row in each: decided when it first goes live, by
    # how many follow its author then, and for good.
    merged = models.BooleanField(default=False)
    hidden_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True, db_index=True)
    # While this is set, nobody can comment.
    comments_closed_at = models.DateTimeField(null=True)
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
        indexes = (
            models.Index(fields=["author", "live_order"], name="posts_of_an_author"),
            models.Index(
                fields=["merged", "author", "live_order"], name="merged_posts_of_an_author"
            ),
        )

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
    """What posts are about, normalised (`toby.social.tagging`). `post_count` is of live posts;
    `score` and `popular_order` are of `toby.social.popularity`, empty where there is no live post.

    `initial` and `initials` are how the name begins: to find the most used of the many that begin
    with one letter or two without looking at them all.
    """

    name = ExactCharField(max_length=50, unique=True)
    initial = ExactCharField(max_length=1)
    initials = ExactCharField(max_length=2)
    post_count = models.PositiveIntegerField(default=0)
    score = models.FloatField(null=True)
    popular_order = models.PositiveBigIntegerField(null=True, db_index=True)
    featured_place = models.PositiveSmallIntegerField(null=True, unique=True)

    class Meta:
        indexes = (
            models.Index(fields=["initial", "post_count"], name="most_used_of_an_initial"),
            models.Index(fields=["initials", "post_count"], name="most_used_of_two_initials"),
        )

    @classmethod
    def called(cls, name: str) -> "Tag":
        """One that no post is under yet."""
        return cls(name=name, initial=name[:1], initials=name[:2])

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
