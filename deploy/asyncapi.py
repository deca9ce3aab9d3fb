"""Writes docs/asyncapi.yml: the events between the services, and the frames of the WebSocket.

`--check` writes nothing and ends with 1 if what is there is not what the contracts say.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import django
import msgspec
import yaml
from django.apps import apps

from deploy.openapi import ENVIRONMENT, ROOT
from toby.events import TOPICS, Event
from toby.events.envelope import contracts

PATH = ROOT / "docs" / "asyncapi.yml"
SCHEMAS = "#/components/schemas/"
HEADERS = {
    "type": "object",
    "description": "CloudEvents 1.0, in Kafka's binary mode.",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid"},
        "ce_source": {"type": "string", "format": "uri-reference"},
        "ce_type": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_requestid": {"type": "string"},
        "content-type": {"type": "string", "const": "application/json"},
    },
}
# One of the two is enough; with both, they are of one user.
SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of the auth service, in the handshake's `Authorization`.",
    },
    "ticket": {
        "type": "httpApiKey",
        "in": "header",
        "name": "Sec-WebSocket-Protocol",
        "description": "A single-use ticket of `POST /api/v1/notifications/tickets`, as a second "
        "subprotocol: a browser's script can send no other header.",
    },
}
WEBSOCKET = """\
Who may: `Authorization: Bearer`, or a single-use ticket of `POST /api/v1/notifications/tickets` as
a second subprotocol. The first one is the version, `{subprotocol}`; who offers none at all gets it
too, and always will. Frames are JSON objects of at most {max_kib} KiB. Those that tell of the
inbox, `ready`, `item`, `counts` and `reset`, are there as server-sent events as well, at
`GET /api/v1/notifications/stream`.

Close codes:

{close_codes}

What is refused:

{refused}
"""


def document() -> dict[str, Any]:
    frames = frames_of_both_sides()
    events = contracts()
    kinds = [*events.values(), *frames["sent"], *frames["received"]]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=SCHEMAS + "{name}")
    for frame in (*frames["sent"], *frames["received"]):
        schemas[frame.__name__] |= frame.between_fields
    channels: dict[str, Any] = {
        topic: channel(topic, "kafka", {e.type: e.type for e in of_topic(events.values(), topic)})
        for topic in TOPICS
    }
    names = {kind: tag_of(kind) for side in frames.values() for kind in side}
    channels["notifications"] = {
        **channel("/ws/notifications", "websocket", {n: f"frame.{n}" for n in names.values()}),
        "description": websocket_description(),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Toby",
            "version": "1",
            "description": "What the services tell each other, and what clients are told.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {"host": "kafka:9092", "protocol": "kafka"},
            "websocket": {
                "host": "toby.example",
                "protocol": "wss",
                "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY],
            },
        },
        "channels": channels,
        "operations": {
            **{f"tell.{topic}": operation("send", topic) for topic in TOPICS},
            "client.receive": operation("send", "notifications", frames["sent"]),
            "client.send": operation("receive", "notifications", frames["received"]),
        },
        "components": {
            "messages": {
                **{name: message_of_event(event) for name, event in sorted(events.items())},
                **{f"frame.{name}": message(kind, name) for kind, name in names.items()},
            },
            "schemas": {"CloudEventsHeaders": HEADERS, **schemas},
            "securitySchemes": SECURITY,
        },
    }


def set_up_django() -> None:
    if not apps.ready:
        os.environ |= {**ENVIRONMENT, "DJANGO_SETTINGS_MODULE": "toby.settings.notifications"}
        django.setup()


class Lines(str):
    """A text that is written as it is, line by line."""


def websocket_description() -> Lines:
    set_up_django()
    from toby.notifications import frames, refusals

    return Lines(
        WEBSOCKET.format(
            subprotocol=frames.SUBPROTOCOL,
            max_kib=frames.MAX_FRAME_BYTES // 1024,
            close_codes=table(("Code", "Because"), refusals.CLOSED_BECAUSE),
            refused=table(
                ("Of a client", "Close code, or code of an `error` frame"), refusals.REFUSED
            ),
        )
    )


def table(head: tuple[str, str], rows: Mapping[Any, Any]) -> str:
    """In Markdown."""
    lines = [head, ("---", "---"), *rows.items()]
    return "\n".join(f"| {left} | {right} |" for left, right in lines)


def frames_of_both_sides() -> dict[str, Sequence[type[Any]]]:
    """Sent and received, as the server sees it. They show items, which are Django's models."""
    set_up_django()
    from toby.notifications import frames

    return {"sent": get_args(frames.Sent), "received": get_args(frames.Received)}


def of_topic(events: Iterable[type[Event]], topic: str) -> list[type[Event]]:
    return sorted((event for event in events if event.topic == topic), key=lambda e: e.type)


def tag_of(frame: type[Any]) -> str:
    return str(frame.__struct_config__.tag)


def channel(address: str, server: str, messages: dict[str, str]) -> dict[str, Any]:
    refs = {name: {"$ref": f"#/components/messages/{to}"} for name, to in messages.items()}
    return {
        "address": address,
        "servers": [{"$ref": f"#/servers/{server}"}],
        "messages": refs,
    }


def operation(action: str, name: str, frames: Sequence[type[Any]] = ()) -> dict[str, Any]:
    """`action` as the services see it."""
    found: dict[str, Any] = {"action": action, "channel": {"$ref": f"#/channels/{name}"}}
    if frames:
        base = f"#/channels/{name}/messages/"
        found["messages"] = [{"$ref": base + tag_of(frame)} for frame in frames]
    return found


def message(kind: type[Any], name: str) -> dict[str, Any]:
    return {
        "name": name,
        "summary": inspect.cleandoc(kind.__doc__ or ""),
        "payload": {"$ref": SCHEMAS + kind.__name__},
    }


def message_of_event(event: type[Event]) -> dict[str, Any]:
    return {
        **message(event, event.type),
        "headers": {"$ref": SCHEMAS + "CloudEventsHeaders"},
        "bindings": {"kafka": {"key": {"type": "string", "description": f"`{event.key}`"}}},
    }


class Dumper(yaml.SafeDumper):
    """Lets lines be lines, and says again what is the same in two places."""

    def ignore_aliases(self, data: object) -> bool:
        return True


Dumper.add_representer(
    Lines, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
)


def as_text(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


def main(arguments: Sequence[str], *, path: Path = PATH) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.asyncapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    text = as_text(document())
    if not options.check:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        print("asyncapi: not what the contracts say; run make openapi", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
