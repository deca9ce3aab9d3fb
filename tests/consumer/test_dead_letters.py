"""The command that lists dead letters and tries them again."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.consumer.support import (
    CONSUMER,
    Rows,
    done,
    failing,
    ledger,
    letters,
    message,
    process,
)
from toby.consumer.models import DeadLetter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _our_consumer(settings: Settings) -> None:
    settings.CONSUMERS = {CONSUMER: "tests.consumer.support.handlers"}


@pytest.fixture
def two_letters() -> list[DeadLetter]:
    with failing(1, ValueError("one")), failing(2, ValueError("two")):
        process(message(1), message(2), message(3))
    return letters()


def run(*arguments: str) -> list[dict[str, Any]]:
    printed = io.StringIO()
    call_command("dead_letters", *arguments, "--json", stdout=printed)
    return list(json.loads(printed.getvalue()))


def test_letters_are_listed_with_their_errors(two_letters: list[DeadLetter]) -> None:
    rows = run("list")
    assert [row["id"] for row in rows] == [letter.pk for letter in two_letters]
    assert [row["error"] for row in rows] == ["ValueError('one')", "ValueError('two')"]
    assert [row["event"] for row in rows] == [str(letter.event_id) for letter in two_letters]
    assert done() == [3]


def test_people_get_a_table_or_none() -> None:
    printed = io.StringIO()
    call_command("dead_letters", "list", stdout=printed)
    assert printed.getvalue() == "none\n"


def test_retrying_handles_what_can_be_handled_now_and_only_once(
    two_letters: list[DeadLetter],
) -> None:
    assert [row["result"] for row in run("retry")] == ["handled", "handled"]
    assert done() == [3, 1, 2]
    assert letters() == []
    assert run("retry") == []
    assert done() == [3, 1, 2]
    assert ledger() == 3


def test_what_is_retried_asks_nothing_of_kafka_where_no_chunks_come_of_it(
    two_letters: list[DeadLetter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("toby.consumer.fanout.producer")
    assert [row["result"] for row in run("retry")] == ["handled", "handled"]


def test_an_event_that_was_retried_and_comes_again_is_known() -> None:
    one = message(1)
    with failing(1, ValueError()):
        process(one)
    run("retry")
    process(one)
    assert done() == [1]
    assert letters() == []


def test_a_dry_run_says_what_would_be_done_and_does_nothing(two_letters: list[DeadLetter]) -> None:
    assert [row["result"] for row in run("retry", "--dry-run")] == ["would be retried"] * 2
    assert done() == [3]
    assert letters() == two_letters


def test_only_the_letters_that_are_named_are_retried(two_letters: list[DeadLetter]) -> None:
    (row,) = run("retry", str(two_letters[1].pk))
    assert row["id"] == two_letters[1].pk
    assert done() == [3, 2]
    assert letters() == two_letters[:1]


def test_what_fails_again_stays_and_the_command_says_so(two_letters: list[DeadLetter]) -> None:
    printed = io.StringIO()
    with failing(1, ValueError("still")), pytest.raises(CommandError) as error:
        call_command("dead_letters", "retry", "--json", stdout=printed)
    assert error.value.returncode == 1
    assert [row["result"] for row in json.loads(printed.getvalue())] == [
        "failed again: ValueError('still')",
        "handled",
    ]
    assert letters() == two_letters[:1]
    assert done() == [3, 2]
    assert ledger() == 3


def test_what_cannot_be_read_fails_again(two_letters: list[DeadLetter]) -> None:
    process(replace(message(4), value=b"{"))
    unreadable = letters()[-1]
    with pytest.raises(CommandError):
        run("retry", str(unreadable.pk))
    assert unreadable in letters()


def test_a_letter_that_is_not_there_is_refused_with_exit_code_2(
    two_letters: list[DeadLetter],
) -> None:
    with pytest.raises(CommandError, match="no open letter: 999999") as error:
        run("retry", "999999", str(two_letters[0].pk))
    assert error.value.returncode == 2
    assert letters() == two_letters


def test_another_consumers_letters_are_not_touched(two_letters: list[DeadLetter]) -> None:
    with failing(1, ValueError()):
        process(message(1), consumer="other")
    assert len(run("list")) == 2
    run("retry")
    assert [letter.consumer for letter in letters()] == ["other"]


@pytest.mark.django_db(transaction=True)
def test_a_retry_whose_work_cannot_be_written_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with failing(1, ValueError()):
        process(message(1))
    before = letters(), ledger()

    def fail(rows: Rows) -> None:
        raise RuntimeError

    monkeypatch.setattr(Rows, "flush", fail)
    with pytest.raises(CommandError):
        run("retry")
    assert (letters(), ledger()) == before
