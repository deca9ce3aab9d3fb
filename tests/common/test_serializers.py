"""What input serializers take and what they do not take for something else."""

from typing import Any

import pytest
from rest_framework.exceptions import ErrorDetail

from tests.factories import Caller
from toby.common.serializers import In, Text, Whole


class ThingIn(In):
    name = Text(max_length=5)
    count = Whole(required=False)


def errors(data: Any) -> dict[str, list[ErrorDetail]]:
    given = ThingIn(data=data)
    assert not given.is_valid()
    return dict(given.errors)


def test_what_is_declared_is_taken() -> None:
    given = ThingIn(data={"name": " Ana ", "count": 2**63 - 1})
    assert given.is_valid()
    assert given.validated_data == {"name": "Ana", "count": 2**63 - 1}


def test_a_field_that_is_not_declared_is_refused_and_named() -> None:
    found = errors({"name": "Ana", "naem": "Ana", "count": 1})
    assert [detail.code for detail in found["naem"]] == ["unknown_field"]
    assert list(found) == ["naem"]


def test_unknown_fields_do_not_make_an_answer_without_bound() -> None:
    found = errors({f"{'x' * 1000}{number}": 1 for number in range(1000)})
    assert all(len(name) <= 100 for name in found)
    assert len(found) <= 20


@pytest.mark.parametrize("data", [None, [], "text", 1, [{"name": "Ana"}]])
def test_what_is_no_object_is_refused(data: Any) -> None:
    assert "non_field_errors" in errors(data)


@pytest.mark.parametrize("value", [1, 1.5, True, False, None, [], {}, ["a"]])
def test_only_text_is_text(value: Any) -> None:
    assert "name" in errors({"name": value})


@pytest.mark.parametrize("value", ["", "   ", "longer", "a\x00b", "\ud800"])
def test_text_is_bounded_and_holds_nothing_that_cannot_be_stored(value: str) -> None:
    assert "name" in errors({"name": value})


@pytest.mark.parametrize("value", ["1", 1.0, 1.5, True, None, [], 0, -1, 2**63, 10**400, 1e999])
def test_only_a_whole_number_that_fits_a_column_is_whole(value: Any) -> None:
    assert "count" in errors({"name": "Ana", "count": value})


def test_a_whole_numbers_bounds_can_be_set() -> None:
    field = Whole(min_value=0, max_value=3)
    assert [field.run_validation(number) for number in (0, 3)] == [0, 3]


def test_a_field_whose_name_cannot_be_written_is_refused_like_any_other() -> None:
    body = rb'{"\ud800": 1, "refresh_token": "x"}'
    response = Caller().client.generic(
        "POST", "/api/v1/auth/refresh", data=body, content_type="application/json"
    )
    assert response.status_code == 400
