"""What a recipient can do: mark items, and say what they want to be told."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from toby.common.errors import InvalidInput, Refused
from toby.common.sql import insert_missing, upsert
from toby.notifications.hints import Hint
from toby.notifications.inboxes import lock_inboxes, write
from toby.notifications.models import (
    LISTED,
    UNREAD,
    Channel,
    Inbox,
    Item,
    Kind,
    MutedPost,
    Preference,
    State,
)
from toby.notifications.preferences import MANDATORY, default_of

MARKED_AT_ONCE = 500
# Of which states the items are that it changes.
CHANGED_BY: dict[str, Sequence[State]] = {
    "seen": (State.UNSEEN,),
    "read": UNREAD,
    "unread": (State.READ,),
    "archive": LISTED,
    "unarchive": (State.ARCHIVED,),
}
MOST_MUTED_POSTS = 5000


class TooManyMutedPosts(Refused):
    """You mute very many posts already: let go of some of them first."""

    status, code = 409, "too_many_muted_posts"


def mark(
    *, user_id: int, state: str, ids: Sequence[UUID] | None = None, up_to: int | None = None
) -> tuple[Inbox, list[Hint]]:
    """Marks items as seen, read or unread, or archives or unarchives them: those with `ids`, or all
    of the list with a content_seq of at most `up_to`; all of the archive, to unarchive them. Ids
    that are not the user's are passed over.

    Returns the inbox after it and the hints to send. Idempotent; long lists are done in parts.
    """
    hints: list[Hint] = []
    while True:
        with transaction.atomic():
            opened = lock_inboxes([user_id])
            inbox = opened[user_id]
            items = to_be_marked(user_id, state, ids, up_to)
            for item in items:
                inbox.mark(item, state, timezone.now())
            hints += write(opened)
        if len(items) < MARKED_AT_ONCE:
            return inbox.row, hints


def to_be_marked(
    user_id: int, state: str, ids: Sequence[UUID] | None, up_to: int | None
) -> list[Item]:
    """The next MARKED_AT_ONCE items that this changes, one state after the other."""
    items, states = Item.objects.filter(recipient_id=user_id), CHANGED_BY[state]
    if ids is None:
        items = items.filter(content_seq__lte=up_to)
    else:
        items = items.filter(id__in=ids)
        if state == "unread":
            states = (*states, State.ARCHIVED)
    found: list[Item] = []
    for was in states:
        rows = items.filter(state=was).order_by("content_seq")
        found += rows[: MARKED_AT_ONCE - len(found)]
    return found


def change_preferences(*, user_id: int, channels: Mapping[Kind, Channel]) -> None:
    """Each kind that is named is told by that channel from now on; of two who say so of the same
    kind the last is heard. Once this has returned nothing of what is off comes any more.

    Raises InvalidInput for a mandatory kind that is to be off.
    """
    if any(kind in MANDATORY and channel == Channel.OFF for kind, channel in channels.items()):
        raise InvalidInput(("kinds", "mandatory", "What moderators decide cannot be turned off."))
    with transaction.atomic():
        if lock_inboxes([user_id])[user_id].row.closed:
            return
        usual = [kind for kind in channels if channels[kind] == default_of(kind)]
        Preference.objects.filter(user_id=user_id, kind__in=usual).delete()
        upsert(
            Preference,
            [
                Preference(user_id=user_id, kind=kind, channel=channels[kind])
                for kind in sorted(channels)
                if kind not in usual
            ],
            unique=["user_id", "kind"],
            update=["channel"],
        )


def mute_post(*, user_id: int, post_id: int) -> None:
    """Once this has returned nothing more comes of the post but what is mandatory; twice is once.
    Whether there is such a post is not known here.

    Raises TooManyMutedPosts.
    """
    with transaction.atomic():
        if lock_inboxes([user_id])[user_id].row.closed:
            return
        theirs = MutedPost.objects.filter(user_id=user_id)
        if theirs.count() >= MOST_MUTED_POSTS and not theirs.filter(post_id=post_id).exists():
            raise TooManyMutedPosts
        muted = MutedPost(user_id=user_id, post_id=post_id, muted_at=timezone.now())
        insert_missing([muted], unique=["post_id", "user_id"])


def unmute_post(*, user_id: int, post_id: int) -> None:
    with transaction.atomic():
        lock_inboxes([user_id])
        MutedPost.objects.filter(user_id=user_id, post_id=post_id).delete()
