"""Keyset pagination: a page costs the same wherever it is.

A cursor is signed and names its list, so that a forged one, or one of another list, is refused.
"""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from django.core import signing
from django.db import connection
from django.db.models import Model, QuerySet
from rest_framework.request import Request

from toby.common.errors import InvalidInput
from toby.common.prepared import Listed, in_its_own_order
from toby.common.renderers import Out

MAX_PAGE, DEFAULT_PAGE = 100, 20
M = TypeVar("M", bound=Model)
T = TypeVar("T")


class Page(Out, Generic[T], frozen=True, kw_only=True):
    """`next` and `previous` are links, null at the ends."""

    next: str | None
    previous: str | None
    results: Sequence[T]


def page_size(request: Request) -> int:
    raw = request.query_params.get("limit", str(DEFAULT_PAGE))
    if not re.fullmatch("[0-9]{1,9}", raw) or not 1 <= int(raw) <= MAX_PAGE:
        raise InvalidInput(("limit", "invalid", f"A whole number from 1 to {MAX_PAGE}."))
    return int(raw)


def paginate(
    request: Request,
    rows: QuerySet[M] | Listed,
    *,
    name: str,
    by: str,
    render: Callable[[Any], T],
    oldest_first: bool = False,
    index: str = "",
) -> Page[T]:
    """One page of `rows`, greatest `by` first; `by` is a column unique within the list, and an
    index of its own table. What is joined is looked up for each row of the page: nothing that
    narrows a list to few may stand in another table.

    `name` tells one list from another: include the owner's id where a list has one. A queryset is
    read by `index`, if that is given; a `Listed` says its own.
    """
    wrapper = by_an_index(rows, index) if index else in_the_lists_order
    with connection.execute_wrapper(wrapper):
        return page_of(request, rows, name, by, render, oldest_first=oldest_first)


def in_the_lists_order(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
    return execute(in_its_own_order(sql), values, many, context)


def by_an_index(rows: Any, index: str) -> Callable[..., Any]:
    """As in_the_lists_order; MySQL and MariaDB are told the index (`toby.common.prepared`)."""
    table = f" FROM {connection.ops.quote_name(rows.model._meta.db_table)} "

    def execute_by_it(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        if connection.vendor == "mysql":
            sql = sql.replace(table, f"{table}FORCE INDEX ({index}) ", 1)
        return in_the_lists_order(execute, sql, values, many, context)

    return execute_by_it


def page_of(
    request: Request,
    rows: QuerySet[M] | Listed,
    name: str,
    by: str,
    render: Callable[[Any], T],
    *,
    oldest_first: bool,
) -> Page[T]:
    limit = page_size(request)
    direction, edge = read_cursor(request, name)
    onward, back = ("gt", "lt") if oldest_first else ("lt", "gt")
    there, reverse = (by, f"-{by}") if oldest_first else (f"-{by}", by)
    if direction == "before":
        found = fetch(rows, f"{by}__{back}", edge, reverse, limit + 1)
        more_before, more_after = len(found) > limit, True
        found = found[:limit][::-1]
    else:
        found = fetch(rows, f"{by}__{onward}" if direction else "", edge, there, limit + 1)
        more_before, more_after = direction == "after", len(found) > limit
        found = found[:limit]
    place = operator.itemgetter(-1) if isinstance(rows, Listed) else operator.attrgetter(by)
    return Page(
        next=link(request, name, "after", place(found[-1])) if found and more_after else None,
        previous=link(request, name, "before", place(found[0])) if found and more_before else None,
        results=[render(row) for row in found],
    )


def fetch(
    rows: QuerySet[M] | Listed, condition: str, edge: Any, order: str, size: int
) -> Sequence[Any]:
    if isinstance(rows, Listed):
        return rows.page(condition, edge, order, size)
    if condition:
        rows = rows.filter(**{condition: edge})
    return list(rows.order_by(order)[:size])


def signer(name: str) -> signing.Signer:
    return signing.Signer(salt=f"cursor:{name}")


def read_cursor(
    request: Request, name: str, *, parameter: str = "cursor"
) -> tuple[str | None, Any]:
    raw = request.query_params.get(parameter)
    if raw is None:
        return None, None
    try:
        direction, edge = signer(name).unsign_object(raw)
    except (signing.BadSignature, ValueError) as error:
        raise InvalidInput((parameter, "invalid", "This is no cursor of this list.")) from error
    return direction, edge


def link(request: Request, name: str, direction: str, edge: Any) -> str:
    """Relative to the origin, so that it holds behind any proxy."""
    query = request.query_params.copy()
    query["cursor"] = cursor(name, direction, edge)
    return f"{request.path}?{query.urlencode()}"


def cursor(name: str, direction: str, edge: Any) -> str:
    return signer(name).sign_object((direction, edge))
