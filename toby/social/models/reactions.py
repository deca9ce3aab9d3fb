"""What readers think of posts."""

from django.db import models

from toby.social.models.posts import Post, User


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
