"""What is said differently to each database, on the real one."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid1, uuid4

import pytest
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.utils import timezone

from tests.common.support import DEADLINE_S
from tests.common.test_writing import IDS, UNIQUE, insert, line
from tests.factories import make_user
from toby.common.sql import (
    MOST_TRIES,
    OneOf,
    RowIn,
    again_if_beaten,
    index_order,
    is_database_trouble,
    next_id,
)
from toby.common.uuid7 import uuid7
from toby.common.writing import insert_lines, insert_missing
from toby.consumer.models import ConsumedEvent
from toby.social.models import Post


@pytest.mark.django_db
def test_rows_are_found_by_several_columns_together() -> None:
    for consumer in ("a", "b"):
        insert_missing([line(each, consumer=consumer) for each in IDS], unique=UNIQUE)
    ids = dict(ConsumedEvent.objects.filter(consumer="a").values_list("event_id", "id"))
    rows = [("a", ids[IDS[0]]), ("c", 1)]
    found = ConsumedEvent.objects.filter(RowIn(["consumer", "id"], rows))
    assert list(found.values_list("consumer", "event_id")) == [("a", IDS[0])]
    crossed = [("b", ids[event_id]) for event_id in IDS]
    assert not ConsumedEvent.objects.filter(RowIn(["consumer", "id"], crossed)).exists()
    assert not ConsumedEvent.objects.filter(RowIn(["consumer", "id"], [])).exists()
    by_event = [(IDS[1], "b"), (IDS[2], "c"), (uuid4(), "a")]
    found = ConsumedEvent.objects.filter(RowIn(["event_id", "consumer"], by_event))
    assert list(found.values_list("consumer", "event_id")) == [("b", IDS[1])]


@pytest.mark.django_db
def test_rows_are_found_by_numbers_uuids_and_texts_whatever_these_say() -> None:
    nasty = "'); %s -- \\"
    insert_missing([line(IDS[0], consumer=nasty), line(IDS[1])], unique=UNIQUE)
    (first, second) = ConsumedEvent.objects.order_by("event_id")
    for column, values in (
        ("id", [first.pk, 10**15, -1]),
        ("event_id", [uuid4(), IDS[0]]),
        ("consumer", [nasty, "%", "d"]),
    ):
        rows = ConsumedEvent.objects.filter(OneOf(column, values))
        assert list(rows) == [first]
        assert list(ConsumedEvent.objects.exclude(OneOf(column, values))) == [second]
        assert not ConsumedEvent.objects.filter(OneOf(column, [])).exists()


@pytest.mark.django_db(transaction=True)
def test_a_session_that_was_killed_is_the_databases_trouble(elsewhere: ThreadPoolExecutor) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no sessions")
    session = elsewhere.submit(session_id).result(DEADLINE_S)
    with connection.cursor() as cursor:
        cursor.execute("KILL %s", [session])
    error = elsewhere.submit(session_id).exception(DEADLINE_S)
    assert error is not None
    assert is_database_trouble(error)


@pytest.mark.django_db(transaction=True)
def test_waiting_too_long_for_somebody_elses_lock_is_the_databases_trouble(
    elsewhere: ThreadPoolExecutor,
) -> None:
    insert(IDS)

    def impatient() -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA busy_timeout = 100")
            else:
                cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
        ConsumedEvent.objects.all().delete()

    with transaction.atomic():
        ConsumedEvent.objects.update(batch=uuid4())
        error = elsewhere.submit(impatient).exception(DEADLINE_S)
    assert error is not None
    assert is_database_trouble(error)


@pytest.mark.django_db
def test_a_statement_that_is_wrong_is_not_the_databases_trouble() -> None:
    with (
        pytest.raises((ProgrammingError, OperationalError)) as raised,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT * FROM no_such_table")
    assert not is_database_trouble(raised.value)


@pytest.mark.parametrize("code", [1205, 1213, 2002, 2003, 2006, 2013, 4031])
def test_deadlocks_waits_and_lost_connections_are_trouble_wherever_they_come_from(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toby.common.sql.connection.vendor", "mysql")
    assert is_database_trouble(OperationalError(code, "text"))


@pytest.mark.parametrize(
    ("error", "is_trouble"),
    [
        (InterfaceError(0, ""), True),
        (IntegrityError(1062, "Duplicate entry"), False),
        (DataError(1406, "Data too long"), False),
        (OperationalError(1054, "Unknown column"), False),
        (OperationalError(), False),
        (ValueError("locked"), False),
        (OSError(2006, "gone"), False),
    ],
)
def test_what_is_wrong_with_the_statement_is_told_apart(error: Exception, is_trouble: bool) -> None:
    assert is_database_trouble(error) is is_trouble


DEADLOCK = OperationalError(1213, "Deadlock found")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [IntegrityError(1062, "Duplicate entry"), DEADLOCK])
def test_one_that_was_beaten_looks_again(error: Exception) -> None:
    outcomes: list[Exception | None] = [error, error, None]
    assert again_if_beaten(partial(next_of, outcomes))
    assert not outcomes


@pytest.mark.django_db(transaction=True)
def test_one_that_is_always_beaten_is_told_in_the_end() -> None:
    outcomes: list[Exception | None] = [DEADLOCK] * MOST_TRIES
    with pytest.raises(OperationalError):
        again_if_beaten(partial(next_of, outcomes))
    assert not outcomes


@pytest.mark.django_db(transaction=True)
def test_what_else_goes_wrong_is_told_at_once() -> None:
    outcomes: list[Exception | None] = [OperationalError(1205, "Lock wait timeout"), None]
    with pytest.raises(OperationalError):
        again_if_beaten(partial(next_of, outcomes))
    assert len(outcomes) == 1


@pytest.mark.django_db
def test_part_of_a_transaction_is_not_done_again() -> None:
    """A deadlock has ended all of it."""
    outcomes: list[Exception | None] = [DEADLOCK, None]
    with pytest.raises(OperationalError), transaction.atomic():
        again_if_beaten(partial(next_of, outcomes))
    assert len(outcomes) == 1


def next_of(outcomes: list[Exception | None]) -> bool:
    outcome = outcomes.pop(0)
    if outcome:
        raise outcome
    return True


def session_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_uuids_are_sorted_as_the_index_has_them() -> None:
    ids = [make() for _ in range(30) for make in (uuid4, uuid7, uuid1)]
    insert_missing([line(one, consumer="order") for one in ids], unique=UNIQUE)
    rows = ConsumedEvent.objects.filter(consumer="order").order_by("event_id")
    assert list(rows.values_list("event_id", flat=True)) == sorted(ids, key=index_order)


@pytest.mark.django_db
def test_the_next_id_is_one_that_no_row_had_before() -> None:
    user = make_user()
    first = next_id(Post)
    for number in range(3):
        assert next_id(Post) == first + number
        post = Post.objects.create(author=user, slug=str(number), created_at=timezone.now())
        assert post.pk == first + number
    post.delete()
    assert next_id(Post) == first + 3
    insert_lines(
        Post, ["id", "author_id", "slug", "created_at"], [(first + 9, user.pk, "x", timezone.now())]
    )
    assert next_id(Post) == first + 10
