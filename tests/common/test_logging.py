"""How log lines look, and the request id in each of them."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.test import Client

from toby.common.logging import JSONFormatter, LineFormatter, log, logging_config
from toby.common.request_id import accept_or_make, current_request_id, request_id

logger = logging.getLogger("toby.test_logging")
output = io.StringIO()


@pytest.fixture(autouse=True)
def handler() -> Iterator[logging.StreamHandler[io.StringIO]]:
    handler = logging.StreamHandler(output)
    output.seek(0)
    output.truncate()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)


@pytest.fixture
def line(handler: logging.StreamHandler[io.StringIO]) -> None:
    handler.setFormatter(LineFormatter(color=False))


@pytest.fixture
def as_json(handler: logging.StreamHandler[io.StringIO]) -> None:
    handler.setFormatter(JSONFormatter())


def written() -> str:
    return output.getvalue()


@pytest.mark.usefixtures("line")
def test_a_line_has_the_time_the_level_who_says_it_what_and_fields() -> None:
    log(logger, "relay.sent", count=3, last="a b")
    pattern = (
        r'\d\d:\d\d:\d\d\.\d{3} INFO    toby\.test_logging  relay\.sent  count=3  last="a b"\n'
    )
    assert re.fullmatch(pattern, written())


@pytest.mark.usefixtures("line")
def test_a_line_within_a_request_has_its_id_and_one_outside_has_none() -> None:
    with request_id("abcdef-123"):
        log(logger, "inside")
    log(logger, "outside")
    inside, outside = written().splitlines()
    assert inside.endswith("  request_id=abcdef-123")
    assert "request_id" not in outside


@pytest.mark.usefixtures("line")
@pytest.mark.parametrize("evil", ["a\nb", "a\rb", "a\x1b[31mb", "a\u2028b", "a\x85b", "a b\nc"])
def test_nothing_from_outside_begins_a_line_or_colours_it(evil: str) -> None:
    log(logger, f"GET /{evil}", field=evil)
    assert len(written().splitlines()) == 1
    assert written().rstrip("\n").isprintable()


@pytest.mark.usefixtures("line")
def test_letters_of_any_language_are_written_as_they_are() -> None:
    log(logger, "GET /š", name="žluťoučký")
    assert "GET /š" in written()
    assert "name=žluťoučký" in written()


@pytest.mark.usefixtures("line")
def test_an_exception_follows_its_line() -> None:
    fail_and_log()
    assert "Traceback" in written()
    assert written().endswith("ValueError: broken\n")


def test_colour_is_used_where_it_is_asked_for(
    handler: logging.StreamHandler[io.StringIO],
) -> None:
    handler.setFormatter(LineFormatter(color=True))
    log(logger, "fine")
    log(logger, "bad", logging.ERROR)
    fine, bad = written().splitlines()
    assert "\033" not in fine
    assert bad.startswith("\033[31m")
    assert bad.endswith("\033[0m")


@pytest.mark.usefixtures("as_json")
def test_a_json_line_has_the_same_as_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOBY_PROCESS", "social-1")
    with request_id("abcdef-123"):
        log(logger, "relay.sent", count=3, what=ValueError("x"), text="a\nb")
    entry = json.loads(written())
    assert written().count("\n") == 1
    assert datetime.fromisoformat(entry.pop("time")).tzinfo is not None
    assert entry == {
        "level": "INFO",
        "logger": "toby.test_logging",
        "process": "social-1",
        "message": "relay.sent",
        "request_id": "abcdef-123",
        "count": 3,
        "what": "x",
        "text": "a\nb",
    }


@pytest.mark.usefixtures("as_json")
def test_a_json_line_holds_its_exception() -> None:
    fail_and_log()
    assert json.loads(written())["exception"].endswith("ValueError: broken")


def test_the_environment_says_which_form_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOBY_LOG_FORMAT", "json")
    assert logging_config()["formatters"]["line"]["()"] is JSONFormatter
    monkeypatch.setenv("TOBY_LOG_FORMAT", "")
    monkeypatch.setenv("TOBY_LOG_COLOR", "1")
    assert logging_config()["formatters"]["line"] == {"()": LineFormatter, "color": True}


def test_a_request_is_logged_once_with_its_status_and_id_and_health_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client()
    client.get("/nowhere?token=hidden", headers={"X-Request-ID": "abcdef-123"})
    client.get("/healthz")
    records = [record for record in caplog.records if record.name == "toby.request"]
    assert [record.getMessage() for record in records] == ["GET /nowhere"]
    fields = records[0].__dict__["fields"]
    assert fields["status"] == 404
    assert "hidden" not in str(fields)


def test_only_a_plain_request_id_is_taken_from_outside() -> None:
    assert accept_or_make("abcdef_-123") == "abcdef_-123"
    for other in ("", "short", "x" * 65, "abcdefgh\n", "abc defgh", "ábcdefgh", "abcdefgh="):
        assert re.fullmatch(r"[0-9a-f]{32}", accept_or_make(other))


def test_a_request_id_holds_within_its_block_only() -> None:
    with request_id("outer-123"):
        with request_id("inner-123"):
            assert current_request_id() == "inner-123"
        assert current_request_id() == "outer-123"
    assert current_request_id() == ""


def fail_and_log() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        logger.error("failed", exc_info=sys.exc_info())
