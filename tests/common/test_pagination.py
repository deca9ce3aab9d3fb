"""Keyset pagination: what a page is, and which cursors are refused."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.core import signing
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.request import Request

from toby.common.errors import InvalidInput
from toby.common.pagination import MAX_PAGE, Page, paginate
from toby.outbox.models import OutboxEvent

pytestmark = pytest.mark.django_db

PATH = "/api/v1/rows"


def make_rows(*keys: int) -> None:
    now = timezone.now()
    OutboxEvent.objects.bulk_create(
        OutboxEvent(id=key, event_id=uuid4(), type="t", topic="t", data=b"", occurred_at=now)
        for key in keys
    )


def page(link: str = PATH, *, name: str = "rows", oldest_first: bool = False) -> Page[int]:
    return paginate(
        Request(RequestFactory().get(link)),
        OutboxEvent.objects.all(),
        name=name,
        by="id",
        render=lambda row: row.id,
        oldest_first=oldest_first,
    )


def forward(start: str, **options: Any) -> list[list[int]]:
    """All pages from `start` on."""
    pages, link = [], start
    while link:
        found = page(link, **options)
        pages.append(list(found.results))
        link = found.next or ""
    return pages


def test_pages_follow_each_other_newest_first_and_end() -> None:
    make_rows(*range(1, 6))
    assert forward(f"{PATH}?limit=2") == [[5, 4], [3, 2], [1]]


def test_oldest_first_turns_the_order_round() -> None:
    make_rows(*range(1, 6))
    assert forward(f"{PATH}?limit=2", oldest_first=True) == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize("oldest_first", [False, True])
def test_the_way_back_shows_the_same_pages(oldest_first: bool) -> None:
    make_rows(*range(1, 7))
    first = page(f"{PATH}?limit=2", oldest_first=oldest_first)
    second = page(first.next or "", oldest_first=oldest_first)
    third = page(second.next or "", oldest_first=oldest_first)
    back = page(third.previous or "", oldest_first=oldest_first)
    assert back.results == second.results
    again = page(back.previous or "", oldest_first=oldest_first)
    assert again.results == first.results
    assert again.previous is None
    assert page(again.next or "", oldest_first=oldest_first).results == second.results


def test_the_first_page_has_nothing_before_it_and_the_last_nothing_after() -> None:
    make_rows(1, 2)
    whole = page(f"{PATH}?limit=2")
    assert (whole.next, whole.previous) == (None, None)


def test_an_empty_list_is_a_page_without_links() -> None:
    empty = page()
    assert (empty.next, empty.previous, list(empty.results)) == (None, None, [])


def test_rows_that_come_or_go_between_two_pages_shift_nothing() -> None:
    make_rows(10, 20, 30, 40)
    first = page(f"{PATH}?limit=2")
    assert first.results == [40, 30]
    make_rows(50, 25)
    OutboxEvent.objects.filter(id=30).delete()
    second = page(first.next or "")
    assert second.results == [25, 20]
    assert page(second.previous or "").results == [50, 40]


def test_a_row_that_came_last_is_found_from_an_old_page() -> None:
    make_rows(1, 2)
    first = page(f"{PATH}?limit=1", oldest_first=True)
    make_rows(3)
    assert forward(first.next or "", oldest_first=True) == [[2], [3]]


def test_a_page_has_20_rows_unless_asked_and_never_more_than_100() -> None:
    make_rows(*range(1, 151))
    assert len(page().results) == 20
    assert len(page(f"{PATH}?limit={MAX_PAGE}").results) == 100


@pytest.mark.parametrize(
    "limit",
    ["0", "101", "-1", "1.5", "x", "", "%D9%A3", "1e1", " 1", "9" * 5000, "000000001000000", "+1"],
)
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        page(f"{PATH}?limit={limit}")
    assert refused.value.status == 400
    assert refused.value.members["errors"][0]["field"] == "limit"


@pytest.mark.parametrize(
    "cursor", ["", "x", "WyJhZnRlciIsNV0", "WyJhZnRlciIsNV0:forged", ":::", "%00", "%FF", "é"]
)
def test_a_cursor_that_was_made_up_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        page(f"{PATH}?cursor={cursor}")
    assert refused.value.members["errors"][0]["field"] == "cursor"


def test_a_cursor_of_another_list_is_refused() -> None:
    make_rows(1, 2)
    link = page(f"{PATH}?limit=1", name="comments:1").next or ""
    assert page(link, name="comments:1").results == [1]
    with pytest.raises(InvalidInput):
        page(link, name="comments:2")


def test_a_cursor_signed_with_another_key_is_refused() -> None:
    forged = signing.Signer(key="not ours", salt="cursor:rows").sign_object(("after", 5))
    with pytest.raises(InvalidInput):
        page(f"{PATH}?cursor={forged}")


def test_links_keep_what_else_was_asked_and_name_no_host() -> None:
    make_rows(1, 2)
    link = urlsplit(page(f"{PATH}?limit=1&tag=a%26b").next or "")
    assert (link.scheme, link.netloc, link.path) == ("", "", PATH)
    query = parse_qs(link.query)
    assert (query["limit"], query["tag"]) == (["1"], ["a&b"])


def test_every_page_is_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_rows(*range(1, 41))
    link = f"{PATH}?limit=10"
    for _ in range(4):
        with django_assert_num_queries(1):
            link = page(link).next or ""
