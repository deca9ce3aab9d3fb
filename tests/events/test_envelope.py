"""CloudEvents in Kafka's binary mode: what is read, and what is refused."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest

from tests.events.support import Golden, golden
from toby.events import BadEvent, Envelope, UnknownType
from toby.events.envelope import headers, id_of

Headers = list[tuple[str, bytes | None]]
REQUIRED = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time")
DEEP = b'{"added_later": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.fixture
def file() -> Golden:
    return golden("social.comment_added.v1")


@pytest.fixture
def value(file: Golden) -> bytes:
    return json.dumps(file.data).encode()


def changed(file: Golden, name: str, value: bytes | None) -> Headers:
    return [(n, value if n == name else raw) for n, raw in file.raw_headers()]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_message_without_a_required_header_is_no_event(
    file: Golden, value: bytes, name: str
) -> None:
    rest = [pair for pair in file.raw_headers() if pair[0] != name]
    with pytest.raises(BadEvent, match=f"{name} is missing"):
        Envelope.parse(rest, value)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_header_without_a_value_is_missing(file: Golden, value: bytes, name: str) -> None:
    with pytest.raises(BadEvent, match=f"{name} is missing"):
        Envelope.parse(changed(file, name, None), value)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("ce_id", b"not a uuid"),
        ("ce_id", b"\xff\xfe"),
        ("ce_id", b""),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-03-04T05:06:07"),
        ("ce_time", b""),
        ("ce_time", b"0001-01-01T00:00:00+23:59"),
        ("ce_source", b"\xff"),
        ("ce_type", b"\xc3\x28"),
        ("ce_specversion", b"0.3"),
        ("ce_specversion", b""),
        ("ce_requestid", b"\xff"),
    ],
)
def test_a_garbled_header_is_refused(file: Golden, value: bytes, name: str, raw: bytes) -> None:
    with pytest.raises(BadEvent):
        Envelope.parse(changed(file, name, raw), value)


def test_a_type_that_is_not_known_here_is_told_apart_from_a_bad_event(file: Golden) -> None:
    newer = changed(file, "ce_type", b"social.comment_added.v2")
    with pytest.raises(UnknownType, match=r"social\.comment_added\.v2"):
        Envelope.parse(newer, b"whatever it holds")
    with pytest.raises(UnknownType):
        Envelope.parse(newer, None)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"NaN", b"[" * 100_000, b"{}" * 2, DEEP],
    ids=lambda raw: repr(raw[:10]),
)
def test_a_value_that_is_no_json_object_is_refused(file: Golden, raw: bytes) -> None:
    with pytest.raises(BadEvent):
        Envelope.parse(file.raw_headers(), raw)


def test_a_message_without_a_value_is_refused(file: Golden) -> None:
    with pytest.raises(BadEvent, match="no value"):
        Envelope.parse(file.raw_headers(), None)


def test_headers_that_are_not_known_are_passed_over(file: Golden, value: bytes) -> None:
    more: Headers = [*file.raw_headers(), ("traceparent", b"\xff"), ("ce_newer", None)]
    assert Envelope.parse(more, value) == file.envelope()


def test_the_request_id_is_carried_and_may_be_missing(file: Golden, value: bytes) -> None:
    assert Envelope.parse(file.raw_headers(), value).request_id == file.headers["ce_requestid"]
    without = changed(file, "ce_requestid", None)
    assert Envelope.parse(without, value).request_id == ""
    assert "ce_requestid" not in dict(Envelope.parse(without, value).headers())


def test_times_are_told_in_utc_to_the_microsecond(file: Golden, value: bytes) -> None:
    moment = datetime(2026, 3, 4, 7, 6, 7, 8, tzinfo=timezone(timedelta(hours=2)))
    written = headers(id=uuid4(), source="/toby/social", type="t", time=moment, request_id="")
    raw = dict(written)["ce_time"]
    assert raw == b"2026-03-04T05:06:07.000008+00:00"
    read = Envelope.parse(changed(file, "ce_time", raw), value)
    assert read.time == moment
    assert read.time.tzinfo is UTC


def test_the_id_of_a_message_is_found_even_if_the_rest_cannot_be_read() -> None:
    event_id = UUID("06f2c8f0-e3b5-4c1a-9e77-000000000001")
    assert id_of([("other", None), ("ce_id", str(event_id).encode())]) == event_id
    assert id_of([("ce_id", None)]) is None
    assert id_of([("ce_id", b"\xff")]) is None
    assert id_of([]) is None
