"""What people want to be told, and where. The caller of `Preferences` holds the inboxes: what is
read here holds until the commit, and is changed under the same lock.

A kind that is `off` makes no fact and no item. `in_app` makes an item, which lists, counts, sockets
and streams show. `email` does so too, and the item is in the next digest if it is unread by then:
nothing is mailed that is not in the app. What is there stays when a kind is turned off, and what
was not told while it was off does not come later.
"""

from collections.abc import Iterable
from typing import NamedTuple

from toby.notifications.models import Channel, Kind, Preference

USERS_AT_ONCE = 500
# What moderators decide on somebody's own is told in any case.
MANDATORY = frozenset(
    {
        Kind.POST_APPROVED,
        Kind.POST_REJECTED,
        Kind.CHANGES_REQUESTED,
        Kind.POST_HIDDEN,
        Kind.POST_DELETED,
        Kind.COMMENT_HIDDEN,
        Kind.COMMENT_DELETED,
        Kind.WARNED,
    }
)
# What is worth a mail to whoever has said nothing: decisions, and what people say to one.
MAILED = MANDATORY | {Kind.COMMENT_ADDED, Kind.COMMENT_REPLIED, Kind.MENTIONED, Kind.TRUSTED}


class Wish(NamedTuple):
    kind: Kind
    channel: Channel

    @property
    def mandatory(self) -> bool:
        return self.kind in MANDATORY


def default_of(kind: Kind) -> Channel:
    return Channel.EMAIL if kind in MAILED else Channel.IN_APP


class Preferences:
    """Who among some people wants to be told nothing of which of some kinds."""

    def __init__(self, wanted: Iterable[tuple[int, Kind]]) -> None:
        asked = {(user_id, kind) for user_id, kind in wanted if kind not in MANDATORY}
        kinds = {kind for _, kind in asked}
        self.off: set[tuple[int, str]] = set()
        users = sorted({user_id for user_id, _ in asked})
        for start in range(0, len(users), USERS_AT_ONCE):
            part = users[start : start + USERS_AT_ONCE]
            rows = Preference.objects.filter(user_id__in=part, kind__in=kinds, channel=Channel.OFF)
            self.off |= set(rows.values_list("user_id", "kind"))

    def turn_off(self, user_id: int, kind: Kind) -> bool:
        return (user_id, kind) in self.off


def preferences_of(user_id: int) -> list[Wish]:
    """What holds for each kind, whether or not it was ever chosen."""
    chosen = dict(Preference.objects.filter(user_id=user_id).values_list("kind", "channel"))
    return [Wish(kind, Channel(chosen.get(kind, default_of(kind)))) for kind in Kind]
