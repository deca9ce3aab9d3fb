"""What readers say on posts."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import QuerySet

from toby.social.models.posts import Post, User


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
