"""What handlers make of every event there is looks as the documents say."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from django.db import transaction
from jsonschema import Draft202012Validator

from tests.events.support import golden, golden_types
from tests.notifications.support import consume, followed, made, unfollowed
from toby.events import Event
from toby.notifications import announcements
from toby.notifications.models import Item, Kind, State
from toby.notifications.serializers import ItemOut

pytestmark = pytest.mark.django_db

# The author in golden events is 7; nobody else in them is one of these.
FOLLOWER, MODERATOR = 31, 32


@pytest.fixture
def items() -> list[dict[str, Any]]:
    """As they are shown: of each golden event by itself, and of what follows from none."""
    consume(made(MODERATOR, "moderator"), followed(FOLLOWER, 7))
    consume(followed(FOLLOWER, MODERATOR), unfollowed(FOLLOWER, MODERATOR))
    events = [golden(type).envelope().data for type in sorted(golden_types())]
    found = [item for event in events for item in made_of(event)]
    words = announcements.Announcement(name="sunday", title="Down", text="At six.", link="/status")
    announcements.tell(words, [FOLLOWER])
    return [*found, *shown()]


def made_of(event: Event) -> list[dict[str, Any]]:
    with transaction.atomic():
        consume(event)
        found = shown()
        transaction.set_rollback(True)
    return found


def shown() -> list[dict[str, Any]]:
    made = (ItemOut.of(item, "en") for item in Item.objects.all())
    return [msgspec.json.decode(msgspec.json.encode(item)) for item in made]


def described() -> dict[str, Any]:
    """The schema, but that it takes nothing that it does not name."""
    schema = msgspec.json.schema(ItemOut)
    for each in schema["$defs"].values():
        each["additionalProperties"] = False
    return schema


def test_items_of_all_kinds_are_as_described(items: list[dict[str, Any]]) -> None:
    validator = Draft202012Validator(described())
    for item in items:
        validator.validate(item)
    assert {item["kind"] for item in items} == set(Kind.values)
    assert {item["state"] for item in items} == {State.UNSEEN, State.GONE}


def test_a_field_of_data_says_which_kinds_have_it(items: list[dict[str, Any]]) -> None:
    assert having((item["kind"], item["data"]) for item in items) == said_to_have("ItemData")


def test_a_field_of_a_target_says_which_types_have_it(items: list[dict[str, Any]]) -> None:
    targets = [item["target"] for item in items if item["target"]]
    types = set(described()["$defs"]["ItemTarget"]["properties"]["type"]["enum"])
    expected = {**said_to_have("ItemTarget"), "type": types}
    assert having((target["type"], target) for target in targets) == expected


def having(parts: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for which, part in parts:
        for name in part:
            found.setdefault(name, set()).add(which)
    return found


def said_to_have(part: str) -> dict[str, set[str]]:
    fields = described()["$defs"][part]["properties"]
    told = {name: fields[name].get("description", "") for name in fields}
    return {name: set(re.findall(r"`(\w+)`", told[name])) for name in fields}
