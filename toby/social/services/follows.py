"""Following and unfollowing. Both are idempotent.

Whatever changes who follows or blocks whom locks both profiles, the lower id first, and a mute the
muter's alone; whoever also holds the row of a post has locked that before.
"""

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from toby.common.errors import NotFound, Refused
from toby.common.principals import Principal
from toby.common.writing import insert_missing
from toby.events import UserFollowed, UserUnfollowed
from toby.outbox.emit import emit
from toby.social.models import Block, Follow, Profile
from toby.social.services import timelines


class CannotFollowOneself(Refused):
    """Nobody follows themselves."""

    status, code = 409, "cannot_follow_oneself"


class BlockedByYou(Refused):
    """You block them: unblock them first."""

    status, code = 409, "blocked_by_you"


def follow(*, username: str, by: Principal) -> bool:
    """Whether this was new. Raises CannotFollowOneself, BlockedByYou, and NotFound, also for one
    who blocks `by`."""
    followee_id = user_id_of(username)
    if followee_id == by.user_id:
        raise CannotFollowOneself
    with transaction.atomic():
        profile = lock_profiles(by.user_id, followee_id)[by.user_id]
        refuse_the_blocked(by.user_id, followee_id)
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

        def fill() -> None:
            timelines.backfill_at_once(reader_id=by.user_id, author_id=followee_id)

        # The timeline consumer does so as well: this is for who looks into their feed at once.
        transaction.on_commit(fill, robust=True)
    return True


def unfollow(*, username: str, by: Principal) -> bool:
    """Whether there was something to undo. Raises NotFound, also for one who blocks `by`."""
    followee_id = user_id_seen(username, by, to_undo=True)
    with transaction.atomic():
        profiles = lock_profiles(by.user_id, followee_id)
        return end_follow(profiles[by.user_id], followee_id)


def remove_follower(*, username: str, by: Principal) -> bool:
    """Makes somebody follow `by` no longer. Whether they did. Raises as unfollow."""
    follower_id = user_id_seen(username, by, to_undo=True)
    with transaction.atomic():
        profiles = lock_profiles(by.user_id, follower_id)
        return end_follow(profiles[follower_id], by.user_id)


def end_follow(follower: Profile, followee_id: int) -> bool:
    """Whether they followed. The caller holds both profiles."""
    deleted, _ = Follow.objects.filter(follower_id=follower.pk, followee_id=followee_id).delete()
    if not deleted:
        return False
    count_change(follower, followee_id, -1)
    emit(
        UserUnfollowed(
            follower_id=follower.pk, followee_id=followee_id, version=follower.relation_version
        )
    )
    return True


def refuse_the_blocked(user_id: int, other_id: int) -> None:
    """Raises BlockedByYou, and NotFound where the other blocks them: nobody is told who does. The
    caller holds both profiles."""
    blocks = Block.objects.filter(blocker_id__in=(user_id, other_id))
    blockers = set(
        blocks.filter(blocked_id__in=(user_id, other_id)).values_list("blocker_id", flat=True)
    )
    if user_id in blockers:
        raise BlockedByYou
    if blockers:
        raise NotFound


def user_id_of(username: str, *, to_undo: bool = False) -> int:
    """Of one whose account is in use; what there is can be undone while it is closed, too. Raises
    NotFound."""
    users = get_user_model().objects.filter(username_key=username.casefold(), deleted_at=None)
    if not to_undo:
        users = users.filter(is_active=True)
    found = users.values_list("id", flat=True).first()
    if found is None:
        raise NotFound
    return int(found)


def user_id_seen(username: str, by: Principal, *, to_undo: bool = False) -> int:
    """Raises NotFound, as for nobody, for one who blocks `by`."""
    user_id = user_id_of(username, to_undo=to_undo)
    if Block.objects.filter(blocker_id=user_id, blocked_id=by.user_id).exists():
        raise NotFound
    return user_id


def lock_profiles(*user_ids: int) -> dict[int, Profile]:
    """Locks the profiles, the lower id first, making them where they are missing."""
    ids = sorted(set(user_ids))
    insert_missing([Profile(user_id=i) for i in ids], unique=["user"])
    return {p.pk: p for p in Profile.objects.select_for_update().filter(pk__in=ids).order_by("pk")}


def count_change(profile: Profile, followee_id: int, by: int) -> None:
    profile.following_count += by
    relation_changed(profile)
    Profile.objects.filter(pk=followee_id).update(follower_count=F("follower_count") + by)


def relation_changed(profile: Profile) -> int:
    """The version of the change. The caller holds the profile."""
    profile.relation_version += 1
    profile.save(update_fields=["relation_version", "following_count"])
    return profile.relation_version
