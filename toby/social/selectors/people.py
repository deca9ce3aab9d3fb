"""People, and who follows whom."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from toby.common.errors import NotFound
from toby.common.principals import Principal
from toby.social.models import Block, Follow, Mute, Profile, apart


def user_id_named(username: str) -> int:
    """0 where nobody is called that. Looked up by itself: see `paginate`."""
    named = get_user_model()._default_manager.filter(username_key=username.casefold())
    return named.values_list("id", flat=True).first() or 0


def profile(username: str, *, seen_by: Principal | None) -> Profile:
    """Its user has what there is between them and the reader: `followed_by_me`, `follows_me`,
    `blocked_by_me`, `muted_by_me` and `muted_until`. A user without a row has a profile of zeros.

    Raises NotFound, to all but moderators also for one who blocks the reader. One whom the reader
    blocks is shown, so that they can unblock them.
    """
    reader = seen_by.user_id if seen_by else 0
    mutes = Mute.objects.filter(muter_id=reader, muted=OuterRef("pk"))
    users = people_named(username).select_related("profile")
    user = users.annotate(
        followed_by_me=Exists(Follow.objects.filter(follower_id=reader, followee=OuterRef("pk"))),
        follows_me=Exists(Follow.objects.filter(followee_id=reader, follower=OuterRef("pk"))),
        blocked_by_me=Exists(Block.objects.filter(blocker_id=reader, blocked=OuterRef("pk"))),
        blocks_me=Exists(Block.objects.filter(blocked_id=reader, blocker=OuterRef("pk"))),
        muted_by_me=Exists(mutes),
        muted_until=Subquery(mutes.values("until")),
    ).first()
    if user is None or (user.blocks_me and not is_moderator(seen_by)):
        raise NotFound
    found: Profile = getattr(user, "profile", None) or Profile(user=user)
    return found


def person_id(username: str, *, seen_by: Principal | None) -> int:
    """Of somebody whose profile is shown. Raises NotFound, as `profile`."""
    blocks = Block.objects.filter(
        blocked_id=seen_by.user_id if seen_by else 0, blocker=OuterRef("pk")
    )
    user = people_named(username).annotate(blocks_me=Exists(blocks)).first()
    if user is None or (user.blocks_me and not is_moderator(seen_by)):
        raise NotFound
    return int(user.pk)


def is_moderator(principal: Principal | None) -> bool:
    return principal is not None and principal.is_moderator


def people_named(username: str) -> QuerySet[Any]:
    """The one whose account is in use, or nobody."""
    users = get_user_model().objects
    return users.filter(username_key=username.casefold(), is_active=True)


def mentionable(names: Collection[str], *, by: int, under: int) -> dict[str, int]:
    """Of casefolded usernames, those who can be mentioned by somebody under somebody's post, with
    their ids: whose account is in use, and who are not apart from either."""
    users = get_user_model().objects.filter(username_key__in=names, is_active=True)
    for user_id in {by, under}:
        users = users.exclude(apart(user_id, "pk"))
    return dict(users.values_list("username_key", "pk"))


def principal_named(username: str) -> Principal | None:
    """For commands, which act in somebody's name."""
    user = people_named(username).first()
    return user.principal() if user else None


def are_apart(user_id: int, other_id: int) -> bool:
    """Whether one of the two blocks the other."""
    blocks = Block.objects.filter(blocker_id=user_id, blocked_id=other_id)
    return (blocks | Block.objects.filter(blocker_id=other_id, blocked_id=user_id)).exists()
