"""JSON as a database gives it back, of the fields of a real table."""

from typing import Any

import pytest
from django.utils import timezone

from toby.common.fields import JSONField
from toby.notifications.models import Item, Kind

pytestmark = pytest.mark.django_db

EXAMPLES = [
    {},
    [],
    "",
    '„ž“ " \\ \n \x00 😀',
    0,
    -1,
    2**63,
    0.1,
    1e300,
    True,
    [None, {"a": [1]}],
    {"ž": "ž"},
]


def item(data: Any, actor: Any) -> Item:
    now = timezone.now()
    return Item.objects.create(
        recipient_id=1,
        kind=Kind.FOLLOWED,
        group_key=str(now),
        seq=1,
        content_seq=1,
        actor=actor,
        target={},
        data=data,
        created_at=now,
        updated_at=now,
    )


@pytest.mark.parametrize("value", EXAMPLES)
def test_what_was_written_is_read(value: Any) -> None:
    pk = item(value, None).pk
    found = Item.objects.get(pk=pk)
    assert (found.data, found.actor) == (value, None)
    assert type(found.data) is type(value)


def test_it_is_djangos_own_in_migrations() -> None:
    field = Item._meta.get_field("data")
    assert isinstance(field, JSONField)
    assert field.deconstruct()[1] == "django.db.models.JSONField"
