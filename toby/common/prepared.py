"""Lists that the ORM says once: building and compiling a query takes longer than its rows do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler

# Stand for values while a query is compiled: they fit a BIGINT, and no row has them.
FIRST_STAND_IN = 2**62


class Prepared:
    """A list's query. `build` takes the list's values, whole numbers, by name, and returns a
    queryset of `values_list` whose last column is the place in the list. Those that have a default
    may be left out: that is another query."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self.build = build
        self.said: dict[Any, Said] = {}

    def of(self, **values: int) -> "Listed":
        return Listed(self, values)


@dataclass(frozen=True, slots=True)
class Said:
    """SQL with its parameters, some of which are names of values."""

    sql: str
    parameters: Sequence[Any]
    compiler: SQLCompiler
    converters: Any


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
            said = self.prepared.said[key] = self.say(condition, order, size)
        values = {**self.values, "edge": edge}
        parameters = [values[p] if p.__class__ is Name else p for p in said.parameters]
        with connection.cursor() as cursor:
            cursor.execute(said.sql, parameters)
            rows = cursor.fetchall()
        return list(said.compiler.apply_converters(rows, said.converters))

    def say(self, condition: str, order: str, size: int) -> Said:
        names = [Name(name) for name in (*self.values, "edge")]
        stand_ins = {FIRST_STAND_IN + number: name for number, name in enumerate(names)}
        of_name = {name: number for number, name in stand_ins.items()}
        rows = self.prepared.build(**{name: of_name[Name(name)] for name in self.values})
        if condition:
            rows = rows.filter(**{condition: of_name[Name("edge")]})
        compiler = rows.order_by(order)[:size].query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        columns = [select[0] for select in compiler.select[: compiler.col_count]]
        return Said(
            sql,
            [stand_ins.get(p, p) if isinstance(p, int) else p for p in parameters],
            compiler,
            compiler.get_converters(columns),
        )


class Name(str):
    """Of a value, among parameters that may be strings themselves."""

    __slots__ = ()
