"""A batch is applied once, and what cannot be handled holds nobody up."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from tests.common.support import together
from tests.consumer.support import (
    Rows,
    done,
    failing,
    hearing,
    ledger,
    letters,
    message,
    process,
)
from toby.common.kafka import Incoming
from toby.common.request_id import current_request_id
from toby.common.sql import is_database_trouble
from toby.consumer.jobs import prune
from toby.consumer.models import ConsumedEvent, DeadLetter

pytestmark = pytest.mark.django_db


def with_header(one: Incoming, name: str, raw: bytes | None) -> Incoming:
    rest = [(key, value) for key, value in one.headers if key != name]
    return replace(one, headers=rest if raw is None else [*rest, (name, raw)])


def trouble() -> OperationalError:
    if connection.vendor == "sqlite":
        return OperationalError("database is locked")
    return OperationalError(2013, "Lost connection to server during query")


def test_a_batch_is_handled_in_its_order_and_entered_in_the_ledger() -> None:
    process(message(1), message(2), message(3))
    assert done() == [1, 2, 3]
    assert ledger() == 3
    assert not letters()


def test_a_batch_that_comes_again_changes_nothing() -> None:
    batch = [message(1), message(2)]
    process(*batch)
    process(*batch)
    process(batch[1], message(3), batch[0])
    assert done() == [1, 2, 3]
    assert ledger() == 3


def test_an_event_that_stands_twice_in_a_batch_is_handled_once() -> None:
    event_id = uuid4()
    process(message(1, event_id=event_id), message(2), message(1, event_id=event_id))
    assert done() == [1, 2]


def test_what_one_consumer_knows_another_does_not() -> None:
    one = message(1)
    process(one)
    process(one, consumer="other")
    process(one, consumer="other")
    assert done() == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_two_that_are_given_the_same_batch_at_once_handle_each_event_once_between_them() -> None:
    deadlocks = 0

    def consume(messages: list[Incoming]) -> None:
        """As the worker does: what the database refuses is tried again."""
        nonlocal deadlocks
        try:
            process(*messages)
        except OperationalError as error:
            assert is_database_trouble(error)
            deadlocks += 1
            process(*messages)

    for start in range(0, 1200, 300):
        batch = [message(number) for number in range(start, start + 300)]
        results = together([partial(consume, batch), partial(consume, batch[::-1])])
        assert results == [None, None]
    # The ledger's lines are sorted so that this stays rare; it costs a retry, no more.
    assert deadlocks <= 1
    assert sorted(done()) == list(range(1200))
    assert ledger() == 1200
    assert not letters()


def test_a_poison_message_is_put_aside_with_its_error_and_the_others_are_handled_in_order() -> None:
    poison = message(2)
    with failing(2, ValueError("cannot digest this")):
        process(message(1), poison, message(3), message(4))
    assert done() == [1, 3, 4]
    (letter,) = letters()
    assert letter.error == "ValueError('cannot digest this')"
    assert (letter.topic, letter.partition, letter.offset) == (
        poison.topic,
        poison.partition,
        poison.offset,
    )
    assert (letter.key, bytes(letter.value or b"")) == (poison.key, poison.value)
    assert {name: raw.encode("latin-1") for name, raw in letter.headers} == dict(poison.headers)
    assert f"{letter.event_id}".encode() == dict(poison.headers)["ce_id"]


def test_a_poison_message_alone_is_put_aside_as_well() -> None:
    with failing(1, KeyError("x")):
        process(message(1))
    assert (done(), len(letters())) == ([], 1)


def test_a_poison_message_that_comes_again_is_one_letter_and_is_not_tried_again() -> None:
    one = message(1)
    with failing(1, ValueError()):
        process(one)
    process(one)
    process(one, message(2))
    assert (done(), len(letters())) == ([2], 1)


@pytest.mark.parametrize("error", [IntegrityError(1062, "twice"), DataError(1406, "too long")])
def test_an_error_that_is_the_statements_fault_is_the_messages_too(error: Exception) -> None:
    with failing(1, error):
        process(message(1), message(2))
    assert (done(), len(letters())) == ([2], 1)


def test_what_fails_only_when_it_is_written_is_found_out_as_well() -> None:
    too_long = [message(1), message(2)]

    def make_it_too_long(self: Rows) -> None:
        if 1 in self.numbers:
            raise DataError(1406, "Data too long")
        flush(self)

    flush = Rows.flush
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rows, "flush", make_it_too_long)
        process(*too_long)
    assert (done(), len(letters())) == ([2], 1)


def test_an_error_of_any_length_and_language_is_kept() -> None:
    with failing(1, ValueError("ž" * 100_000)):
        process(message(1))
    assert len(letters()[0].error) == 4000


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"x": ' + b"[" * 100_000 + b"}"]
)
def test_a_message_whose_data_cannot_be_read_is_put_aside(value: bytes | None) -> None:
    bad = replace(message(1), value=value)
    process(message(2), bad, message(3))
    assert done() == [2, 3]
    (letter,) = letters()
    assert letter.event_id is not None
    assert letter.error
    assert (None if letter.value is None else bytes(letter.value)) == value
    process(bad)
    assert len(letters()) == 1


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("ce_id", None),
        ("ce_id", b"\xff"),
        ("ce_type", None),
        ("ce_time", b"0001-01-01T00:00:00+23:59"),
        ("ce_specversion", b"9"),
    ],
)
def test_a_message_whose_headers_cannot_be_read_is_put_aside_once(
    name: str, raw: bytes | None
) -> None:
    bad = with_header(message(1), name, raw)
    process(bad, message(2))
    process(bad)
    assert (done(), len(letters())) == ([2], 1)
    assert (letters()[0].event_id is None) == (name == "ce_id")


def test_a_message_that_is_no_event_at_all_is_put_aside() -> None:
    process(Incoming(topic="t", partition=1, offset=2, key="", value=b"hello", headers=[]))
    assert bytes(letters()[0].value or b"") == b"hello"


def test_two_unreadable_messages_are_two_letters() -> None:
    bad = replace(message(1), value=b"{")
    process(bad, replace(bad, offset=bad.offset + 1))
    assert len(letters()) == 2


def test_an_event_of_a_type_not_known_here_is_passed_over_but_entered() -> None:
    newer = with_header(message(1), "ce_type", b"social.user_unfollowed.v2")
    process(newer, message(2))
    assert (done(), ledger(), letters()) == ([2], 2, [])


def test_an_event_that_nobody_here_handles_leaves_no_trace_and_asks_nothing_of_the_database() -> (
    None
):
    from tests.events.support import golden

    file = golden("social.post_rejected.v1")
    one = replace(message(1), headers=file.raw_headers(), value=file.envelope().data.to_json())
    with CaptureQueriesContext(connection) as captured:
        process(one)
    assert not captured.captured_queries
    process(one, message(2))
    assert (done(), ledger(), letters()) == ([2], 1, [])


def test_trouble_with_the_database_is_let_through_and_changes_nothing() -> None:
    with failing(2, trouble()), pytest.raises(OperationalError):
        process(message(1), message(2))
    assert (done(), ledger(), letters()) == ([], 0, [])


def test_trouble_with_the_database_buries_nobody_while_a_poison_message_is_sought() -> None:
    batch = [message(1), message(2), message(3)]
    with failing(2, ValueError()), pytest.raises(OperationalError):
        tries = []

        def hear(number: int) -> None:
            tries.append(number)
            if tries.count(1) == 2 and number == 1:
                raise trouble()

        with hearing(hear):
            process(*batch)
    assert letters() == []
    with failing(2, ValueError()):
        process(*batch)
    assert (done(), len(letters())) == ([1, 3], 1)


def test_an_empty_batch_is_done() -> None:
    process()
    assert ledger() == 0


def test_what_follows_a_commit_is_done_after_it_and_its_failure_harms_nobody(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(Rows, "committed_batches", [])
    monkeypatch.setattr(Rows, "after_commit", staticmethod(fail))
    with django_capture_on_commit_callbacks() as callbacks:
        process(message(1), message(2))
        assert Rows.committed_batches == []
    assert len(callbacks) == 1
    assert done() == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_a_hint_that_cannot_be_given_does_not_undo_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(Rows, "committed_batches", [])
    monkeypatch.setattr(Rows, "after_commit", staticmethod(fail))
    process(message(1), message(2))
    with failing(3, ValueError()):
        process(message(3), message(4))
    assert done() == [1, 2, 4]
    assert Rows.committed_batches == [[1, 2], [4]]


def test_the_request_id_of_an_event_holds_while_it_is_handled() -> None:
    heard: list[str] = []
    with hearing(lambda number: heard.append(current_request_id())):
        process(message(1, request_id="abcdef-1"), message(2), message(3, request_id="abcdef-3"))
    assert heard == ["abcdef-1", "", "abcdef-3"]
    assert current_request_id() == ""


def test_only_what_nothing_can_bring_back_is_pruned_from_the_ledger() -> None:
    process(message(1), message(2))
    newest = ConsumedEvent.objects.latest("id")
    old = timezone.now() - timedelta(days=61)
    ConsumedEvent.objects.exclude(id=newest.id).update(consumed_at=old)
    assert prune() == 1
    assert ConsumedEvent.objects.get() == newest


def test_an_open_letters_event_stays_in_the_ledger_until_it_is_retried() -> None:
    one = message(1)
    with failing(1, ValueError()):
        process(one)
    assert ledger() == DeadLetter.objects.count() == 1
