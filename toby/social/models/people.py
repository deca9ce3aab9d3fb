"""Who follows, blocks and mutes whom."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

User = settings.AUTH_USER_MODEL


class Profile(models.Model):
    """What a user is among others. `relation_version` counts changes to whom they follow, block
    and mute; its row's lock puts these in order. `post_count` is of live posts; whoever changes it
    holds the row of the post, and takes this one's after it."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="profile"
    )
    relation_version = models.PositiveBigIntegerField(default=0)
    follower_count = models.PositiveIntegerField(default=0)
    following_count = models.PositiveIntegerField(default=0)
    post_count = models.PositiveIntegerField(default=0)

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
        indexes = (
            models.Index(fields=["followee", "follower"], name="followers_of_a_user"),
            # The orders of the lists.
            models.Index(fields=["followee", "id"], name="followers_newest_first"),
            models.Index(fields=["follower", "id"], name="followees_newest_first"),
        )

    def __str__(self) -> str:
        return f"{self.follower_id} follows {self.followee_id}"


class Block(models.Model):
    """Neither sees anything of the other, and the blocked is not told."""

    blocker = models.ForeignKey(User, on_delete=models.CASCADE, related_name="blocks")
    blocked = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["blocker", "blocked"], name="a_user_blocks_another_once"
            ),
            models.CheckConstraint(
                condition=~Q(blocker=F("blocked")), name="nobody_blocks_themselves"
            ),
        )
        indexes = (
            models.Index(fields=["blocked", "blocker"], name="blockers_of_a_user"),
            models.Index(fields=["blocker", "id"], name="blocks_newest_first"),
        )

    def __str__(self) -> str:
        return f"{self.blocker_id} blocks {self.blocked_id}"


class Mute(models.Model):
    """The muted is left out of the muter's feed and notifications, as long as the row is there. At
    `until`, if it has one, a job deletes it."""

    muter = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mutes")
    muted = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField(null=True, db_index=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["muter", "muted"], name="a_user_mutes_another_once"),
            models.CheckConstraint(condition=~Q(muter=F("muted")), name="nobody_mutes_themselves"),
        )
        indexes = (models.Index(fields=["muter", "id"], name="mutes_newest_first"),)

    def __str__(self) -> str:
        return f"{self.muter_id} mutes {self.muted_id}"


def apart(reader_id: int, whose: str) -> Any:
    """A condition on rows of the user in the column `whose`: they block the reader, or the reader
    them. What is under it is to be seen by neither."""
    blocks = Block.objects.filter(blocker_id=reader_id, blocked_id=OuterRef(whose))
    blocked = Block.objects.filter(blocked_id=reader_id, blocker_id=OuterRef(whose))
    return Exists(blocks) | Exists(blocked)


def muted(reader_id: int, whose: str) -> Any:
    """A condition as `apart`: the reader mutes them."""
    return Exists(Mute.objects.filter(muter_id=reader_id, muted_id=OuterRef(whose)))
