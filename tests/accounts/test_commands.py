"""What operators do to accounts: roles and sessions."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.accounts.support import is_let_in, role_events
from tests.factories import access_token, make_user
from toby.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def run(*command: str) -> Any:
    printed = StringIO()
    call_command(*command, "--json", stdout=printed)
    return json.loads(printed.getvalue())


def test_a_role_is_given_and_can_be_tried_first(ana: User) -> None:
    assert run("set_role", "ana", "moderator", "--dry-run")["is"] == "user"
    assert User.objects.get().roles == ()
    row = run("set_role", "ANA", "moderator")
    assert (row["was"], row["is"]) == ("user", "moderator")
    assert User.objects.get().roles == ("moderator",)


def test_who_has_a_role_is_announced_as_often_as_asked_and_can_be_tried_first(ana: User) -> None:
    make_user("ben", role="moderator")
    make_user("cleo", role="admin")
    rows = [
        {"username": "ben", "role": "moderator"},
        {"username": "cleo", "role": "admin"},
    ]
    assert run("announce_roles", "--dry-run") == rows
    assert role_events() == []
    assert run("announce_roles") == run("announce_roles") == rows
    told = role_events()
    assert [event.role for event in told] == ["moderator", "admin"] * 2
    assert told[2:] == told[:2]


def test_sessions_are_listed_and_ended(ana: User) -> None:
    tokens = [access_token(ana) for _ in range(2)]
    assert len(run("sessions", "list", "ana")) == 2
    run("sessions", "revoke", "ana", "--dry-run")
    assert all(is_let_in(token) for token in tokens)
    assert len(run("sessions", "revoke", "ana")) == 2
    assert not any(is_let_in(token) for token in tokens)
    assert run("sessions", "list", "ana") == []


@pytest.mark.parametrize("command", [("set_role", "nobody-x", "user"), ("sessions", "list", "no")])
def test_who_is_not_there_is_told_in_one_line(command: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command(*command, stdout=StringIO())
    assert refused.value.returncode == 2
