"""What readers say on posts, and in answer to each other."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q, QuerySet

from toby.common.principals import Principal
from toby.social.models.people import apart
from toby.social.models.posts import Post, User

# Of `top_order`: under the number of likes, as much as ids can ever need.
AGE_BITS = 40


def top_order(like_count: int, comment_id: int) -> int:
    """Where a comment stands among the most liked, greatest first; of equals the older first."""
    return (like_count + 1 << AGE_BITS) - comment_id


class CommentQuerySet(QuerySet["Comment"]):
    """Which comments are seen, of a post that is seen, is said here and nowhere else."""

    def live(self) -> Self:
        return self.filter(hidden_at=None, deleted_at=None)

    def shown(self) -> Self:
        """Live ones, and tombstones under which somebody else's words are shown."""
        return self.filter(Q(hidden_at=None, deleted_at=None) | Q(reply_count__gt=0))

    def visible_to(self, principal: Principal | None) -> Self:
        """Live ones, but of those with whom one is apart."""
        rows = self.live()
        return rows.filter(~apart(principal.user_id, "author_id")) if principal else rows


class Comment(models.Model):
    """A reader's word on a live post, or in answer to `parent`, one on the same post.

    `reply_count` is of direct replies that are shown: live ones, and tombstones that have such
    replies themselves. What is hidden or deleted moderators can put back, until what is deleted is
    purged: then its words are gone, and its row as well once nothing answers it.
    """

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="comments")
    # What is answered is not deleted; a whole post's comments are, by `delete_comments`.
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="replies")
    # The comment with which its thread begins: itself, if it answers none. Empty until the id is
    # known.
    thread_id = models.BigIntegerField(null=True)
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="comments")
    body = models.TextField()
    # What `body` is as HTML, made when it was written.
    html = models.TextField(blank=True)
    # Counts its texts.
    version = models.PositiveIntegerField(default=1)
    reply_count = models.PositiveIntegerField(default=0)
    like_count = models.PositiveIntegerField(default=0)
    # `top_order(like_count, id)`: unique, since the id is in it. Empty until the id is known.
    top_order = models.PositiveBigIntegerField(null=True)
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    hidden_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True, db_index=True)

    objects: ClassVar[models.Manager["Comment"]] = models.Manager.from_queryset(CommentQuerySet)()

    class Meta:
        # Both for the roots of a post, which have no parent, and for the replies to one of them.
        indexes = (
            models.Index(fields=["post", "parent", "id"], name="comments_in_order"),
            models.Index(fields=["post", "parent", "top_order"], name="comments_by_likes"),
        )

    def __str__(self) -> str:
        return f"comment {self.pk} on post {self.post_id}"

    @property
    def status(self) -> str:
        """deleted, hidden or live."""
        if self.deleted_at:
            return "deleted"
        return "hidden" if self.hidden_at else "live"

    @property
    def is_shown(self) -> bool:
        """As `CommentQuerySet.shown`."""
        return self.status == "live" or self.reply_count > 0


class EarlierText(models.Model):
    """What a comment said before it was edited, for moderators; gone once the comment's words are
    purged."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="earlier_texts")
    body = models.TextField()
    written_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"earlier text of comment {self.comment_id}"
