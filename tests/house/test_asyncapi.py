"""The AsyncAPI document: what the contracts say, and what really goes over the wire."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from deploy import asyncapi
from tests.house.support import ROOT, references
from toby.events import TOPICS
from toby.events.envelope import contracts
from toby.notifications.frames import (
    IDS_AT_ONCE,
    Archive,
    BadFrame,
    Counts,
    Error,
    ErrorCode,
    Frame,
    ItemChanged,
    Marks,
    Ping,
    Pong,
    Read,
    Ready,
    Received,
    Reset,
    Restart,
    Resume,
    Seen,
    Sent,
    Unarchive,
    Unread,
    received,
)
from toby.notifications.models import Item, Kind, State
from toby.notifications.protocol import TOO_MANY
from toby.notifications.serializers import ItemOut

GOLDEN = sorted((ROOT / "tests" / "events" / "golden").glob("*.json"))
DOCUMENT: dict[str, Any] = yaml.safe_load(asyncapi.PATH.read_text())
FRAME_TYPES: tuple[type[Frame], ...] = get_args(Sent) + get_args(Received)
MARKS = (Read, Unread, Seen, Archive, Unarchive)
NOW = datetime(2026, 1, 10, tzinfo=UTC)
ITEM = Item(
    kind=Kind.POST_LIKED,
    seq=2,
    content_seq=1,
    fact_count=1,
    actor={"id": 2, "username": "ben", "display_name": "Ben", "picture_url": ""},
    target={"type": "post", "id": 1, "slug": "tides", "title": "Tides"},
    data={},
    created_at=NOW,
    updated_at=NOW,
)
GONE = Item(kind=Kind.POST_LIKED, seq=3, content_seq=1, state=State.GONE, retracted_at=NOW)
GONE.created_at = GONE.updated_at = NOW
FRAMES: tuple[Frame, ...] = (
    Ready(token="0-0", unread=1, unseen=2),
    *(ItemChanged(token="0-2", prev="0-1", item=ItemOut.of(item, "en")) for item in (ITEM, GONE)),
    Counts(token="0-0", unread=1, unseen=2),
    Reset(token="0-0"),
    Pong(),
    *(Error(code=code, detail="Why.") for code in get_args(ErrorCode)),
    Restart(retry_ms=1000),
    Resume(after="0-0"),
    *(mark(ids=[uuid4()] * IDS_AT_ONCE) for mark in MARKS),
    *(mark(up_to=2**63 - 1) for mark in MARKS),
    Ping(),
)
# Of a client, and refused by the server and by the document alike.
BAD_MARKS: dict[str, dict[str, Any]] = {
    "neither": {},
    "both": {"ids": [str(uuid4())], "up_to": 1},
    "neither but null": {"ids": None, "up_to": None},
    "no ids": {"ids": []},
    "too many ids": {"ids": [str(uuid4())] * (IDS_AT_ONCE + 1)},
    "up to nothing": {"up_to": 0},
}


def fits(schema: str, value: Any) -> None:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    Draft202012Validator(whole).validate(value)


def schema_of(message: str) -> str:
    ref: str = DOCUMENT["components"]["messages"][message]["payload"]["$ref"]
    return ref.rpartition("/")[2]


def test_it_is_what_the_contracts_say_and_the_check_fails_where_it_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "asyncapi.yml"
    assert asyncapi.main(["--check"], path=path) == 1
    asyncapi.main([], path=path)
    assert asyncapi.main(["--check"], path=path) == 0
    assert path.read_text() == asyncapi.PATH.read_text(), "run make openapi"
    path.write_text(path.read_text().replace("liker", "linker"))
    assert asyncapi.main(["--check"], path=path) == 1
    assert capsys.readouterr().err.count("run make openapi") == 2


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_a_golden_event_is_as_described(path: Path) -> None:
    golden = json.loads(path.read_text())
    fits(schema_of(path.stem), golden["data"])
    fits("CloudEventsHeaders", golden["headers"])
    assert path.stem in DOCUMENT["channels"][golden["topic"]]["messages"]
    with pytest.raises(ValidationError):
        fits(schema_of(path.stem), {})


def test_every_event_and_every_frame_is_there_and_no_other() -> None:
    channels = DOCUMENT["channels"]
    events = {name for topic in TOPICS for name in channels[topic]["messages"]}
    assert events == set(contracts())
    frames = {asyncapi.tag_of(frame) for frame in get_args(Sent) + get_args(Received)}
    assert set(channels["notifications"]["messages"]) == frames
    names = {*events, *(f"frame.{name}" for name in frames)}
    assert set(DOCUMENT["components"]["messages"]) == names


@pytest.mark.parametrize("frame", FRAMES, ids=[asyncapi.tag_of(type(each)) for each in FRAMES])
def test_a_frame_is_as_described_and_as_no_other_is(frame: Frame) -> None:
    content = json.loads(frame.encoded())
    fits(schema_of(f"frame.{asyncapi.tag_of(type(frame))}"), content)
    for other in set(FRAME_TYPES) - {type(frame)}:
        with pytest.raises(ValidationError):
            fits(other.__name__, content)
    if isinstance(frame, Received):
        assert received(frame.encoded()) == frame


def test_all_frames_are_tried() -> None:
    assert {type(frame) for frame in FRAMES} == set(FRAME_TYPES)
    fits("Error", json.loads(TOO_MANY))


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("given", BAD_MARKS.values(), ids=BAD_MARKS)
def test_of_ids_and_up_to_exactly_one_is_given(mark: type[Marks], given: dict[str, Any]) -> None:
    content = {"type": asyncapi.tag_of(mark), **given}
    with pytest.raises(BadFrame):
        received(json.dumps(content))
    with pytest.raises(ValidationError):
        fits(mark.__name__, content)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
