"""Whom texts mention."""

from django.db import models
from django.db.models import Q

from toby.social.models.comments import Comment
from toby.social.models.posts import Post, User


class Mention(models.Model):
    """Somebody who is mentioned in what is live of a post, or in a comment."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, null=True, related_name="+")
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, null=True, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["post", "user"], name="a_post_mentions_a_user_once"),
            models.UniqueConstraint(
                fields=["comment", "user"], name="a_comment_mentions_a_user_once"
            ),
            models.CheckConstraint(
                condition=Q(post__isnull=True, comment__isnull=False)
                | Q(post__isnull=False, comment__isnull=True),
                name="a_mention_is_in_a_post_or_in_a_comment",
            ),
        )

    def __str__(self) -> str:
        place = f"comment {self.comment_id}" if self.comment_id else f"post {self.post_id}"
        return f"user {self.user_id} in {place}"
