"""BoundedJSONParser beside json.loads: the same for all that is JSON, a ParseError for the rest."""

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from toby.common.parsers import MAX_DEPTH, BoundedJSONParser

# Brackets, quotes and backslashes often: they are what the measure of depth goes by.
TEXTS = st.text(st.sampled_from('[]{}"\\,: a') | st.characters(exclude_categories=["Cs"]))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)


def json_values() -> st.SearchStrategy[Any]:
    return st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
        max_leaves=20,
    )


def parse(body: bytes) -> Any:
    return BoundedJSONParser().parse(BytesIO(body))


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(
    value=json_values(),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 0, 2, "\t"]),
    around=st.text(" \t\r\n", max_size=3),
)
@example("\ud800", True, None, "")
@example({"": [{"\\": '\\"[['}]}, False, None, " ")
@example(["\\\\", '"', "\\\\\\"], False, None, "")
def test_what_is_json_is_read_as_json_loads_reads_it(
    value: Any, ascii_only: bool, indent: int | str | None, around: str
) -> None:
    text = around + json.dumps(value, ensure_ascii=ascii_only, indent=indent) + around
    if depth_of(value) > MAX_DEPTH:
        with pytest.raises(ParseError):
            parse(text.encode())
    else:
        read = parse(text.encode())
        # repr tells 1 from 1.0 and True, and -0.0 from 0.0.
        assert repr(read) == repr(json.loads(text)) == repr(value)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    openings=st.lists(st.sampled_from(["[", '{"a":', '{"[{\\"":', '["[", ']), max_size=40),
    leaf=LEAVES,
)
def test_what_is_nested_is_read_to_the_depth_that_it_has_and_no_further(
    openings: list[str], leaf: Any
) -> None:
    closings = "".join("}" if each.startswith("{") else "]" for each in reversed(openings))
    text = "".join(openings) + json.dumps(leaf) + closings
    if len(openings) > MAX_DEPTH:
        with pytest.raises(ParseError, match="deep"):
            parse(text.encode())
    else:
        assert parse(text.encode()) == json.loads(text)


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(
    st.binary(max_size=40)
    | st.text('[]{}"\\,:0123456789.eE+-truefalsn u', max_size=40).map(str.encode)
)
@example(b"NaN")
@example(b"-Infinity")
@example(b"[1e999]")
@example(b"\xef\xbb\xbf1")
@example("[1]".encode("utf-16"))
def test_anything_else_is_a_parse_error_and_nothing_worse(body: bytes) -> None:
    try:
        expected = json.loads(body.decode("utf-8"), parse_constant=float)
    except (ValueError, RecursionError):
        with pytest.raises(ParseError):
            parse(body)
    else:
        try:
            assert repr(parse(body)) == repr(expected)
        except ParseError:
            # Python reads constants that JSON does not have.
            assert any(word in body for word in (b"NaN", b"Infinity"))
