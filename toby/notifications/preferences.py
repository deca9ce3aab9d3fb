"""What people want to be told, and where. The caller of `Preferences` holds the inboxes: what is
read here holds until the commit, and is changed under the same lock.

A kind that is `off` makes no fact and no item. `in_app` makes an item, which lists, counts, sockets
and streams show. `email` does so too, and the item is in the next digest if it is unread by then:
nothing is mailed that is not in the app. Of a muted post nothing is told, whatever its kind, and of
a muted thread nothing of the comments in it. What is there stays when a kind is turned off or
something muted, and what was not told meanwhile does not come later. What is mandatory is told in
any case.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from toby.common.sql import OneOf, RowIn, parts
from toby.notifications.models import Channel, Kind, Muted, Preference

ASKED_AT_ONCE = 500
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


def post_of(target: Mapping[str, Any]) -> int | None:
    """The post that something is about, itself or by a comment on it."""
    found = target.get("id" if target.get("type") == "post" else "post_id")
    return None if found is None else int(found)


class Subject(NamedTuple):
    """What somebody might be told: a kind, of a post or of none, of a thread or of none."""

    user_id: int
    kind: Kind
    post_id: int | None
    thread_id: int | None = None

    @property
    def mutable(self) -> list[tuple[str, int]]:
        """What its user may have muted that it is of, each with the user."""
        of = (("post", self.post_id), ("thread", self.thread_id))
        return [(mutable(what, pk), self.user_id) for what, pk in of if pk is not None]


class Preferences:
    """What of some subjects is not told to whom it concerns."""

    def __init__(self, subjects: Iterable[Subject]) -> None:
        asked = [subject for subject in subjects if subject.kind not in MANDATORY]
        self.off = turned_off({subject.user_id for subject in asked}, {s.kind for s in asked})
        self.muted = muted({each for subject in asked for each in subject.mutable})

    def hold_back(self, subject: Subject) -> bool:
        if subject.kind in MANDATORY:
            return False
        if (subject.user_id, subject.kind) in self.off:
            return True
        return bool(self.muted) and not self.muted.isdisjoint(subject.mutable)


def mutable(what: str, pk: int) -> str:
    """As `Muted.subject`; `what` is post or thread."""
    return f"{what}:{pk}"


def turned_off(user_ids: set[int], kinds: set[Kind]) -> set[tuple[int, str]]:
    found: set[tuple[int, str]] = set()
    for part in parts(sorted(user_ids), ASKED_AT_ONCE):
        users = OneOf("user_id", part)
        rows = Preference.objects.filter(users, kind__in=kinds, channel=Channel.OFF)
        found |= set(rows.values_list("user_id", "kind"))
    return found


def muted(pairs: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those among pairs of what can be muted and a user."""
    found: set[tuple[str, int]] = set()
    for part in parts(sorted(pairs), ASKED_AT_ONCE):
        rows = Muted.objects.filter(RowIn(["subject", "user_id"], part))
        found |= set(rows.values_list("subject", "user_id"))
    return found


def preferences_of(user_id: int) -> list[Wish]:
    """What holds for each kind, whether or not it was ever chosen."""
    chosen = dict(Preference.objects.filter(user_id=user_id).values_list("kind", "channel"))
    return [Wish(kind, Channel(chosen.get(kind, default_of(kind)))) for kind in Kind]
