"""Following and unfollowing. Both are idempotent."""

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.common.sql import insert_missing
from toby.events import UserFollowed, UserUnfollowed
from toby.outbox.emit import emit
from toby.social.models import Follow, Profile


class CannotFollowOneself(Refused):
    """Nobody follows themselves."""

    status, code = 409, "cannot_follow_oneself"


def follow(*, username: str, by: Principal) -> bool:
    """Whether this was new. Raises NotFound and CannotFollowOneself."""
    followee_id = user_id_of(username)
    if followee_id == by.user_id:
        raise CannotFollowOneself
    with transaction.atomic():
        profile = lock_profiles(by.user_id, followee_id)
        if Follow.objects.filter(follower_id=by.user_id, followee_id=followee_id).exists():
            return False
        Follow.objects.create(
            follower_id=by.user_id, followee_id=followee_id, created_at=timezone.now()
        )
        count_change(profile, followee_id, +1)
        emit(
            UserFollowed(
                follower_id=by.user_id,
                followee_id=followee_id,
                follower=by.person(),
                version=profile.relation_version,
            )
        )
    return True


def unfollow(*, username: str, by: Principal) -> bool:
    """Whether there was something to undo. Raises NotFound."""
    followee_id = user_id_of(username)
    with transaction.atomic():
        profile = lock_profiles(by.user_id, followee_id)
        deleted, _ = Follow.objects.filter(follower_id=by.user_id, followee_id=followee_id).delete()
        if not deleted:
            return False
        count_change(profile, followee_id, -1)
        emit(
            UserUnfollowed(
                follower_id=by.user_id, followee_id=followee_id, version=profile.relation_version
            )
        )
    return True


def user_id_of(username: str) -> int:
    found = (
        get_user_model()
        .objects.filter(username_key=username.casefold(), is_active=True)
        .values_list("id", flat=True)
        .first()
    )
    if found is None:
        raise NotFound
    return int(found)


def lock_profiles(follower_id: int, followee_id: int) -> Profile:
    """Locks both profiles, the lower id first, making them where they are missing."""
    ids = sorted({follower_id, followee_id})
    insert_missing([Profile(user_id=i) for i in ids], unique=["user"])
    locked = {
        p.pk: p for p in Profile.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    }
    return locked[follower_id]


def count_change(profile: Profile, followee_id: int, by: int) -> None:
    profile.relation_version += 1
    profile.following_count += by
    profile.save(update_fields=["relation_version", "following_count"])
    Profile.objects.filter(pk=followee_id).update(follower_count=F("follower_count") + by)
