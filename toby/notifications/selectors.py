"""What can be read of inboxes and items."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Lower

from toby.common.errors import NotFound, Refused
from toby.common.prepared import Gathered, Listed, Prepared
from toby.notifications.models import (
    LISTED,
    UNREAD,
    Inbox,
    Item,
    KnownUser,
    Language,
    Muted,
    State,
)
from toby.notifications.sync_tokens import SyncToken

CHANGES_PAGE = 200


# A row of a list ends with its place in it.
COLUMNS = [field.attname for field in Item._meta.concrete_fields if field.name != "content_seq"]
COLUMNS += ["content_seq"]
# An item as far as it is shown: a model's row takes as long to make as all else of it to read. The
# type checker wants names that are written out; these are the model's.
ItemRow: Any = NamedTuple("ItemRow", [(name, Any) for name in COLUMNS])  # type: ignore[misc]
CHANGED = Prepared(lambda user_id: Item.objects.filter(recipient_id=user_id).values_list(*COLUMNS))


def item(user_id: int, item_id: UUID) -> Item:
    """Raises NotFound."""
    rows = Item.objects.filter(recipient_id=user_id, retracted_at=None)
    found = rows.filter(id=item_id).first()
    if found is None:
        raise NotFound
    return found


def items(
    user_id: int, *, unread: bool = False, archived: bool = False, kind: str = ""
) -> Listed | QuerySet[Item]:
    """What a list shows, in order of content_seq: no tombstones, and either what is archived or
    what is not. For `listed_item`."""
    if archived and unread:
        # Each of them has been read.
        return Item.objects.none()
    states = (State.ARCHIVED,) if archived else UNREAD if unread else LISTED
    return gathered(states, kind).of(user_id=user_id)


@cache
def gathered(states: Sequence[State], kind: str) -> Gathered:
    """Items of each state stand by themselves in an index: a page is as quick to find whatever else
    there is."""
    index = "items_of_a_kind" if kind else "items_of_a_state"
    of_kind = {"kind": kind} if kind else {}

    def places(user_id: int) -> list[tuple[QuerySet[Any, Any], str]]:
        rows = Item.objects.filter(recipient_id=user_id, **of_kind).values_list(*COLUMNS)
        return [(rows.filter(state=state), index) for state in states]

    return Gathered(lambda **_: Item.objects.values_list(*COLUMNS), places)


def listed_item(row: Sequence[Any]) -> Item:
    return Item(**dict(zip(COLUMNS, row, strict=True)))


def language_of(user_id: int) -> str:
    rows = Inbox.objects.filter(user_id=user_id).values_list("language", flat=True)
    return rows.first() or Language.ENGLISH


def muted(user_id: int) -> QuerySet[Muted]:
    return Muted.objects.filter(user_id=user_id)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new after a token. `inbox` was read before `items`: its counts may be the older, and
    a client that has all of `items`, which are ItemRows, has missed nothing at or under its
    last_seq.

    `reset` says that the token is of no use: another epoch, ahead of the inbox, or from before
    tombstones were deleted.
    """

    inbox: Inbox
    items: list[Any]
    reset: bool
    more: bool


def changes_after(inbox: Inbox, token: SyncToken) -> Changes:
    """Up to CHANGES_PAGE items with a seq over the token's, in order of seq."""
    if token.epoch != inbox.epoch or not inbox.floor_seq <= token.seq <= inbox.last_seq:
        # A client that has seen an item newer than `inbox` is ahead of it only by what was
        # committed since, and has read it from here: read again before calling it foreign.
        inbox = Inbox.objects.get(user_id=inbox.user_id)
        if token.epoch != inbox.epoch or not inbox.floor_seq <= token.seq <= inbox.last_seq:
            return Changes(inbox, [], reset=True, more=False)
    rows = CHANGED.of(user_id=inbox.user_id).page("seq__gt", token.seq, "seq", CHANGES_PAGE)
    found = [ItemRow._make(row) for row in rows]
    if token.seq < inbox.last_seq:
        # Between the two, tombstones may have been deleted that the token's holder needs.
        pruned = Inbox.objects.filter(user_id=inbox.user_id, floor_seq__gt=token.seq).first()
        if pruned is not None:
            return Changes(pruned, [], reset=True, more=False)
    return Changes(inbox, found, reset=False, more=len(found) == CHANGES_PAGE)


def positions(user_ids: list[int]) -> dict[int, SyncToken]:
    """The newest token of each of these inboxes."""
    rows = Inbox.objects.filter(user_id__in=user_ids).values_list("user_id", "epoch", "last_seq")
    return {user_id: SyncToken(epoch, seq) for user_id, epoch, seq in rows}


def known_person(called: str) -> KnownUser:
    """The one with this username, or with this id: "12", where nobody has that as a username, or
    "id:12". For operators: not for what others may ask. Raises Refused."""
    return known_people([called])[0]


def known_people(called: Sequence[str]) -> list[KnownUser]:
    """As `known_person`, each of them once, in order of their ids."""
    keys = {name.casefold() for name in called if not name.startswith("id:")}
    by_name: dict[str, list[KnownUser]] = {}
    for user in KnownUser.objects.annotate(key=Lower("username")).filter(key__in=keys):
        by_name.setdefault(user.username.casefold(), []).append(user)
    ids = {name: int(number) for name in called if (number := name.removeprefix("id:")).isdecimal()}
    by_id = KnownUser.objects.in_bulk({pk for pk in ids.values() if pk < 2**63})
    found: dict[int, KnownUser] = {}
    for name in called:
        named = by_name.get(name.casefold(), [])
        if len(named) > 1:
            raise Refused(f"{name} is more than one: {', '.join(f'id:{u.pk}' for u in named)}")
        known = named or [by_id[pk] for pk in [ids.get(name)] if pk in by_id]
        if not known:
            raise Refused(f"nobody is known as {name}")
        found[known[0].pk] = known[0]
    return [found[pk] for pk in sorted(found)]
