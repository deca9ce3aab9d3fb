"""Events on their way: the golden files, agreed between producer and consumer, and messages."""

import json
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.utils import timezone

from toby.common.kafka import Incoming, Outgoing
from toby.events import Event
from toby.events.envelope import Envelope, headers

FOLDER = Path(__file__).parent / "golden"
_offsets = count()


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message as Kafka has it, with its data as JSON that people can read."""

    topic: str
    key: str
    headers: dict[str, str]
    data: dict[str, Any]

    def raw_headers(self) -> list[tuple[str, bytes | None]]:
        return [(name, value.encode()) for name, value in self.headers.items()]

    def envelope(self) -> Envelope:
        return Envelope.parse(self.raw_headers(), json.dumps(self.data).encode())


def golden(type: str) -> Golden:
    return msgspec.json.decode((FOLDER / f"{type}.json").read_bytes(), type=Golden)


def golden_types() -> set[str]:
    return {path.name.removesuffix(".json") for path in FOLDER.iterdir()}


def incoming(
    event: Event,
    *,
    event_id: UUID | None = None,
    request_id: str = "",
    time: datetime | None = None,
) -> Incoming:
    """The event as Kafka gives it, but without Kafka; each call makes one at a later offset."""
    described = headers(
        id=event_id or uuid4(),
        source="/toby/test",
        type=event.type,
        time=time or timezone.now(),
        request_id=request_id,
    )
    return Incoming(
        topic=event.topic,
        partition=0,
        offset=next(_offsets),
        key=event.key_value,
        value=event.to_json(),
        headers=list(described),
    )


def received(message: Outgoing) -> Incoming:
    """As Kafka gives what it was given."""
    return Incoming(
        topic=message.topic,
        partition=0,
        offset=next(_offsets),
        key=message.key,
        value=message.value,
        headers=list(message.headers),
    )
