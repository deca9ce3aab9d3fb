"""What events have told of users and follows; an older one changes nothing."""

from collections.abc import Iterable

from toby.common.sql import for_share
from toby.events import (
    UserChanged,
    UserDeleted,
    UserFollowed,
    UserRegistered,
    UserUnfollowed,
    deleted_person,
)
from toby.notifications.models import KnownFollow, KnownUser


def learn_user(event: UserRegistered | UserChanged | UserDeleted) -> None:
    known = KnownUser.objects.select_for_update().filter(user_id=event.user_id).first()
    if known is None or known.version < event.version:
        deleted = isinstance(event, UserDeleted)
        user = deleted_person(event.user_id) if isinstance(event, UserDeleted) else event.user
        KnownUser(
            user_id=event.user_id,
            username=user.username,
            display_name=user.display_name,
            picture_url=user.picture_url,
            deleted=deleted,
            version=event.version,
        ).save(force_insert=known is None)


def deleted_among(user_ids: Iterable[int]) -> set[int]:
    """Those whose accounts were deleted. Their rows are locked, so that nobody can be deleted
    between this and the commit of what is written about them."""
    wanted = sorted(set(user_ids))
    if not wanted:
        return set()
    rows = KnownUser.objects.filter(user_id__in=wanted).order_by("user_id")
    return {
        user_id for user_id, deleted in for_share(rows.values_list("user_id", "deleted")) if deleted
    }


def forget_follows_of(user_id: int) -> None:
    """Nobody hears of somebody who is gone; whom they followed is told by events of its own."""
    KnownFollow.objects.filter(followee_id=user_id).delete()


def learn_follow(event: UserFollowed | UserUnfollowed) -> bool:
    """Whether the event was news, and not older than what is known."""
    known = (
        KnownFollow.objects.select_for_update()
        .filter(follower_id=event.follower_id, followee_id=event.followee_id)
        .first()
    )
    if known is not None and known.version >= event.version:
        return False
    known = known or KnownFollow(follower_id=event.follower_id, followee_id=event.followee_id)
    known.active, known.version = isinstance(event, UserFollowed), event.version
    known.save()
    return True


def followers_of(user_id: int) -> Iterable[int]:
    return (
        KnownFollow.objects.filter(followee_id=user_id, active=True)
        .order_by("follower_id")
        .values_list("follower_id", flat=True)
    )
