"""Reading the environment: typed, or the process ends with one line that says what is wrong."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toby.settings import environment
from toby.settings.environment import database, flag, long_key, mail, origin, positive, read, words

ROOT = Path(__file__).resolve().parents[2]
NAME = "TOBY_SOMETHING"


def stopped(
    capsys: pytest.CaptureFixture[str], parse: Callable[[str], object] = positive, **options: Any
) -> str:
    """What is said when `read` ends the process."""
    with pytest.raises(SystemExit) as ended:
        read(NAME, parse, like="6", **options)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.strip()


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_missing_or_empty_is_named(
    value: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(NAME, raising=False)
    if value is not None:
        monkeypatch.setenv(NAME, value)
    assert stopped(capsys) == "toby: TOBY_SOMETHING is not set; it should look like 6"


def test_a_variable_that_has_a_default_may_be_missing_but_not_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read(NAME, positive, like="6", default=4) == 4
    monkeypatch.setenv(NAME, "5")
    assert read(NAME, positive, like="6", default=4) == 5
    monkeypatch.setenv(NAME, "five")
    line = stopped(capsys, default=4)
    assert line == "toby: TOBY_SOMETHING cannot be read; it should look like 6"


WRONG: list[tuple[Callable[[str], object], str]] = [
    (flag, "maybe"),
    (flag, "2"),
    (positive, "0"),
    (positive, "-1"),
    (positive, "1.5"),
    (positive, "ten"),
    (long_key, "hunter2"),
    (environment.redis_url, "http://127.0.0.1"),
    (environment.redis_url, "127.0.0.1:6379"),
    (origin, "toby.example"),
    (origin, "ftp://toby.example"),
    (origin, "https://"),
    (origin, "https://toby.example/path"),
    (origin, "https://[::1"),
    (mail, "imap://host"),
    (mail, "smtp://"),
    (mail, "smtp://host:port"),
    (mail, "file:"),
    (database, "toby"),
    (database, "oracle://u:p@host/toby"),
    (database, "postgres://u:p@host/toby"),
    (database, "mysql://u:p@host:port/toby"),
]


@pytest.mark.parametrize(("parse", "value"), WRONG)
def test_a_wrong_value_is_told_in_one_line_without_showing_it(
    parse: Callable[[str], object],
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(NAME, value)
    line = stopped(capsys, parse)
    assert line == "toby: TOBY_SOMETHING cannot be read; it should look like 6"


@pytest.mark.parametrize(
    ("parse", "value", "result"),
    [
        (flag, "1", True),
        (flag, "Yes", True),
        (flag, " off ", False),
        (words, "a, b,,c ", ["a", "b", "c"]),
        (positive, "6", 6),
        (long_key, "k" * 32, "k" * 32),
        (origin, "https://toby.example/", "https://toby.example"),
        (origin, "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        (environment.redis_url, "rediss://h:1/2", "rediss://h:1/2"),
    ],
)
def test_a_right_value_is_typed(parse: Callable[[str], object], value: str, result: object) -> None:
    assert parse(value) == result


def test_a_mail_address_holds_all_that_smtp_needs() -> None:
    found = mail("smtp+tls://me%40x:p%2Fw@mail.example:587")
    assert found["EMAIL_HOST"] == "mail.example"
    assert found["EMAIL_PORT"] == 587
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("me@x", "p/w")
    assert found["EMAIL_USE_TLS"] is True
    assert mail("smtp://host")["EMAIL_PORT"] == 25
    assert mail("file:///tmp/mail")["EMAIL_FILE_PATH"] == Path("/tmp/mail")


def test_a_mysql_database_reads_what_is_committed_and_is_strict() -> None:
    found = database("mysql://toby:p%40ss@db:3307/toby")
    assert (found["HOST"], found["PORT"], found["PASSWORD"]) == ("db", 3307, "p@ss")
    assert found["OPTIONS"]["isolation_level"] == "read committed"
    assert "STRICT_ALL_TABLES" in found["OPTIONS"]["init_command"]


def test_an_sqlite_database_waits_for_its_turn_to_write() -> None:
    options = database("sqlite:////tmp/toby.sqlite3")["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]


@pytest.mark.parametrize(
    ("service", "changes", "named"),
    [
        ("social", {"DATABASE_URL": None}, "DATABASE_URL is not set"),
        ("accounts", {"TOBY_SECRET_KEY": "short"}, "TOBY_SECRET_KEY cannot be read"),
        ("accounts", {"TOBY_TOKEN_KEY": None}, "TOBY_TOKEN_KEY is not set"),
        ("notifications", {"NOTIFICATIONS_DATABASE_URL": None}, "NOTIFICATIONS_DATABASE_URL is"),
        ("notifications", {"REDIS_URL": "localhost"}, "REDIS_URL cannot be read"),
    ],
)
def test_a_service_with_a_wrong_environment_does_not_start_and_says_why_in_one_line(
    service: str, changes: dict[str, str | None], named: str
) -> None:
    code, out, err = manage(f"toby.settings.{service}", changes)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith(f"toby: {named}")
    assert "should look like" in err
    assert "short" not in err


def test_without_settings_nothing_starts_and_the_line_says_which_there_are() -> None:
    code, _, err = manage(None, {})
    assert code == 2
    assert err.count("\n") == 1
    assert "DJANGO_SETTINGS_MODULE" in err
    assert "toby.settings.social" in err


def manage(settings: str | None, changes: dict[str, str | None]) -> tuple[int, str, str]:
    """Runs `manage.py check`: its exit code, output and errors."""
    wanted: dict[str, str | None] = {
        **os.environ,
        "NOTIFICATIONS_DATABASE_URL": "sqlite:////tmp/never-made.sqlite3",
        "DJANGO_SETTINGS_MODULE": settings,
        **changes,
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={name: value for name, value in wanted.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
