"""Rows are written fast and as the ORM would write them, on the real database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import product
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.db.models import UUIDField, Value
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.common.support import DEADLINE_S, together, until_it_is_let
from tests.factories import make_user
from toby.common.writing import (
    ROWS_A_STATEMENT,
    insert_all,
    insert_lines,
    insert_missing,
    insert_missing_of,
    made,
    upsert,
)
from toby.common.writing import insert as insert_row
from toby.common.writing import update as update_row
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


def closing(call: Callable[[], UUID]) -> Callable[[], UUID]:
    def closed() -> UUID:
        try:
            return call()
        finally:
            connection.close()

    return closed


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
