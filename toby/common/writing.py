"""Rows written as the ORM writes them, in a fraction of its time: one, or very many at once. What
only reads or is a condition is in `sql`."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain, islice
from operator import attrgetter
from typing import Any, TypeVar

from django.db import connection, connections
from django.db.models import (
    AutoField,
    BooleanField,
    CharField,
    IntegerField,
    JSONField,
    Model,
    QuerySet,
    TextField,
)
from django.db.models.base import ModelState

from toby.common.sql import share_lock

M = TypeVar("M", bound=Model)
ROWS_A_STATEMENT = 500


def insert(row: M) -> M:
    """Inserts a row and gives it its key, as `save()` does, in a fraction of the time: the
    statement is built once a model. Only for models whose key the database gives."""
    statement, fields = insert_of(type(row), connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(statement, values_of(row, fields))
        row.pk = cursor.lastrowid
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001  as a saved one
    return row


@cache
def insert_of(model: type[Model], vendor: str) -> tuple[str, list[Any]]:
    """The statement, and the fields whose values it takes."""
    quote = connection.ops.quote_name
    fields: list[Any] = [f for f in model._meta.concrete_fields if not isinstance(f, AutoField)]
    columns = ", ".join(quote(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table = quote(model._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES ({places})", fields  # noqa: S608  names are ours


def update(row: Model, *names: str) -> None:
    """Writes these fields of a row, as `save(update_fields=names)` does; fast as `insert` is."""
    statement, fields = update_of(type(row), names, connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values_of(row, fields, add=False), row.pk])


def add_to(row: Model, name: str, change: int) -> None:
    """Adds to this field of a row as the database has it, whatever `row` has; fast as `insert`."""
    statement = addition_to(type(row), name, connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(statement, [change, row.pk])


@cache
def addition_to(model: type[Model], name: str, vendor: str) -> str:
    quote, options = connection.ops.quote_name, model._meta
    assert options.pk is not None
    assert options.pk.column is not None
    table, key = quote(options.db_table), quote(options.pk.column)
    field: Any = options.get_field(name)
    column = quote(field.column)
    return f"UPDATE {table} SET {column} = {column} + %s WHERE {key} = %s"  # noqa: S608  names are ours


@cache
def update_of(model: type[Model], names: Sequence[str], vendor: str) -> tuple[str, list[Any]]:
    quote, options = connection.ops.quote_name, model._meta
    fields: list[Any] = [options.get_field(name) for name in names]
    assert options.pk is not None
    assert options.pk.column is not None
    sets = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    table, key = quote(options.db_table), quote(options.pk.column)
    return f"UPDATE {table} SET {sets} WHERE {key} = %s", fields  # noqa: S608  names are ours


def values_of(row: Model, fields: Sequence[Any], *, add: bool = True) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(row, add=add), connection) for field in fields]


def made(model: type[M], **values: Any) -> M:
    """`model(**values)` for what makes very many, several times as fast: of columns alone, and with
    each that has a function for its default."""
    row = model.__new__(model)
    defaults, columns = defaults_of(model)
    row.__dict__ |= defaults | values
    assert row.__dict__.keys() == columns, "a column is missing or unknown"
    row.__dict__["_state"] = ModelState()
    return row


@cache
def defaults_of(model: type[Model]) -> tuple[dict[str, Any], set[str]]:
    """And the names of all its columns."""
    by_name = {str(field.attname): field for field in model._meta.concrete_fields}
    given = {n for n, f in by_name.items() if f.has_default() and callable(f.default)}
    defaults = {name: f.get_default() for name, f in by_name.items() if name not in given}
    return defaults, set(by_name)


def column_of(rows: Sequence[Model], field: Any) -> list[Any]:
    """What `values_of` has of one field. To prepare each value by itself takes as long as all else
    of an insert."""
    if is_as_it_is(field):
        return list(map(attrgetter(field.attname), rows))
    return prepared(field, [field.pre_save(row, add=True) for row in rows])


def prepared(field: Any, values: Sequence[Any]) -> list[Any]:
    """As the database takes them."""
    database, prepare = connections[connection.alias], field.get_db_prep_save
    if isinstance(field, JSONField):
        return [None if value is None else prepare(value, database) for value in values]
    # Mostly the same moment, or the same few.
    known = {value: prepare(value, database) for value in set(values)}
    return [known[value] for value in values]


def is_as_it_is(field: Any) -> bool:
    """Whether the database takes its values as Python has them."""
    kind = getattr(field, "target_field", field)
    return isinstance(kind, IntegerField | BooleanField | CharField | TextField)


def insert_missing(rows: Sequence[M], *, unique: Sequence[str]) -> None:
    """Inserts those of `rows` whose `unique` columns are not taken; touches no row that is there.

    Rather than `ignore_conflicts`, which becomes INSERT IGNORE and hides truncation. Waits for
    whoever is inserting the same key, until they commit.
    """
    if not rows:
        return
    model = type(rows[0])
    insert_each(rows, start_of(model, names_of(model)), ending_for_the_missing(model, unique))


def insert_all(rows: Sequence[Model]) -> None:
    """Inserts `rows`, as bulk_create does, in a fraction of the time; they are not given the keys
    that the database gives."""
    if rows:
        insert_each(rows, start_of(type(rows[0]), names_of(type(rows[0]))), "")


def upsert(rows: Sequence[Model], *, unique: Sequence[str], update: Sequence[str]) -> None:
    """Inserts `rows`; where `unique` is taken already, sets `update` on the row that is there."""
    if not rows:
        return
    model, quote = type(rows[0]), connection.ops.quote_name
    column_of = {field.name: quote(str(field.column)) for field in model._meta.concrete_fields}
    columns = [column_of[name] for name in update]
    if connection.vendor != "mysql":
        sets = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns)
        keys = ", ".join(column_of[name] for name in unique)
        ending = f"ON CONFLICT ({keys}) DO UPDATE SET {sets}"
    elif getattr(connection, "mysql_is_mariadb", False):
        sets = ", ".join(f"{column} = VALUE({column})" for column in columns)
        ending = f"ON DUPLICATE KEY UPDATE {sets}"
    else:
        sets = ", ".join(f"{column} = new.{column}" for column in columns)
        ending = f"AS new ON DUPLICATE KEY UPDATE {sets}"
    insert_each(rows, start_of(model, names_of(model)), ending)


def names_of(model: type[Model]) -> list[str]:
    """Of the fields that are inserted."""
    return [f.name for f in model._meta.concrete_fields if not isinstance(f, AutoField)]


def insert_each(rows: Sequence[Model], start: str, ending: str) -> None:
    options = type(rows[0])._meta
    fields: list[Any] = [options.get_field(name) for name in names_of(type(rows[0]))]
    for first in range(0, len(rows), ROWS_A_STATEMENT):
        part = rows[first : first + ROWS_A_STATEMENT]
        write(start, [column_of(part, field) for field in fields], ending)


def write(start: str, columns: Sequence[Sequence[Any]], ending: str) -> None:
    """One INSERT of what has these columns. To escape a value costs as much as to store it, and
    most stand in many rows: each is escaped once, by the database's own client."""
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            client = connection.connection
            lines = zip(*(escaped(column, client) for column in columns), strict=True)
            values = b"),(".join(map(b",".join, lines))
            statement: Any = b"%b VALUES (%b) %b" % (start.encode(), values, ending.encode())
            cursor.execute(statement)
        else:
            line = f"({', '.join(['%s'] * len(columns))})"
            given = list(chain.from_iterable(zip(*columns, strict=True)))
            lines_of = ", ".join([line] * len(columns[0]))
            cursor.execute(f"{start} VALUES {lines_of} {ending}", given)


