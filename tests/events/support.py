"""The golden files: what an event looks like on its way, agreed between producer and consumer."""

import json
from pathlib import Path
from typing import Any

import msgspec

from toby.events.envelope import Envelope

FOLDER = Path(__file__).parent / "golden"


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
