"""The AsyncAPI document: what the contracts say, and what really goes over the wire."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from deploy import asyncapi
from tests.house.support import ROOT
from toby.events import TOPICS
from toby.events.envelope import contracts
from toby.notifications.frames import Counts, ItemChanged, Received, Sent

GOLDEN = sorted((ROOT / "tests" / "events" / "golden").glob("*.json"))
DOCUMENT: dict[str, Any] = yaml.safe_load(asyncapi.PATH.read_text())


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


def test_a_frame_says_its_type() -> None:
    counts = json.loads(Counts(token="0-0", unread=1, unseen=2).encoded())
    fits("Counts", counts)
    with pytest.raises(ValidationError):
        fits(ItemChanged.__name__, counts)
