"""What a recipient can do: mark items, and say what they want to be told."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from toby.common.errors import InvalidInput, NotFound, Refused
from toby.common.writing import insert_missing, upsert
from toby.notifications.hints import Hint
from toby.notifications.inboxes import OpenInbox, lock_inboxes, write
from toby.notifications.mailboxes import mailbox_of, take_back_digests
from toby.notifications.models import (
    LISTED,
    UNREAD,
    Channel,
    Every,
    Inbox,
    Item,
    Kind,
    Muted,
    Preference,
    ReadAll,
    State,
    new_epoch,
)
from toby.notifications.preferences import MANDATORY, default_of

MARKED_AT_ONCE = 500
READ_ALL_KEPT_FOR = timedelta(days=1)
# Of which states the items are that it changes.
CHANGED_BY: dict[str, Sequence[State]] = {
    "seen": (State.UNSEEN,),
    "read": UNREAD,
    "unread": (State.READ,),
    "archive": LISTED,
    "unarchive": (State.ARCHIVED,),
}
MOST_MUTED = 5000


class TooMuchMuted(Refused):
    """You mute very much already: let go of some of it first."""

    status, code = 409, "too_much_muted"


def mark(
    *, user_id: int, state: str, ids: Sequence[UUID] | None = None, up_to: int | None = None
) -> tuple[Inbox, list[Hint]]:
    """Marks items as seen, read or unread, or archives or unarchives them: those with `ids`, or all
    of the list with a content_seq of at most `up_to`; all of the archive, to unarchive them. Ids
    that are not the user's are passed over.

    Returns the inbox after it and the hints to send. Idempotent; long lists are done in parts.
    """

    def find() -> list[Item]:
        if state == "read":
            keep_read(user_id, wanted(user_id, ids, up_to))
        return to_be_marked(user_id, state, ids, up_to)

    return in_parts(user_id, find, lambda inbox, item: inbox.mark(item, state, timezone.now()))


def in_parts(
    user_id: int,
    find: Callable[[], list[Item]],
    change: Callable[[OpenInbox, Item], None],
) -> tuple[Inbox, list[Hint]]:
    """Changes what `find` finds, MARKED_AT_ONCE a transaction, until it finds fewer. Returns the
    inbox after it and the hints to send."""
    hints: list[Hint] = []
    while True:
        with transaction.atomic():
            opened = lock_inboxes([user_id])
            inbox = opened[user_id]
            items = find()
            for item in items:
                change(inbox, item)
            hints += [inbox.hint() for inbox in write(opened)]
        if len(items) < MARKED_AT_ONCE:
            return inbox.row, hints


def wanted(user_id: int, ids: Sequence[UUID] | None, up_to: int | None) -> QuerySet[Item]:
    items = Item.objects.filter(recipient_id=user_id)
    return items.filter(id__in=ids) if ids is not None else items.filter(content_seq__lte=up_to)


def to_be_marked(
    user_id: int, state: str, ids: Sequence[UUID] | None, up_to: int | None
) -> list[Item]:
    """The next MARKED_AT_ONCE items that this changes, one state after the other."""
    items, states = wanted(user_id, ids, up_to), CHANGED_BY[state]
    if ids is not None and state == "unread":
        states = (*states, State.ARCHIVED)
    found: list[Item] = []
    for was in states:
        rows = items.filter(state=was).order_by("content_seq")
        found += rows[: MARKED_AT_ONCE - len(found)]
    return found


def read_all(*, user_id: int) -> tuple[ReadAll, Inbox, list[Hint]]:
    """Reads all that is unread now, as one operation that can be undone for READ_ALL_KEPT_FOR.
    Where nothing is unread, that is the last one: who asks again gets the same.

    Returns the operation, the inbox after it and the hints to send.
    """
    with transaction.atomic():
        operation = begin_to_read_all(lock_inboxes([user_id])[user_id].row)
    inbox, hints = in_parts(
        user_id,
        lambda: to_be_marked(user_id, "read", None, operation.up_to),
        lambda inbox, item: inbox.mark(item, "read", operation.at),
    )
    return operation, inbox, hints


def begin_to_read_all(inbox: Inbox) -> ReadAll:
    now = timezone.now()
    last = ReadAll.objects.filter(user_id=inbox.user_id).order_by("at").last()
    if last is not None:
        if inbox.unread == 0 and last.at > now - READ_ALL_KEPT_FOR:
            return last
        # By their times it is told which of them has read an item.
        now = max(now, last.at + timedelta(microseconds=1))
    return ReadAll.objects.create(user_id=inbox.user_id, at=now, up_to=inbox.last_seq)


def undo_read_all(*, user_id: int, operation_id: UUID) -> tuple[Inbox, list[Hint]]:
    """Makes unread again, and unseen if they were, the items that this operation has read. What was
    read by itself since, archived, or made new, stays as it is. Idempotent.

    Raises NotFound READ_ALL_KEPT_FOR after it.
    """
    operations = ReadAll.objects.filter(at__gt=timezone.now() - READ_ALL_KEPT_FOR)
    operation = operations.filter(user_id=user_id, id=operation_id).first()
    if operation is None:
        raise NotFound
    at = operation.at
    return in_parts(
        user_id,
        lambda: list(read_by([operation]).order_by("seq")[:MARKED_AT_ONCE]),
        lambda inbox, item: inbox.take_back(item, at, timezone.now()),
    )


def read_by(operations: Sequence[ReadAll]) -> QuerySet[Item]:
    """The items that one of these has read, and nothing else since. All have a seq that was given
    since: no others are looked at."""
    return Item.objects.filter(
        recipient_id=operations[0].user_id,
        state=State.READ,
        seq__gt=min(operation.up_to for operation in operations),
        read_at__in=[operation.at for operation in operations],
    )


def keep_read(user_id: int, items: QuerySet[Item]) -> None:
    """What somebody reads who has read all is not made unread when that is undone. It is read
    already: nothing of it shows, and it takes no seq."""
    operations = list(ReadAll.objects.filter(user_id=user_id))
    if operations:
        (items & read_by(operations)).update(read_at=timezone.now())


def purge_read_all() -> int:
    """Deletes what can no longer be undone; returns how many times somebody had read all."""
    return ReadAll.objects.filter(at__lt=timezone.now() - READ_ALL_KEPT_FOR).delete()[0]


def change_preferences(
    *,
    user_id: int,
    kinds: Mapping[Kind, Channel] | None = None,
    language: str = "",
    **mailing: Any,
) -> list[Hint]:
    """Each kind that is named is told by that channel from now on; of two who say so of the same
    kind the last is heard. Once this has returned nothing of what is off comes any more. Another
    language gives the inbox another epoch: what clients hold is in the old one. `mailing` is of the
    mailbox: digest, time_zone, quiet_from, quiet_until.

    Returns the hints to send. Raises InvalidInput for a mandatory kind that is to be off, and for
    quiet hours that do not both begin and end.
    """
    kinds = kinds or {}
    if any(kind in MANDATORY and channel == Channel.OFF for kind, channel in kinds.items()):
        raise InvalidInput(("kinds", "mandatory", "What moderators decide cannot be turned off."))
    with transaction.atomic():
        inbox = lock_inboxes([user_id])[user_id].row
        if inbox.closed:
            return []
        write_channels(user_id, kinds)
        if mailing:
            write_mailing(user_id, mailing)
        if language in {"", inbox.language}:
            return []
        inbox.language, inbox.epoch = language, new_epoch()
        inbox.save(update_fields=["language", "epoch"])
    return [Hint.of(inbox, inbox.last_seq, [])]


def write_mailing(user_id: int, mailing: Mapping[str, Any]) -> None:
    mailbox = mailbox_of(user_id)
    for name, value in mailing.items():
        setattr(mailbox, name, value)
    if (mailbox.quiet_from is None) != (mailbox.quiet_until is None):
        raise InvalidInput(("quiet_until", "half", "Quiet hours both begin and end, or are not."))
    mailbox.settled_period = ""
    mailbox.save()
    take_back_digests([user_id])


def end_digests(*, user_id: int) -> None:
    """Nothing is mailed any more, and nothing that waits to be. Idempotent."""
    change_preferences(user_id=user_id, digest=Every.OFF)


def write_channels(user_id: int, kinds: Mapping[Kind, Channel]) -> None:
    """Keeps just what differs from the default."""
    usual = [kind for kind in kinds if kinds[kind] == default_of(kind)]
    Preference.objects.filter(user_id=user_id, kind__in=usual).delete()
    upsert(
        [
            Preference(user_id=user_id, kind=kind, channel=kinds[kind])
            for kind in sorted(kinds)
            if kind not in usual
        ],
        unique=["user_id", "kind"],
        update=["channel"],
    )


def mute(*, user_id: int, subject: str) -> None:
    """Once this has returned nothing more comes of it but what is mandatory; twice is once.
    `subject` is as in Muted; whether there is such a post or thread is not known here.

    Raises TooMuchMuted.
    """
    with transaction.atomic():
        if lock_inboxes([user_id])[user_id].row.closed:
            return
        theirs = Muted.objects.filter(user_id=user_id)
        if theirs.count() >= MOST_MUTED and not theirs.filter(subject=subject).exists():
            raise TooMuchMuted
        muted = Muted(user_id=user_id, subject=subject, muted_at=timezone.now())
        insert_missing([muted], unique=["subject", "user_id"])


def unmute(*, user_id: int, subject: str) -> None:
    with transaction.atomic():
        lock_inboxes([user_id])
        Muted.objects.filter(user_id=user_id, subject=subject).delete()
