"""The moderation log, moderators' words, and what decisions say of authors."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q, QuerySet

from toby.common.fields import ExactCharField
from toby.social.models.posts import Post, Revision, User


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
    # By the author of the post.
    COMMENT_REMOVED = "comment_removed"
    COMMENTS_CLOSED = "comments_closed"
    COMMENTS_OPENED = "comments_opened"
    REPORT_DISMISSED = "report_dismissed"
    WARNED = "warned"


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
