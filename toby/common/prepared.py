"""Queries that the ORM says once: building and compiling a query takes longer than its rows do."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler

from toby.common.sql import share_lock

# Stand for values while a query is compiled: they fit a BIGINT, and no row has them.
FIRST_STAND_IN = 2**62


class Statement:
    """A query that is not a list's. `build` takes its values, texts or whole numbers, by name, and
    returns a queryset of `values_list`; whose rows are locked in share, if it `shares` them."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], *, shares: bool = False) -> None:
        self.build, self.shares = build, shares
        self.said: dict[str, Said] = {}

    def rows(self, **values: int | str) -> list[Sequence[Any]]:
        said = self.said.get(connection.vendor)
        if said is None:
            said = self.said[connection.vendor] = self.say(values)
        return said.rows(values)

    def say(self, values: Mapping[str, int | str]) -> "Said":
        stand_ins: dict[Any, Name] = {}
        for place, (name, value) in enumerate(values.items(), FIRST_STAND_IN):
            stand_ins[str(place) if isinstance(value, str) else place] = Name(name)
        named = {str(name): stand_in for stand_in, name in stand_ins.items()}
        compiler = self.build(**named).query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        return Said.of(compiler, sql + share_lock() * self.shares, parameters, stand_ins)


class Prepared:
    """A list's query. `build` takes the list's values, whole numbers, by name, and returns a
    queryset of `values_list` whose last column is the place in the list. Those that have a default
    may be left out: that is another query. It is read by `index`, if that is given; else the
    database chooses one."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], *, index: str = "") -> None:
        self.build, self.index = build, index
        self.said: dict[Any, Said] = {}

    def of(self, **values: int) -> "Listed":
        return Listed(self, values)

    def say(self, names: Iterable[str], condition: str, order: str, size: int) -> "Said":
        stand_ins = {FIRST_STAND_IN + place: Name(name) for place, name in enumerate(names)}
        values = {str(name): number for number, name in stand_ins.items()}
        part = Part(condition, values.pop("edge"), order, size)
        return Said.of(*self.compiled(values, part), stand_ins)

    def compiled(
        self, values: Mapping[str, int], part: "Part"
    ) -> tuple[SQLCompiler, str, Sequence[Any]]:
        return by_index(self.build(**values), self.index, part)


class Gathered(Prepared):
    """A list whose rows are in several places. Each is read by itself, in its own order, up to the
    size of the page, whose rows are the first of these together: so none costs more than a page.

    `places` returns them: querysets of `values_list` that leave out whatever the list does,
    each with the index by which it is read. `build` takes their rows for those of its own table,
    and uses no columns of it but theirs.
    """

    def __init__(
        self,
        build: Callable[..., QuerySet[Any, Any]],
        places: Callable[..., Sequence[tuple[QuerySet[Any, Any], str]]],
    ) -> None:
        super().__init__(build)
        self.places = places

    def compiled(
        self, values: Mapping[str, int], part: "Part"
    ) -> tuple[SQLCompiler, str, Sequence[Any]]:
        read: list[str] = []
        inner: list[Any] = []
        for number, (rows, index) in enumerate(self.places(**values)):
            _, sql, parameters = by_index(rows, index, part)
            # In brackets alone SQLite would not take an ORDER BY.
            place = f"({in_its_own_order(sql)}) place{number}"
            read.append(f"SELECT * FROM {place}")  # noqa: S608  the ORM's own
            inner += parameters
        compiler, sql, outer = super().compiled(values, part._replace(condition=""))
        before, table, after = around_its_table(compiler, sql)
        count = before.count("%s")
        gathered = f"{before} FROM ({' UNION ALL '.join(read)}) {table} {after}"
        return compiler, gathered, [*outer[:count], *inner, *outer[count:]]


class Part(NamedTuple):
    """Of a list: the first `size` rows in this order that meet `condition` on `edge`, if there is
    one."""

    condition: str
    edge: int
    order: str
    size: int


def by_index(
    rows: QuerySet[Any, Any], index: str, part: Part
) -> tuple[SQLCompiler, str, Sequence[Any]]:
    """MySQL and MariaDB are told the index: they would read a small table from its end, rather than
    from `edge` on, and take another index for as good."""
    if part.condition:
        rows = rows.filter(**{part.condition: part.edge})
    compiler = rows.order_by(part.order)[: part.size].query.get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    if index and connection.vendor == "mysql":
        before, table, after = around_its_table(compiler, sql)
        sql = f"{before} FROM {table} FORCE INDEX ({index}) {after}"
    return compiler, sql, parameters


def around_its_table(compiler: SQLCompiler, sql: str) -> tuple[str, str, str]:
    """What is before the list's own table, and what is behind it."""
    table = connection.ops.quote_name(compiler.query.get_meta().db_table)
    # In a subquery, which may stand before it, it is called something like U0.
    before, after = re.split(rf" FROM {re.escape(table)} (?![A-Z]\d)", sql, maxsplit=1)
    return before, table, after


def in_its_own_order(sql: str) -> str:
    """Joins are read as they are written, from the list's own table on. MySQL and MariaDB would
    begin with whatever they are joined to, and sort all of it to find the first of the page."""
    if connection.vendor == "mysql" and sql.startswith("SELECT "):
        return f"SELECT STRAIGHT_JOIN {sql.removeprefix('SELECT ')}"
    return sql


@dataclass(frozen=True, slots=True)
class Said:
    """SQL with its parameters, some of which are names of values."""

    sql: str
    parameters: Sequence[Any]
    compiler: SQLCompiler
    converters: Any

    @classmethod
    def of(
        cls,
        compiler: SQLCompiler,
        sql: str,
        parameters: Sequence[Any],
        stand_ins: Mapping[Any, "Name"],
    ) -> "Said":
        """`stand_ins` stand for the values of these names."""
        columns = [select[0] for select in compiler.select[: compiler.col_count]]
        named = [stand_ins.get(p, p) if isinstance(p, int | str) else p for p in parameters]
        return cls(sql, named, compiler, compiler.get_converters(columns))

    def rows(self, values: Mapping[str, int | str]) -> list[Sequence[Any]]:
        parameters = [values[p] if p.__class__ is Name else p for p in self.parameters]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, parameters)
            rows = cursor.fetchall()
        return list(self.compiler.apply_converters(rows, self.converters))


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that is read by page."""

    prepared: Prepared
    values: Mapping[str, int]

    def page(self, condition: str, edge: int, order: str, size: int) -> list[Sequence[Any]]:
        """The first `size` rows in this order that meet `condition` on `edge`, if there is one."""
        key = (connection.vendor, *self.values, condition, order, size)
        said = self.prepared.said.get(key)
        if said is None:
            names = (*self.values, "edge")
            said = self.prepared.said[key] = self.prepared.say(names, condition, order, size)
        return said.rows({**self.values, "edge": edge})


class Name(str):
    """Of a value, among parameters that may be strings themselves."""

    __slots__ = ()
