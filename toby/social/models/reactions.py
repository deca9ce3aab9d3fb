"""What readers think of posts and comments.

Who likes is a row; how many do is a number of what is liked, and changes to it that are not folded
into it yet: whoever likes adds a row, and waits for nobody else who does.
"""

from typing import Any

from django.db import models
from django.db.models import F, Func, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from toby.social.models.comments import Comment
from toby.social.models.posts import Post, User


class Like(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="likes")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="likes")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "post"], name="a_user_likes_a_post_once"),
        )
        indexes = (
            models.Index(fields=["user", "id"], name="likes_of_a_user"),
            models.Index(fields=["post", "id"], name="likes_of_a_post"),
        )

    def __str__(self) -> str:
        return f"{self.user_id} likes post {self.post_id}"


class CommentLike(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="comment_likes")
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="likes")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "comment"], name="a_user_likes_a_comment_once"),
        )
        indexes = (models.Index(fields=["comment", "id"], name="likes_of_a_comment"),)

    def __str__(self) -> str:
        return f"{self.user_id} likes comment {self.comment_id}"


class LikeChange(models.Model):
    """A like of a post, or one less, that its `like_count` does not know of yet."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="like_changes")
    change = models.SmallIntegerField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(change__in=[1, -1]), name="a_like_changes_by_one"),
        )
        # All that is read of it: else what is usually empty would be read as a whole, row by row
        # of a list, once it is not.
        indexes = (models.Index(fields=["post", "change"], name="likes_not_folded"),)

    def __str__(self) -> str:
        return f"{self.change:+} like of post {self.post_id}"


class CommentLikeChange(models.Model):
    """As LikeChange."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="like_changes")
    change = models.SmallIntegerField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(change__in=[1, -1]), name="a_like_of_a_comment_changes_by_one"
            ),
        )
        indexes = (models.Index(fields=["comment", "change"], name="likes_of_comments_not_folded"),)

    def __str__(self) -> str:
        return f"{self.change:+} like of comment {self.comment_id}"


class Bookmark(models.Model):
    """A post that a reader wants to find again; nobody else learns of it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="bookmarks")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="bookmarks")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "post"], name="a_user_bookmarks_a_post_once"),
        )
        indexes = (models.Index(fields=["user", "id"], name="bookmarks_of_a_user"),)

    def __str__(self) -> str:
        return f"{self.user_id} bookmarked post {self.post_id}"


def comment_like_total() -> Any:
    """As like_total, of a comment."""
    pending = CommentLikeChange.objects.filter(comment=OuterRef("pk"))
    return F("like_count") + summed(pending)


def like_total(post: str = "") -> Any:
    """How many like the post that `post` leads to, as in "post__": what is folded and what is not,
    which one statement sees as they are at one moment."""
    pending = LikeChange.objects.filter(post=OuterRef(f"{post}pk"))
    return F(f"{post}like_count") + summed(pending)


def summed(changes: Any) -> Any:
    # Not an aggregate, which would be grouped, and sorted for it, for each row of a list.
    total = Func(F("change"), function="SUM", output_field=models.IntegerField())
    return Coalesce(Subquery(changes.values(total=total)), 0)
