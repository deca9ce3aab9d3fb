"""How notifications look, in answers and in frames, and what requests may hold."""

import re
from collections.abc import Sequence
from datetime import time
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, NotRequired, TypedDict
from zoneinfo import available_timezones

from msgspec import Meta
from rest_framework import serializers
from rest_framework.fields import empty

from toby.common.renderers import Out, Timestamp, timestamp
from toby.common.serializers import In, Text, Uuid, Whole
from toby.notifications.models import (
    Channel,
    Every,
    Inbox,
    Item,
    Kind,
    Language,
    Mailbox,
    Muted,
    State,
)
from toby.notifications.preferences import Wish
from toby.notifications.selectors import Changes
from toby.notifications.sync_tokens import SyncToken
from toby.notifications.texts import text_of


def only_of(*which: str) -> Meta:
    """Which kinds of item, or types of target, have this field. A test holds it against items."""
    return Meta(description=f"Only of {', '.join(f'`{each}`' for each in which)}.")


class ItemActor(TypedDict):
    """Who did it, the last of those who did. Of a deleted account only the `id` is left."""

    id: int
    username: str
    display_name: str
    picture_url: Annotated[str, Meta(description="Empty where there is none.")]


class ItemTarget(TypedDict):
    """What it is about, told apart by `type`."""

    type: Literal["post", "comment", "user", "export", "announcement"]
    id: NotRequired[Annotated[int, only_of("post", "comment", "user")]]
    slug: NotRequired[Annotated[str, only_of("post")]]
    title: NotRequired[Annotated[str, only_of("post")]]
    post_id: NotRequired[Annotated[int, only_of("comment")]]
    kind: NotRequired[Annotated[str, only_of("export")]]
    name: NotRequired[Annotated[str, only_of("announcement")]]


IN_A_COMMENT = (Kind.COMMENT_ADDED, Kind.COMMENT_REPLIED, Kind.COMMENT_LIKED, Kind.MENTIONED)
COMMENT_GONE = (Kind.COMMENT_HIDDEN, Kind.COMMENT_DELETED)
TAKEN_DOWN = (Kind.POST_REJECTED, Kind.POST_HIDDEN, Kind.POST_DELETED, *COMMENT_GONE)


class ItemData(TypedDict, total=False):
    """What else there is to tell, by the item's kind. `comment_id`, `thread_id` and `excerpt` of
    `mentioned` are there where that was in a comment. `thread_id` is of the comment with which its
    thread begins; what is old may lack it. `reason` and `remarks` are a moderator's own words;
    `by` is who took the comment down."""

    comment_id: Annotated[int, only_of(*IN_A_COMMENT)]
    thread_id: Annotated[int, only_of(*IN_A_COMMENT)]
    excerpt: Annotated[str, only_of(*IN_A_COMMENT, *COMMENT_GONE, Kind.WARNED)]
    reason: Annotated[str, only_of(*TAKEN_DOWN, Kind.WARNED)]
    remarks: Annotated[str, only_of(Kind.CHANGES_REQUESTED)]
    by: Annotated[Literal["moderator", "post_author"], only_of(*COMMENT_GONE)]
    revision_id: Annotated[int, only_of(Kind.POST_SUBMITTED)]
    title: Annotated[str, only_of(Kind.ANNOUNCEMENT)]
    text: Annotated[str, only_of(Kind.ANNOUNCEMENT)]
    link: Annotated[str, only_of(Kind.ANNOUNCEMENT)]


class ItemOut(Out, frozen=True, kw_only=True):
    """A retracted item is a tombstone: `retracted` is true and all that it said is gone.

    Of two versions of an item the one with the greater `seq` is the newer. `state` is unseen, seen,
    read or archived; of a tombstone it is gone. What is archived has been read, is not counted, and
    is in no list that does not ask for it, until another fact makes it new again. Lists are ordered
    by `content_seq`, of which `up_to` speaks. `actor` is null where it does not matter who did it,
    and of a tombstone, as `target` is.
    """

    # What is in an item is shown as it was stored: these types are for the documents.
    id: str
    kind: Annotated[str, Meta(extra_json_schema={"enum": Kind.values})]
    seq: int
    content_seq: int
    retracted: bool
    state: Annotated[str, Meta(extra_json_schema={"enum": State.values})]
    actor: ItemActor | None
    fact_count: int
    target: ItemTarget | None
    title: str
    text: str
    link: str
    data: ItemData
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, item: Item, language: str) -> "ItemOut":
        gone = item.retracted_at is not None
        title, text, link = ("", "", "") if gone else text_of(item, language)
        return cls(
            id=str(item.id),
            kind=item.kind,
            seq=item.seq,
            content_seq=item.content_seq,
            retracted=gone,
            state=item.state,
            actor=None if gone else item.actor,
            fact_count=item.fact_count,
            target=None if gone else item.target,
            title=title,
            text=text,
            link=link,
            data={} if gone else item.data,
            created_at=timestamp(item.created_at),
            updated_at=timestamp(item.updated_at),
        )


class CountsOut(Out, frozen=True, kw_only=True):
    """`token` is the sync token that these counts are of."""

    token: str
    unread: int
    unseen: int

    @classmethod
    def of(cls, inbox: Inbox) -> "CountsOut":
        token = str(SyncToken(inbox.epoch, inbox.last_seq))
        return cls(token=token, unread=inbox.unread, unseen=inbox.unseen)


