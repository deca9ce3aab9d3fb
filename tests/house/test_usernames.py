"""Who can be mentioned is who can register: the rule stands in two services."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toby.accounts.serializers import USERNAME
from toby.social.rendering import render


def can_register(name: str) -> bool:
    return 3 <= len(name) <= 30 and re.fullmatch(USERNAME, name) is not None


def is_mentioned(name: str) -> bool:
    return render(f"Says @{name} .").mentions == (name.casefold(),)


@pytest.mark.parametrize(
    "name",
    ["ana", "an", "a" * 30, "a" * 31, "a-b", "a_b", "-ab", "ab-", "_ab", "A9z", "a--b", "á" * 3],
)
def test_a_name_is_mentioned_if_it_can_be_had(name: str) -> None:
    assert is_mentioned(name) == can_register(name)


@given(st.text("abZ09-_", min_size=1, max_size=32))
def test_so_is_any_other(name: str) -> None:
    assert is_mentioned(name) == can_register(name)
