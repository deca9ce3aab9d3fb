"""What management commands have in common: tables, JSON, and refusals in one line."""

import io
import json
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from toby.common.command import Command as BaseCommand
from toby.common.errors import InvalidInput, NotFound, Refused

ROWS = [
    {"id": 1, "name": "Ana", "at": datetime(2026, 1, 2, tzinfo=UTC)},
    {"id": 10, "name": "", "at": None},
]


class Command(BaseCommand):
    prints_json = True
    rows: list[dict[str, object]] = []
    refuses: Refused | None = None

    def handle(self, *args: Any, **options: Any) -> None:
        if self.refuses:
            raise self.refuses
        if len(self.rows) == 1:
            self.show(self.rows[0], as_json=options["json"])
        else:
            self.table(self.rows, as_json=options["json"])


def run(rows: list[dict[str, object]], *arguments: str) -> str:
    output, command = io.StringIO(), Command()
    command.rows = rows
    call_command(command, *arguments, stdout=output)
    return output.getvalue()


def test_rows_are_an_aligned_table() -> None:
    lines = run(ROWS).splitlines()
    assert lines == [
        "id  name  at",
        "1   Ana   2026-01-02 00:00:00+00:00",
        "10        None",
    ]


def test_rows_are_a_json_list_for_programs() -> None:
    assert json.loads(run(ROWS, "--json")) == [
        {"id": 1, "name": "Ana", "at": "2026-01-02 00:00:00+00:00"},
        {"id": 10, "name": "", "at": None},
    ]


def test_one_row_is_a_json_object() -> None:
    row: dict[str, object] = {"id": UUID(int=1)}
    assert json.loads(run([row], "--json")) == {"id": str(UUID(int=1))}
    assert run([row]).splitlines() == ["id", str(UUID(int=1))]


def test_no_rows_are_none_or_an_empty_list() -> None:
    assert run([]) == "none\n"
    assert run([], "--json") == "[]\n"


@pytest.mark.parametrize(
    ("refused", "line"),
    [
        (NotFound(), "There is nothing here."),
        (Refused("Not today."), "Not today."),
        (InvalidInput(("a", "bad", "Bad."), ("b", "bad", "Worse.")), "a: Bad.; b: Worse."),
    ],
)
def test_what_is_refused_is_one_line_and_exit_code_2(refused: Refused, line: str) -> None:
    command = Command()
    command.refuses = refused
    with pytest.raises(CommandError) as error:
        call_command(command)
    assert str(error.value) == line
    assert error.value.returncode == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is told of ten steps that take a second each."""
    clock = count()
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    command = Command(stderr=stderr)
    for done in range(1, 11):
        command.progress(done, 10, "files")
    return stderr.getvalue()


def test_progress_is_one_line_that_overwrites_itself_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = told(Terminal(), monkeypatch).split("\r")
    assert lines == ["", *(f"files: {done}/10" for done in range(1, 10)), "files: 10/10\n"]


def test_elsewhere_progress_is_a_line_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(io.StringIO(), monkeypatch) == "files: 5/10\nfiles: 10/10\n"
