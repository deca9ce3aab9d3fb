"""Lists of people: who follows whom, and whom one blocks and mutes. In order of `id`."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Value

from toby.common.prepared import Listed, Prepared
from toby.common.principals import Principal
from toby.social.models import Block, Follow, Mute, apart, muted


def people_in(rows: QuerySet[Any], who: str, reader: int) -> QuerySet[Any, Any]:
    """What `PersonOut.of_listed` shows of those in the column `who`, and the place in the list.
    `reader` is 0 for nobody in particular."""
    person = OuterRef(f"{who}_id")
    flags: dict[str, Any] = dict.fromkeys(
        ("followed_by_me", "follows_me", "muted_by_me"), Value(value=False)
    )
    rows = rows.filter(**{f"{who}__is_active": True})
    if reader:
        rows = rows.filter(~apart(reader, f"{who}_id"))
        flags = {
            "followed_by_me": Exists(Follow.objects.filter(follower_id=reader, followee_id=person)),
            "follows_me": Exists(Follow.objects.filter(followee_id=reader, follower_id=person)),
            "muted_by_me": muted(reader, f"{who}_id"),
        }
    names = (f"{who}__{name}" for name in ("username", "display_name", "picture_url"))
    rows = rows.annotate(**flags)
    return rows.values_list(f"{who}_id", *names, *flags, "id")


FOLLOWERS = Prepared(
    lambda whose, reader=0: people_in(Follow.objects.filter(followee_id=whose), "follower", reader),
    index="followers_newest_first",
)


FOLLOWING = Prepared(
    lambda whose, reader=0: people_in(Follow.objects.filter(follower_id=whose), "followee", reader),
    index="followees_newest_first",
)


def followers_of(user_id: int, *, seen_by: Principal | None) -> Listed:
    return FOLLOWERS.of(**values(user_id, seen_by))


def followed_by(user_id: int, *, seen_by: Principal | None) -> Listed:
    return FOLLOWING.of(**values(user_id, seen_by))


def values(user_id: int, seen_by: Principal | None) -> dict[str, int]:
    return {"whose": user_id, "reader": seen_by.user_id} if seen_by else {"whose": user_id}


def blocks_of(principal: Principal) -> QuerySet[Block]:
    rows = Block.objects.filter(blocker_id=principal.user_id, blocked__is_active=True)
    return rows.select_related("blocked")


def mutes_of(principal: Principal) -> QuerySet[Mute]:
    """But of those with whom they are apart: whoever blocks is not to be seen here either."""
    rows = Mute.objects.filter(muter_id=principal.user_id, muted__is_active=True)
    return rows.filter(~apart(principal.user_id, "muted_id")).select_related("muted")
