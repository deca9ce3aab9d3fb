"""Bodies that are wrong in every way: always a 4xx that says what is wrong, never a failure."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.support import (
    ALTERNATIVES,
    VALID,
    body_with,
    fields_at_fault,
    is_in_order,
    problem_in,
    send,
    send_json,
    valid_body,
)
from tests.hostile.test_json import json_values
from tests.house.support import ENDPOINTS, UUID, Endpoint, each_of, every_endpoint

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.input is not None]
# Those that are not asked for a body do not read the one that comes.
WITHOUT_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.input is None]
FIELDS = [(e, name) for e in WITH_BODY for name in (e.input or {})["properties"]]
each_with_body = each_of(WITH_BODY)
each_field = pytest.mark.parametrize(
    ("endpoint", "field"), FIELDS, ids=[f"{e.name} {name}" for e, name in FIELDS]
)

MALFORMED = [
    b"{",
    b"nul",
    b"{'title': 'x'}",
    b'{"title": "x"} trailing',
    b'{"title": "x",}',
    b'{"title": NaN}',
    b'{"version": -Infinity}',
    b'{"version": 0x10}',
    b'{"version": 01}',
    b'{"title": "\x00"}',
    b'{"title": "\xff"}',
    b'{"title": "\xed\xa0\x80"}',
    b'{"title": "\xc0\xaf"}',
    b"\xef\xbb\xbf{}",
    '{"title": "x"}'.encode("utf-16"),
    b'{"version": ' + b"9" * 5000 + b"}",
    b"\x1f\x8b\x08\x00",
    b" ",
]
DEEP = [
    b"[" * 100 + b"]" * 100,
    b"[" * 500_000,
    b'{"title":' * 100_000,
    b'{"title": ' + b"[" * 33 + b"]" * 33 + b"}",
]


@each_with_body
def test_what_is_not_json_is_malformed(endpoint: Endpoint, token: str) -> None:
    for body in MALFORMED:
        problem_in(send(endpoint, token, body), 400, "malformed", about=body)


@each_with_body
def test_what_is_nested_too_deeply_is_malformed(endpoint: Endpoint, token: str) -> None:
    for body in DEEP:
        problem_in(send(endpoint, token, body), 400, "malformed", about=body[:20])


@each_with_body
def test_json_that_is_no_object_is_refused(endpoint: Endpoint, token: str) -> None:
    bodies: list[Any] = [None, True, 7, 1.5, "text", "\ud800", [], [{}], [[]]]
    for body in bodies:
        problem = problem_in(send_json(endpoint, token, body), 400, about=body)
        assert fields_at_fault(problem) == {""}, body


@each_with_body
def test_more_than_a_mebibyte_is_too_large(endpoint: Endpoint, token: str) -> None:
    start, end = b'{"unknown": "', b'"}'
    fits = start + b"x" * (1024 * 1024 - len(start) - len(end)) + end
    assert len(fits) == 1024 * 1024
    problem_in(send(endpoint, token, fits), 400)
    problem_in(send(endpoint, token, fits + b" "), 413, "payload_too_large")
    problem_in(send(endpoint, token, b" " * 3 * 1024 * 1024), 413, "payload_too_large")


@each_with_body
def test_what_does_not_call_itself_json_is_415(endpoint: Endpoint, token: str) -> None:
    body = json.dumps(valid_body(endpoint)).encode()
    for content_type in (
        "text/plain",
        "text/html",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/jsonp",
        "application/merge-patch+json",
        "application",
        "*/*",
        ";",
        "é",
        "",
    ):
        answer = send(endpoint, token, body, content_type=content_type)
        problem_in(answer, 415, "unsupported_media_type", about=content_type)


@each_with_body
def test_json_is_taken_however_its_name_is_written(endpoint: Endpoint, token: str) -> None:
    for content_type in (
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;é",
    ):
        answer = send(endpoint, token, b'{"unknown": 1}', content_type=content_type)
        assert fields_at_fault(problem_in(answer, 400, about=content_type)) == {"unknown"}


@each_with_body
def test_no_body_at_all_is_an_empty_object(endpoint: Endpoint, token: str) -> None:
    assert endpoint.input is not None
    answer = send(endpoint, token)
    if required := set(endpoint.input.get("required", [])):
        assert fields_at_fault(problem_in(answer, 400)) == required
    else:
        is_in_order(answer)
    for length in ("", "abc", "1e3"):
        told = send(endpoint, token, CONTENT_LENGTH=length, CONTENT_TYPE="application/json")
        assert told.status_code == answer.status_code
        is_in_order(told, about=length)


@each_with_body
def test_a_field_that_is_not_known_is_named(endpoint: Endpoint, token: str) -> None:
    for name in ("unknown", "", "Title", "__proto__", "id", "a.b", "\x00", "\ud800", "海"):
        answer = send_json(endpoint, token, {**valid_body(endpoint), name: 1})
        problem = problem_in(answer, 400, about=name)
        (error,) = problem["errors"]
        assert (error["field"], error["code"]) == (name.replace("\ud800", "?"), "unknown_field")


@each_with_body
def test_ever_so_many_unknown_fields_get_a_short_answer(endpoint: Endpoint, token: str) -> None:
    many, long = {f"{'x' * 40}{number}": 1 for number in range(15_000)}, {"x" * 900_000: 1}
    for body in (many, long):
        answer = send_json(endpoint, token, body)
        problem_in(answer, 400)
        assert len(answer.content) < 5_000


@each_with_body
def test_what_is_wrong_is_not_repeated_at_length(endpoint: Endpoint, token: str) -> None:
    assert endpoint.input is not None
    for field in endpoint.input["properties"]:
        for value in ("x" * 900_000, ["x" * 900_000]):
            answer = send_json(endpoint, token, body_with(endpoint, field, value))
            problem_in(answer, 400)
            assert len(answer.content) < 2_000


@each_field
def test_a_field_that_must_be_there_is_named_if_it_is_not(
    endpoint: Endpoint, token: str, field: str
) -> None:
    assert endpoint.input is not None
    if field in endpoint.input.get("required", []):
        body = valid_body(endpoint)
        del body[field]
        problem = problem_in(send_json(endpoint, token, body), 400)
        assert problem["errors"] == [
            {"field": field, "code": "required", "message": "This field is required."}
        ]


# What each type may not be; numbers are never taken for strings, nor strings for numbers.
NEITHER: list[Any] = [None, True, False, 1.5, {}, {"a": 1}, [{}], [[]], [None], [1.5], [True]]
WRONG: dict[str, list[Any]] = {
    "string": [*NEITHER, 7, 0, -1, 10**30, 1e308, [], ["x"]],
    "integer": [*NEITHER, "", "1", "x", "١", [], [1], 0, -1, 2**63, 10**30, 10**400, 1e10, 1.0],
    "boolean": [None, 1.5, {}, [], [True], "", "true", "yes", 0, 1],
    "array": [*NEITHER, "", "x", 7, [], ["x"], [7], ["\x00"], ["\ud800"], [""], ["x"] * 501],
}


def wrong_for(schema: dict[str, Any]) -> list[Any]:
    """Free words are right in a list that takes such, and none where it may be empty."""
    right = []
    if schema.get("type") == "array":
        item = schema["items"]
        is_free = item.get("type") == "string" and not {"enum", "format"} & set(item)
        right = [["x"]] * is_free + [[]] * ("minItems" not in schema)
    return [value for value in WRONG[schema.get("type", "string")] if value not in right]


@each_field
def test_a_field_of_another_type_is_named(endpoint: Endpoint, token: str, field: str) -> None:
    assert endpoint.input is not None
    schema = endpoint.input["properties"][field]
    for value in wrong_for(schema):
        answer = send_json(endpoint, token, body_with(endpoint, field, value))
        assert fields_at_fault(problem_in(answer, 400, about=value)) == {field}, value


def longest(schema: dict[str, Any]) -> int:
    """What a string may have of characters, at most; UUIDs and moments do not say."""
    if schema.get("format") == "date-time":
        return 40
    if schema.get("format") == "uuid":
        return len(UUID)
    if "enum" in schema:
        return max(map(len, schema["enum"]))
    return max(int(each.get("maxLength", 0)) for each in [schema, *schema.get("oneOf", [])])


STRINGS = [
    (endpoint, name)
    for endpoint, name in FIELDS
    if (endpoint.input or {})["properties"][name].get("type", "string") == "string"
]
each_string = pytest.mark.parametrize(
    ("endpoint", "field"), STRINGS, ids=[f"{e.name} {name}" for e, name in STRINGS]
)


@each_string
def test_a_string_that_no_text_can_be_is_named(endpoint: Endpoint, token: str, field: str) -> None:
    valid = VALID[field]
    for value in ("\x00", f"{valid}\x00", "\ud800", f"{valid}\udfff", "\ude00\ud83d"):
        answer = send_json(endpoint, token, body_with(endpoint, field, value))
        assert fields_at_fault(problem_in(answer, 400, about=value)) == {field}


@each_string
def test_a_string_that_is_too_long_is_named(endpoint: Endpoint, token: str, field: str) -> None:
    assert endpoint.input is not None
    limit = longest(endpoint.input["properties"][field])
    assert limit, "a string without a bound"
    for value in ("x" * (limit + 1), "é" * (limit + 1)):
        answer = send_json(endpoint, token, body_with(endpoint, field, value))
        assert fields_at_fault(problem_in(answer, 400)) == {field}


@each_string
def test_odd_strings_are_refused_or_kept_but_break_nothing(
    endpoint: Endpoint, token: str, field: str
) -> None:
    assert endpoint.input is not None
    room = longest(endpoint.input["properties"][field])
    # A password that might be right is hashed, which takes its time: tests of accounts do that.
    if "password" in field:
        return
    for value in (
        "🌊" * min(room, 20_000),
        "\u202e\u200b\u0301\ufffe",
        "' OR 1=1 --",
        "%s%n{0}{{7*7}}",
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "\r\nBcc: all@toby.example",
        "\x1b[2J\x07\x7f",
        "ﬁ" * min(room, 20_000),
    ):
        is_in_order(send_json(endpoint, token, body_with(endpoint, field, value)), about=value)


@each_of(WITHOUT_BODY)
def test_a_body_that_nobody_asked_for_breaks_nothing(endpoint: Endpoint, token: str) -> None:
    for body in (*MALFORMED, *DEEP, b"x" * 2 * 1024 * 1024):
        is_in_order(send(endpoint, token, body), about=body[:20])
    is_in_order(send(endpoint, token, b"a=b", content_type="application/x-www-form-urlencoded"))
    is_in_order(send(endpoint, token, b"--x", content_type="multipart/form-data; boundary=x"))


@every_endpoint
def test_who_may_not_call_it_learns_nothing_of_what_is_wrong(endpoint: Endpoint) -> None:
    """Permission comes before the body: strangers cannot make it work."""
    if endpoint.input is not None and send_json(endpoint, "", {}).status_code != 400:
        for body in (*MALFORMED, b"x" * 2 * 1024 * 1024):
            problem_in(send(endpoint, "", body), 401, "not_authenticated")


@each_with_body
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_json_makes_it_fail(endpoint: Endpoint, token: str, data: st.DataObject) -> None:
    assert endpoint.input is not None
    names = st.sampled_from(sorted(endpoint.input["properties"]))
    body = data.draw(st.dictionaries(names, json_values(), max_size=4) | json_values())
    is_in_order(send_json(endpoint, token, body), about=body)


def test_every_field_that_there_is_has_a_valid_example() -> None:
    assert {name for _, name in FIELDS} == set(VALID) | set(ALTERNATIVES)
