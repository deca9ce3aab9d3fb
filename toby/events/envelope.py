"""What wraps every event on its way: CloudEvents 1.0 in Kafka's binary mode.

Attributes travel as `ce_*` headers, the data as a JSON object in the message's value
(https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md).
"""

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import ClassVar, Self
from uuid import UUID

import msgspec

ACCOUNTS, SOCIAL, FANOUT = "toby.accounts", "toby.social", "toby.fanout"
TOPICS = (ACCOUNTS, SOCIAL, FANOUT)
MAX_DATA_BYTES = 512 * 1024

Headers = list[tuple[str, bytes]]


class BadEvent(ValueError):
    """A message that is no event, or whose data does not fit its type."""


class UnknownType(ValueError):
    """An event of a type that this version does not know; consumers pass over it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who did something, with what a reader is shown of them."""

    user_id: int
    username: str
    display_name: str
    picture_url: str = ""


def deleted_person(user_id: int) -> Person:
    """What is left of somebody whose account was deleted. Nobody can register such a username."""
    return Person(user_id=user_id, username=f"deleted.{user_id}", display_name="Deleted user")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """A fact. Subclasses are frozen dataclasses; `key` names the field that orders them."""

    type: ClassVar[str]
    topic: ClassVar[str]
    key: ClassVar[str]

    def __init_subclass__(cls, *, type: str = "", topic: str = "", key: str = "") -> None:
        super().__init_subclass__()
        # A dataclass with slots is made anew, without the class's keywords.
        if not type:
            return
        cls.type, cls.topic, cls.key = type, topic, key

    @property
    def key_value(self) -> str:
        return str(getattr(self, self.key))

    def to_json(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Raises BadEvent where a field is missing or of a wrong type; ignores unknown ones."""
        try:
            return msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadEvent(f"{cls.type}: {error}") from error


@cache
def contracts() -> dict[str, type[Event]]:
    """Every event type by its name."""
    # The last of a name wins: `slots=True` leaves the class it was made from behind.
    return {cls.type: cls for cls in Event.__subclasses__()}


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its CloudEvents attributes."""

    id: UUID
    source: str
    time: datetime
    data: Event
    request_id: str = ""

    def headers(self) -> Headers:
        return headers(
            id=self.id,
            source=self.source,
            type=self.data.type,
            time=self.time,
            request_id=self.request_id,
        )

    @classmethod
    def parse(cls, received: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Self:
        """Raises BadEvent for what is no event, UnknownType for one of a type not known here."""
        found = {name: raw for name, raw in received if raw is not None}
        try:
            attributes = {
                name: found[f"ce_{name}"].decode()
                for name in ("specversion", "id", "source", "type", "time")
            }
            event_id, time = UUID(attributes["id"]), in_utc(attributes["time"])
            request_id = found.get("ce_requestid", b"").decode()
        except KeyError as error:
            raise BadEvent(f"the header {error.args[0]} is missing") from error
        except (ValueError, OverflowError) as error:
            raise BadEvent(f"a header cannot be read: {error}") from error
        if attributes["specversion"] != "1.0":
            raise BadEvent(f"CloudEvents {attributes['specversion']} is not 1.0")
        contract = contracts().get(attributes["type"])
        if contract is None:
            raise UnknownType(attributes["type"])
        if value is None:
            raise BadEvent("the message has no value")
        return cls(
            id=event_id,
            source=attributes["source"],
            time=time,
            data=contract.from_json(value),
            request_id=request_id,
        )


def headers(*, id: UUID, source: str, type: str, time: datetime, request_id: str) -> Headers:
    """The Kafka headers of an event."""
    result = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(id).encode()),
        ("ce_source", source.encode()),
        ("ce_type", type.encode()),
        ("ce_time", time.astimezone(UTC).isoformat().encode()),
        ("content-type", b"application/json"),
    ]
    if request_id:
        result.append(("ce_requestid", request_id.encode()))
    return result


def in_utc(text: str) -> datetime:
    """Raises ValueError or OverflowError for what is no moment with a time zone."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("ce_time has no time zone")
    return time.astimezone(UTC)


def id_of(received: Iterable[tuple[str, bytes | None]]) -> UUID | None:
    """The event's id, of a message that may otherwise be unreadable."""
    for name, raw in received:
        if name == "ce_id" and raw is not None:
            try:
                return UUID(raw.decode())
            except ValueError:
                return None
    return None
