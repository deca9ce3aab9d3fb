"""What is said differently to each database, on the real one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import product
from threading import Event
from typing import Any
from uuid import UUID, uuid4

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
from django.db.models import UUIDField, Value
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.common.support import DEADLINE_S, together, until_it_is_let
from tests.factories import make_user
from toby.common.sql import (
    MOST_TRIES,
    ROWS_A_STATEMENT,
    OneOf,
    RowIn,
    again_if_beaten,
    index_order,
    insert_all,
    insert_lines,
    insert_missing,
    insert_missing_of,
    is_database_trouble,
    made,
    next_id,
    upsert,
)
from toby.common.sql import insert as insert_row
from toby.common.sql import update as update_row
from toby.consumer.models import ConsumedEvent
from toby.notifications.models import Item
from toby.outbox.models import OutboxEvent
from toby.social.models import Post

IDS = [UUID(int=number) for number in range(1, 6)]
UNIQUE = ["consumer", "event_id"]


def line(event_id: Any, *, batch: UUID | None = None, consumer: str = "c") -> ConsumedEvent:
    return ConsumedEvent(
        consumer=consumer, event_id=event_id, batch=batch or uuid4(), consumed_at=timezone.now()
    )


def insert(ids: list[UUID]) -> UUID:
    """Inserts what is missing of `ids` and returns the batch that tags them."""
    batch = uuid4()
    insert_missing([line(event_id, batch=batch) for event_id in ids], unique=UNIQUE)
    return batch


def ids_of(batch: UUID) -> set[UUID]:
    return set(ConsumedEvent.objects.filter(batch=batch).values_list("event_id", flat=True))


@pytest.mark.django_db
def test_only_what_is_missing_is_inserted_and_what_is_there_is_not_touched() -> None:
    first = insert(IDS[:2])
    second = insert(IDS)
    assert ids_of(first) == set(IDS[:2])
    assert ids_of(second) == set(IDS[2:])


@pytest.mark.django_db
def test_a_key_that_stands_twice_in_one_call_is_inserted_once() -> None:
    assert ids_of(insert([IDS[0], IDS[0]])) == {IDS[0]}
    assert ConsumedEvent.objects.count() == 1


@pytest.mark.django_db
def test_a_row_is_inserted_and_updated_as_the_orm_does(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    now = timezone.now()
    given: dict[str, Any] = {
        "event_id": IDS[0],
        "type": "t",
        "topic": "é✱",
        "key": "k",
        "data": b"\x00\xff",
    }
    with django_assert_num_queries(1):
        row = insert_row(OutboxEvent(**given, occurred_at=now))
    saved = OutboxEvent.objects.create(**{**given, "event_id": IDS[1]}, occurred_at=now)
    read, as_saved = (OutboxEvent.objects.filter(pk=one.pk).values()[0] for one in (row, saved))
    assert {**read, "id": 0, "event_id": 0} == {**as_saved, "id": 0, "event_id": 0}
    row.key, row.published_at, row.type = "other", now, "not written"
    with django_assert_num_queries(1):
        update_row(row, "key", "published_at")
    read = OutboxEvent.objects.filter(pk=row.pk).values()[0]
    assert (read["key"], read["published_at"], read["type"]) == ("other", now, "t")
    row.type = "saved"
    row.save()
    assert OutboxEvent.objects.filter(type="saved").count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_row(OutboxEvent(**given, occurred_at=now))


@pytest.mark.django_db
def test_nothing_is_inserted_of_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        insert_missing([], unique=UNIQUE)


@pytest.mark.django_db
def test_what_is_missing_of_another_tables_rows_is_inserted_in_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for event_id in IDS:
        OutboxEvent.objects.create(event_id=event_id, data=b"", occurred_at=timezone.now())
    batch, first = uuid4(), insert(IDS[:1])
    rows = OutboxEvent.objects.filter(event_id__in=IDS)
    names = ["consumer", "event_id", "batch", "consumed_at"]

    def lines(consumer: str) -> Any:
        batches = Value(batch, output_field=UUIDField())
        return rows.values_list(Value(consumer), "event_id", batches, "occurred_at")

    with django_assert_num_queries(1):
        insert_missing_of(ConsumedEvent, names, lines("c"), unique=UNIQUE)
    assert ids_of(first) == set(IDS[:1])
    assert ids_of(batch) == set(IDS[1:])
    if connection.vendor == "mysql":
        with pytest.raises(DataError), transaction.atomic():
            insert_missing_of(ConsumedEvent, names, lines("x" * 51), unique=UNIQUE)


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


@pytest.mark.django_db
def test_many_rows_are_a_statement_for_every_500(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(3):
        batch = insert([uuid4() for _ in range(2 * ROWS_A_STATEMENT + 1)])
    assert len(ids_of(batch)) == 2 * ROWS_A_STATEMENT + 1


@pytest.mark.django_db
def test_an_empty_column_is_an_error_and_not_hidden() -> None:
    with pytest.raises((IntegrityError, OperationalError)), transaction.atomic():
        insert_missing([line(None)], unique=UNIQUE)


@pytest.mark.django_db
def test_text_that_does_not_fit_is_an_error_and_not_cut() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no lengths")
    with pytest.raises(DataError), transaction.atomic():
        insert_missing([line(IDS[0], consumer="x" * 51)], unique=UNIQUE)
    assert not ConsumedEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_that_insert_the_same_at_once_each_row_has_one_winner() -> None:
    def one() -> UUID:
        with transaction.atomic():
            return insert(sorted(IDS))

    batches = together([partial(until_it_is_let, one)] * 4)
    for batch in batches:
        assert isinstance(batch, UUID), batch
    won = [ids_of(batch) for batch in batches if isinstance(batch, UUID)]
    assert sorted(sum((list(ids) for ids in won), [])) == IDS


@pytest.mark.parametrize("commits", [True, False])
@pytest.mark.django_db(transaction=True)
def test_whoever_comes_second_waits_for_the_first_to_commit_or_give_up(
    elsewhere: ThreadPoolExecutor, commits: bool
) -> None:
    inserted, may_end = Event(), Event()

    def first() -> UUID:
        with transaction.atomic():
            batch = insert(IDS)
            inserted.set()
            assert may_end.wait(DEADLINE_S)
            transaction.set_rollback(not commits)
        return batch

    running = elsewhere.submit(first)
    assert inserted.wait(DEADLINE_S)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(closing(lambda: insert(IDS)))
        with pytest.raises(TimeoutError):
            second.result(0.3)
        may_end.set()
        batches = running.result(DEADLINE_S), second.result(DEADLINE_S)
    assert [len(ids_of(batch)) for batch in batches] == ([5, 0] if commits else [0, 5])


@pytest.mark.django_db
def test_upsert_inserts_and_sets_only_what_it_is_told_on_what_is_there() -> None:
    before = timezone.now() - timedelta(days=1)
    old = insert(IDS[:1])
    ConsumedEvent.objects.update(consumed_at=before)
    new = uuid4()
    upsert(
        [line(event_id, batch=new) for event_id in IDS[:2]],
        unique=UNIQUE,
        update=["consumed_at"],
    )
    assert (ids_of(old), ids_of(new)) == ({IDS[0]}, {IDS[1]})
    assert not ConsumedEvent.objects.filter(consumed_at=before).exists()
    upsert([line(IDS[0], batch=new)], unique=UNIQUE, update=["batch"])
    assert ids_of(new) == set(IDS[:2])


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


def closing(call: Callable[[], UUID]) -> Callable[[], UUID]:
    def closed() -> UUID:
        try:
            return call()
        finally:
            connection.close()

    return closed


@pytest.mark.django_db
def test_uuids_are_sorted_as_the_index_has_them() -> None:
    ids = [uuid4() for _ in range(30)]
    insert_missing([line(one, consumer="order") for one in ids], unique=UNIQUE)
    rows = ConsumedEvent.objects.filter(consumer="order").order_by("event_id")
    assert list(rows.values_list("event_id", flat=True)) == sorted(ids, key=index_order)


@pytest.mark.django_db
def test_many_lines_are_inserted_as_the_orm_would(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    user = make_user()
    now = timezone.now()
    names = ["author_id", "slug", "tags", "created_at"]
    lines = ((user.pk, f"slug-{n}", ["é", n], now) for n in range(ROWS_A_STATEMENT + 1))
    with django_assert_num_queries(2):
        insert_lines(Post, names, lines)
    Post.objects.create(author=user, slug="orm", tags=["é", 0], created_at=now)
    first, orm = (Post.objects.filter(slug=slug).values().get() for slug in ("slug-0", "orm"))
    assert {**first, "id": 0, "slug": ""} == {**orm, "id": 0, "slug": ""}
    assert Post.objects.count() == ROWS_A_STATEMENT + 2


@pytest.mark.django_db
def test_whatever_is_in_many_rows_comes_back_as_it_was() -> None:
    texts = ["", "'", '"', "\\", "\\'", "%s %(a)s %%", "\0\n\r\x1a", "; --", "日本 \U0001f600", "?"]
    blobs = [text.encode() for text in texts] + [bytes(range(256))]
    rows = [
        OutboxEvent(
            event_id=uuid4(), type=text, topic="t", key="%s", data=blob, occurred_at=timezone.now()
        )
        for text, blob in product(texts, blobs)
    ]
    insert_all(rows)
    found = OutboxEvent.objects.values_list("event_id", "type", "data")
    kept = {event_id: (text, bytes(data)) for event_id, text, data in found}
    assert kept == {row.event_id: (row.type, row.data) for row in rows}


@pytest.mark.django_db
def test_rows_that_are_made_are_as_the_model_makes_them() -> None:
    given = {"consumer": "c", "event_id": IDS[0], "batch": IDS[1], "consumed_at": timezone.now()}
    made_row = made(ConsumedEvent, **given)
    usual = ConsumedEvent(**given)
    assert set(vars(made_row)) == set(vars(usual))
    values = ("id", *given)
    assert [getattr(made_row, name) for name in values] == [getattr(usual, name) for name in values]
    insert_all([made_row])
    assert ConsumedEvent.objects.get().batch == IDS[1]


@pytest.mark.parametrize("wrong", [{"no_column": 1}, {"id": None, "no_column": 1}])
def test_rows_are_not_made_of_what_is_no_column_or_without_one(wrong: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="missing or unknown"):
        made(Item, **wrong)


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
