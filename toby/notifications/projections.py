"""What events have told of users and follows; an older one changes nothing."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from toby.common.sql import OneOf, for_share
from toby.consumer import fanout
from toby.events import (
    AddressConfirmed,
    UserChanged,
    UserDeleted,
    UserFollowed,
    UserRegistered,
    UserUnfollowed,
    deleted_person,
)
from toby.notifications.mailboxes import mailbox_of, take_back_digests
from toby.notifications.models import Fact, KnownFollow, KnownPost, KnownUser


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


def learn_address(event: AddressConfirmed) -> None:
    """The caller holds the inbox: whose account was deleted has none. What waits to go to another
    address is taken back."""
    known = mailbox_of(event.user_id)
    if known.version >= event.version:
        return
    is_another = known.email != event.email
    known.email, known.version = event.email, event.version
    known.save()
    if is_another:
        take_back_digests([event.user_id])


def deleted_among(user_ids: Iterable[int]) -> set[int]:
    """Those whose accounts were deleted. Their rows are locked, so that nobody can be deleted
    between this and the commit of what is written about them."""
    wanted = sorted(set(user_ids))
    if not wanted:
        return set()
    rows = KnownUser.objects.filter(OneOf("user_id", wanted)).order_by("user_id")
    return {
        user_id for user_id, deleted in for_share(rows.values_list("user_id", "deleted")) if deleted
    }


def forget_follows_of(user_id: int) -> None:
    """Nobody hears of somebody who is gone; whom they followed is told by events of its own."""
    KnownFollow.objects.filter(followee_id=user_id).delete()


def forget_posts_of(user_id: int) -> None:
    """Nothing of theirs is told any more, and what would be is not kept."""
    posts = KnownPost.objects.filter(author_id=user_id)
    posts.update(visible=False, target=None, actor=None)


def learn_follow(event: UserFollowed | UserUnfollowed, time: datetime) -> bool:
    """Whether the event, of that time, was news, and not older than what is known."""
    known = (
        KnownFollow.objects.select_for_update()
        .filter(follower_id=event.follower_id, followee_id=event.followee_id)
        .first()
    )
    if known is not None and known.version >= event.version:
        return False
    known = known or KnownFollow(follower_id=event.follower_id, followee_id=event.followee_id)
    known.active, known.version = isinstance(event, UserFollowed), event.version
    if known.active:
        known.since = time
    known.save()
    return True


def ranges_told(**of: Any) -> Iterator[tuple[int, int]]:
    """Of the ids of those who have such live facts. Also where nobody has any: somebody may just be
    being told."""
    return fanout.whole_ranges(Fact.objects.filter(retracted_at=None, **of), "recipient_id")


def ranges_of_followers(user_id: int) -> Iterator[tuple[int, int]]:
    """Of their ids. Also where nobody is known to follow: somebody may be being learned of."""
    follows = KnownFollow.objects.filter(followee_id=user_id, active=True)
    return fanout.whole_ranges(follows, "follower_id")
