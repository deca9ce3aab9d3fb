"""What a body may be."""

from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from pytest_django import Settings
from rest_framework.exceptions import ParseError

from toby.common.parsers import MAX_DEPTH, BoundedJSONParser


def parse(body: bytes) -> Any:
    return BoundedJSONParser().parse(BytesIO(body))


def test_json_is_read() -> None:
    assert parse('{"a": ["é", 1, 1.5, null, true]}'.encode()) == {"a": ["é", 1, 1.5, None, True]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1} trailing',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"-Infinity",
        b"\xff\xfe{}",
        '{"a": 1}'.encode("utf-16"),
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\x00"}',
        b"9" * 5000,
        b'{"a": -' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)


@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":', b"}")], ids=["arrays", "objects"])
def test_json_is_read_to_a_depth_and_no_further(pair: tuple[bytes, bytes]) -> None:
    opening, closing = pair

    def nested(depth: int) -> bytes:
        return opening * depth + b"1" + closing * depth

    parse(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(ParseError, match="deep"):
            parse(nested(depth))


def test_brackets_that_are_text_or_stand_side_by_side_are_not_depth() -> None:
    assert parse(b'["' + b"[" * 1000 + b'\\"[{"]') == ["[" * 1000 + '"[{']
    assert parse(b"[" + b"[]," * 1000 + b"[]]") == [[]] * 1001


def test_brackets_after_an_escaped_quote_do_not_hide_depth() -> None:
    with pytest.raises(ParseError, match="deep"):
        parse(b'["\\\\",' + b"[" * 100 + b"]" * 100 + b"]")


def test_a_body_may_be_as_large_as_is_set_and_no_larger(settings: Settings) -> None:
    settings.MAX_BODY_BYTES = 10
    assert parse(b'"12345678"') == "12345678"
    with pytest.raises(RequestDataTooBig):
        parse(b'"123456789"')
