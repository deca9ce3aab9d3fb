"""What readers report, until a moderator resolves it."""

from typing import Any

from django.db import models
from django.db.models import Q

from toby.common.fields import ExactCharField
from toby.social.models.comments import Comment
from toby.social.models.posts import Post, User


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