def escaped(column: Sequence[Any], client: Any) -> list[bytes]:
    known = {value: literal(value, client) for value in set(column)}
    return [known[value] for value in column]


def literal(value: Any, client: Any) -> bytes:
    """As `client.literal`; text and numbers without asking it what they are."""
    if type(value) is str:
        text: bytes = client.string_literal(value.encode())
        return text
    found: bytes = b"%d" % value if type(value) is int else client.literal(value)
    return found


def insert_missing_of(
    model: type[Model], names: Sequence[str], rows: QuerySet[Any, Any], *, unique: Sequence[str]
) -> None:
    """As `insert_missing`, of what `rows` lists, in the order of the fields `names`: they do not
    leave the database, and are locked as by `for_share`. They are another table's, and have a
    condition, by which SQLite tells its ON from that of a join."""
    sql, values = rows.query.sql_with_params()
    ending = ending_for_the_missing(model, unique)
    with connection.cursor() as cursor:
        cursor.execute(f"{start_of(model, names)} {sql}{share_lock()} {ending}", values)


def ending_for_the_missing(model: type[Model], unique: Sequence[str]) -> str:
    """Of a statement that inserts what is missing."""
    quote, options = connection.ops.quote_name, model._meta
    fields = [f for f in options.concrete_fields if f.name in unique or f.attname in unique]
    keys = [quote(str(field.column)) for field in fields]
    if connection.vendor == "mysql":
        return f"ON DUPLICATE KEY UPDATE {keys[0]} = {quote(options.db_table)}.{keys[0]}"
    return f"ON CONFLICT ({', '.join(keys)}) DO NOTHING"


def start_of(model: type[Model], names: Sequence[str]) -> str:
    quote, options = connection.ops.quote_name, model._meta
    column_of = {field.name: quote(str(field.column)) for field in options.concrete_fields}
    columns = ", ".join(column_of[name] for name in names)
    return f"INSERT INTO {quote(options.db_table)} ({columns})"


def insert_lines(
    model: type[Model],
    names: Sequence[str],
    lines: Iterable[Sequence[Any]],
    *,
    unique: Sequence[str] = (),
) -> None:
    """Inserts very many rows, each given as the values of the fields `names`; other fields have
    their defaults. Where `unique` is given, as `insert_missing`. Without making objects of them:
    four times as fast as bulk_create."""
    fields: list[Any] = list(model._meta.concrete_fields)
    given = {name: place for place, name in enumerate(names)}
    rest = [f for f in fields if f.attname not in given and not isinstance(f, AutoField)]
    filled = [field.get_db_prep_save(field.get_default(), connection) for field in rest]
    by_name = {field.attname: field for field in fields}
    unprepared = [
        (place, by_name[name]) for name, place in given.items() if not is_as_it_is(by_name[name])
    ]
    start = start_of(model, [by_name[name].name for name in names] + [f.name for f in rest])
    ending = ending_for_the_missing(model, unique) if unique else ""
    remaining = iter(lines)
    while part := list(islice(remaining, ROWS_A_STATEMENT)):
        columns: list[Any] = list(zip(*part, strict=True))
        for place, field in unprepared:
            columns[place] = prepared(field, columns[place])
        write(start, [*columns, *([value] * len(part) for value in filled)], ending)