class ReadAllOut(CountsOut, frozen=True, kw_only=True):
    """What was done can be undone by this `id`, until `undo_until`."""

    id: str
    undo_until: Timestamp


class ChangesOut(Out, frozen=True, kw_only=True):
    """What has changed after a token, in order of `seq`, tombstones too: of two versions of an item
    the one with the greater seq wins. Go on from `token`, at once where there is `more`. With
    `reset` the token that was given is of no use: drop all, and read the list anew."""

    token: str
    reset: bool
    more: bool
    items: list[ItemOut]
    unread: int
    unseen: int

    @classmethod
    def of(cls, changes: Changes) -> "ChangesOut":
        inbox = changes.inbox
        seq = changes.items[-1].seq if changes.more else inbox.last_seq
        return cls(
            token=str(SyncToken(inbox.epoch, max([seq, *(item.seq for item in changes.items)]))),
            reset=changes.reset,
            more=changes.more,
            items=[ItemOut.of(item, inbox.language) for item in changes.items],
            unread=inbox.unread,
            unseen=inbox.unseen,
        )


class TicketOut(Out, frozen=True, kw_only=True):
    """`expires_in` is in seconds."""

    ticket: str
    expires_in: int


class MarkIn(In):
    """Exactly one of the two is given: some `ids`, from 1 to 500, or `up_to`."""

    between_fields: ClassVar[dict[str, Any]] = {
        "oneOf": [{"required": ["ids"]}, {"required": ["up_to"]}]
    }

    ids = serializers.ListField(
        child=Uuid(),
        allow_empty=False,
        # The document takes it from here; what is empty is refused before.
        min_length=1,
        max_length=500,
        required=False,
        help_text="These items; ids that are not yours are passed over.",
    )
    up_to = Whole(
        required=False,
        help_text="All of the list with at most this content_seq; to unarchive, of the archive.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("up_to" in attrs):
            raise serializers.ValidationError("Give either ids or up_to.", code="ids_or_up_to")
        return attrs


class WishOut(Out, frozen=True, kw_only=True):
    """A kind, and where it is told: `off`; `in_app`, in lists and live; `email`, there and, as long
    as it is unread, in the digest. One that is `mandatory` cannot be off."""

    kind: str
    channel: str
    mandatory: bool


class PreferencesOut(Out, frozen=True, kw_only=True):
    """What holds for every kind there is, and the language in which all is told: once it is
    another, what clients hold is void, and they read all anew. `digest` is how often what is unread
    is mailed: off, hourly or daily; and nothing is from `quiet_from` to `quiet_until`, as "22:00",
    by the clock of `time_zone`. Both are empty where there are no quiet hours."""

    language: str
    digest: str
    time_zone: str
    quiet_from: str
    quiet_until: str
    kinds: list[WishOut]

    @classmethod
    def of(cls, inbox: Inbox, mailbox: Mailbox, wishes: Sequence[Wish]) -> "PreferencesOut":
        return cls(
            language=inbox.language,
            digest=mailbox.digest,
            time_zone=mailbox.time_zone,
            quiet_from=clock(mailbox.quiet_from),
            quiet_until=clock(mailbox.quiet_until),
            kinds=[WishOut(kind=w.kind, channel=w.channel, mandatory=w.mandatory) for w in wishes],
        )


class WishIn(In):
    kind = serializers.ChoiceField(choices=Kind.values)
    channel = serializers.ChoiceField(choices=Channel.values)


@cache
def time_zones() -> frozenset[str]:
    """Once a process: it is asked of the disk, folder by folder."""
    return frozenset(available_timezones())


class TimeZone(Text):
    default_error_messages = {"no_time_zone": "There is no such time zone."}

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if name not in time_zones():
            self.fail("no_time_zone")
        return name


class Clock(Text):
    """A time of day, or none."""

    default_error_messages = {"no_time": "This is no time of day, as in 22:00."}

    def run_validation(self, data: Any = empty) -> Any:
        given = super().run_validation(data)
        if given == "":
            return None
        if not re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", given):
            self.fail("no_time")
        return time.fromisoformat(given)


def clock(moment: time | None) -> str:
    return "" if moment is None else f"{moment:%H:%M}"


class PreferencesIn(In):
    # What is not named stays as it is.
    language = serializers.ChoiceField(choices=Language.values, required=False)
    digest = serializers.ChoiceField(choices=Every.values, required=False)
    time_zone = TimeZone(max_length=40, required=False, help_text="As in Europe/Berlin.")
    quiet_from = Clock(max_length=5, required=False, allow_blank=True, help_text="As in 22:00.")
    quiet_until = Clock(max_length=5, required=False, allow_blank=True)
    kinds = serializers.ListField(child=WishIn(), allow_empty=False, max_length=100, required=False)

    def validate_kinds(self, given: list[dict[str, str]]) -> dict[Kind, Channel]:
        return {Kind(wish["kind"]): Channel(wish["channel"]) for wish in given}


class MutedOut(Out, frozen=True, kw_only=True):
    """`type` is post, or thread: then `id` is of the comment with which it begins."""

    type: str
    id: int
    muted_at: Timestamp

    @classmethod
    def of(cls, muted: Muted) -> "MutedOut":
        what, pk = muted.subject.split(":")
        return cls(type=what, id=int(pk), muted_at=timestamp(muted.muted_at))


class UnsubscribingOut(Out, frozen=True, kw_only=True):
    """How often what is unread is mailed to whose link this is: off, hourly or daily."""

    digest: str
