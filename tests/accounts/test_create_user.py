"""The command that makes accounts for operators."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from deploy.local.stack import Stack
from tests.accounts.support import LOGIN, PASSWORD
from tests.factories import Caller, make_user, open_session
from toby.accounts.models import User
from toby.common.session_store import principal_of

pytestmark = pytest.mark.usefixtures("redis", "db")

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, email: str = "ana@toby.example", username: str = "ana") -> str:
    printed = io.StringIO()
    call_command(
        "create_user", "--email", email, "--username", username, *arguments, stdout=printed
    )
    return printed.getvalue()


def refusal(*arguments: str, **who: str) -> str:
    with pytest.raises(CommandError) as refused:
        run(*arguments, **who)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_it_makes_an_account_that_can_log_in_and_has_the_role() -> None:
    login = json.loads(run("--role", "moderator", "--json"))
    assert set(login) == {"email", "username", "password"}
    answer = Caller().post(LOGIN, {"email": login["email"], "password": login["password"]})
    assert answer.body["user"]["roles"] == ["moderator"]


def test_it_prints_a_table_for_people() -> None:
    names, values = run().splitlines()
    assert names.split() == ["email", "username", "password"]
    assert values.split()[:2] == ["ana@toby.example", "ana"]


def test_a_dry_run_says_what_it_would_do_and_does_nothing() -> None:
    assert run("--dry-run") == "would create the account\n"
    assert not User.objects.exists()
    ana = make_user("ana", password=PASSWORD)
    assert run("--dry-run", "--reset-password") == "would reset the password\n"
    assert User.objects.get().password == ana.password


def test_an_account_that_is_there_is_left_alone_unless_asked() -> None:
    make_user("ana")
    assert "--reset-password" in refusal(email="ANA@toby.example")
    assert User.objects.count() == 1


def test_resetting_gives_a_new_password_and_role_and_ends_sessions() -> None:
    ana = make_user("ana", password=PASSWORD)
    session = open_session(ana)
    login = json.loads(run("--reset-password", "--role", "admin", "--json"))
    assert principal_of(session.access) is None
    assert Caller().post(LOGIN, {"email": ana.email, "password": PASSWORD}).status == 401
    answer = Caller().post(LOGIN, {"email": ana.email, "password": login["password"]})
    assert answer.body["user"]["roles"] == ["admin"]


def test_a_username_that_is_taken_is_told_in_one_line() -> None:
    make_user("ana")
    assert refusal(email="other@toby.example") == "This username is taken."


@pytest.mark.parametrize(
    ("who", "field"),
    [
        ({"email": "not an address"}, "email"),
        ({"username": "has spaces!"}, "username"),
        ({"username": "x" * 100}, "username"),
    ],
)
def test_what_nobody_could_register_with_is_told_in_one_line(
    who: dict[str, str], field: str
) -> None:
    for arguments in ((), ("--dry-run",)):
        assert refusal(*arguments, **who).startswith(f"{field}: ")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--email", "ana@toby.example"), "--username"),
        (("--email", "a@b.example", "--username", "ana", "--role", "king"), "invalid choice"),
    ],
)
def test_a_shell_gets_exit_code_2_and_no_traceback(
    stack: Stack, arguments: tuple[str, ...], told: str
) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "create_user", *arguments],
        cwd=ROOT,
        env=stack.env_for("accounts"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
