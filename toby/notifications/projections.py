"""What events have told of users and follows; an older one changes nothing."""

from collections.abc import Iterable

from toby.events import UserChanged, UserFollowed, UserRegistered, UserUnfollowed
from toby.notifications.models import KnownFollow, KnownUser


def learn_user(event: UserRegistered | UserChanged) -> None:
    known = KnownUser.objects.select_for_update().filter(user_id=event.user_id).first()
    if known is None or known.version < event.version:
        KnownUser(
            user_id=event.user_id,
            username=event.user.username,
            display_name=event.user.display_name,
            picture_url=event.user.picture_url,
            version=event.version,
        ).save(force_insert=known is None)


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
