"""Who follows whom."""

from django.db import models
from django.db.models import F, Q

from toby.social.models.posts import User


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
