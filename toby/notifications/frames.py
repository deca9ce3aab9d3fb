"""The frames of the WebSocket, each way: JSON objects, told apart by `type`. The stream has those
that tell of the inbox as well: ready, item, counts and reset. docs/asyncapi.yml is made of them.
"""

from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from toby.notifications.serializers import ItemOut

# The version of all that follows: what is added to it breaks no client, anything else is a new one.
# Who offers no subprotocol gets this one.
SUBPROTOCOL = "toby.notifications.v1"
# Of a client. So many ids fit into it, with a space between them or without.
MAX_FRAME_BYTES, IDS_AT_ONCE = 16 * 1024, 400

ErrorCode = Literal[
    "malformed",
    "not_text",
    "unknown_type",
    "invalid_frame",
    "bad_token",
    "too_many",
    "unavailable",
]


class BadFrame(Exception):
    """What a client sent is no frame of the protocol."""

    def __init__(self, code: ErrorCode, detail: str = "") -> None:
        self.code, self.detail = code, detail


class Frame(msgspec.Struct, kw_only=True, tag_field="type"):
    # In JSON Schema, what holds between fields: for docs/asyncapi.yml.
    between_fields: ClassVar[dict[str, Any]] = {}

    def encoded(self) -> str:
        return msgspec.json.encode(self).decode()


class Ready(Frame, tag="ready"):
    """The first frame. Who holds no token yet reads the list, takes this one, and misses nothing;
    who holds one resumes from that, and leaves this one alone, with all that comes before the
    answer: see `resume`."""

    token: str
    unread: int
    unseen: int


class ItemChanged(Frame, tag="item"):
    """An item is new, or another than it was, or gone. `prev` is the token before it: whoever is
    there has missed nothing. Of two versions of an item the one with the greater `seq` wins. They
    come in order of `seq`: one with a lower seq than the last comes again, or was overtaken."""

    token: str
    prev: str
    item: ItemOut


class Counts(Frame, tag="counts"):
    """How many items are unread and unseen, as of `token`."""

    token: str
    unread: int
    unseen: int


class Reset(Frame, tag="reset"):
    """The token that was resumed from is of no use any more: drop all, read the list, go on from
    this one."""

    token: str


class Pong(Frame, tag="pong"):
    """The answer to a ping."""


class Error(Frame, tag="error"):
    """What was sent was not taken. `code` is stable, `detail` is for people. After too_many and
    unavailable it may be tried again."""

    code: ErrorCode
    detail: str = ""


class Restart(Frame, tag="restart"):
    """The server goes, and closes with 1012: come back after this many milliseconds."""

    retry_ms: int


class Resume(Frame, tag="resume"):
    """Send what has changed after this token. The answer begins with an `item` whose `prev` it is,
    with `counts` of it where nothing has changed, or with a `reset`. Whatever other token comes
    before that is newer than what is missing: leave its frame alone, it comes again by the
    answer."""

    after: str


Ids = Annotated[
    list[UUID],
    Meta(
        min_length=1,
        max_length=IDS_AT_ONCE,
        description="These items; ids that are not the user's are passed over. Not with `up_to`.",
    ),
]
UpTo = Annotated[
    int,
    Meta(
        ge=1,
        le=2**63 - 1,
        description="All of the list whose `content_seq` is at most this; to unarchive, of the "
        "archive. Not with `ids`.",
    ),
]


class Marks(Frame):
    """Some items, or all with a `content_seq` of at most `up_to`: just one of the two."""

    between_fields: ClassVar[dict[str, Any]] = {
        "oneOf": [
            {"required": ["ids"], "properties": {"ids": {"type": "array"}}},
            {"required": ["up_to"], "properties": {"up_to": {"type": "integer"}}},
        ]
    }

    ids: Ids | None = None
    up_to: UpTo | None = None

    def __post_init__(self) -> None:
        if (self.ids is None) == (self.up_to is None):
            raise ValueError("Give either `ids` or `up_to`")


class Read(Marks, tag="read"):
    """Mark as read, on all devices."""


class Unread(Marks, tag="unread"):
    """Mark as unread. By its id an item that is archived comes back into the list with that."""


class Seen(Marks, tag="seen"):
    """Mark as seen."""


class Archive(Marks, tag="archive"):
    """Take out of the list, as read. What makes an item new again brings it back."""


class Unarchive(Marks, tag="unarchive"):
    """Bring back into the list, as read. `up_to` is of those that are archived."""


class Ping(Frame, tag="ping"):
    """Asks for a pong."""


Sent = Ready | ItemChanged | Counts | Reset | Pong | Error | Restart
Received = Resume | Read | Unread | Seen | Archive | Unarchive | Ping

_decoder: msgspec.json.Decoder[Received] = msgspec.json.Decoder(Received)


def received(text: str) -> Received:
    """What a client says. Raises BadFrame."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise BadFrame(code_of(str(error)), str(error)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadFrame("malformed", str(error)) from error


def code_of(problem: str) -> ErrorCode:
    if "`$.type`" in problem or "field `type`" in problem:
        return "unknown_type"
    is_no_object = problem.startswith("Expected `object`") and " - at " not in problem
    return "malformed" if is_no_object else "invalid_frame"
