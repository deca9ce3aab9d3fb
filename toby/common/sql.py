"""What the ORM says differently to each database."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.db.models import (
    AutoField,
    BooleanField,
    DateTimeField,
    F,
    Func,
    JSONField,
    Model,
    Q,
    QuerySet,
    Value,
)

M = TypeVar("M", bound=Model)
T = TypeVar("T")
ROWS_A_STATEMENT = 500
MOST_TRIES = 5

# Connection lost or refused, server stopping, deadlock, lock wait: the statement was not at fault.
DEADLOCK = 1213
TROUBLE = {1040, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1205, 1213, 1290, 1836, 1927}
TROUBLE |= {2002, 2003, 2005, 2006, 2013, 2055, 3032, 4031}


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


def insert_missing(rows: Sequence[M], *, unique: Sequence[str]) -> None:
    """Inserts those of `rows` whose `unique` columns are not taken; touches no row that is there.

    Rather than `ignore_conflicts`, which becomes INSERT IGNORE and hides truncation. Waits for
    whoever is inserting the same key, until they commit.
    """
    if not rows:
        return
    model = type(rows[0])
    fields: list[Any] = [f for f in model._meta.concrete_fields if not isinstance(f, AutoField)]
    start, ending = around_the_missing(model, [field.name for field in fields], unique)
    line = f"({', '.join(['%s'] * len(fields))})"
    with connection.cursor() as cursor:
        for first in range(0, len(rows), ROWS_A_STATEMENT):
            part = rows[first : first + ROWS_A_STATEMENT]
            values = [value for row in part for value in values_of(row, fields)]
            cursor.execute(f"{start} VALUES {', '.join([line] * len(part))} {ending}", values)


def insert_missing_of(
    model: type[Model], names: Sequence[str], rows: QuerySet[Any, Any], *, unique: Sequence[str]
) -> None:
    """As `insert_missing`, of what `rows` lists, in the order of the fields `names`: they do not
    leave the database. They are another table's, and have a condition, by which SQLite tells its ON
    from that of a join."""
    start, ending = around_the_missing(model, names, unique)
    sql, values = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"{start} {sql} {ending}", values)


def around_the_missing(
    model: type[Model], names: Sequence[str], unique: Sequence[str]
) -> tuple[str, str]:
    """What stands before and behind the rows in a statement that inserts those that are missing."""
    quote, options = connection.ops.quote_name, model._meta
    columns = {field.name: quote(str(field.column)) for field in options.concrete_fields}
    table, keys = quote(options.db_table), [columns[name] for name in unique]
    start = f"INSERT INTO {table} ({', '.join(columns[name] for name in names)})"
    if connection.vendor == "mysql":
        return start, f"ON DUPLICATE KEY UPDATE {keys[0]} = {table}.{keys[0]}"
    return start, f"ON CONFLICT ({', '.join(keys)}) DO NOTHING"


def insert_lines(model: type[Model], names: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    """Inserts very many rows, each given as the values of the fields `names`; other fields have
    their defaults. Without making objects of them: four times as fast as bulk_create."""
    fields: list[Any] = list(model._meta.concrete_fields)
    given = {name: place for place, name in enumerate(names)}
    rest = [f for f in fields if f.attname not in given and not isinstance(f, AutoField)]
    filled = [field.get_db_prep_save(field.get_default(), connection) for field in rest]
    by_name = {field.attname: field for field in fields}
    prepared = [
        (place, by_name[name].get_db_prep_save)
        for name, place in given.items()
        if isinstance(by_name[name], DateTimeField | JSONField)
    ]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in [*(by_name[n] for n in names), *rest])
    line = f"({', '.join(['%s'] * (len(names) + len(rest)))})"
    table = quote(model._meta.db_table)
    start = f"INSERT INTO {table} ({columns}) VALUES "  # noqa: S608  names are ours
    remaining = iter(lines)
    with connection.cursor() as cursor:
        while part := list(islice(remaining, ROWS_A_STATEMENT)):
            values: list[Any] = []
            for one in part:
                row = list(one)
                for place, prepare in prepared:
                    row[place] = prepare(row[place], connection)
                values += row
                values += filled
            cursor.execute(start + ", ".join([line] * len(part)), values)


def next_id(model: type[Model]) -> int:
    """The id that the next row would be given, which no row that was deleted has had."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            if not getattr(connection, "mysql_is_mariadb", False):
                # Otherwise it is told as it was when somebody last asked.
                cursor.execute("SET SESSION information_schema_stats_expiry = 0")
            cursor.execute(
                "SELECT AUTO_INCREMENT FROM information_schema.TABLES"
                " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s",
                [table],
            )
            found = cursor.fetchone()[0]
        else:
            cursor.execute("SELECT seq + 1 FROM sqlite_sequence WHERE name = %s", [table])
            row = cursor.fetchone()
            found = row[0] if row else 1
    return int(found or 1)


def index_order(value: UUID) -> bytes:
    """Sorts UUIDs as the database's index does: MariaDB's own type begins with the node."""
    raw = value.bytes
    if connection.vendor == "mysql" and connection.features.has_native_uuid_field:
        return raw[10:] + raw[8:10] + raw[6:8] + raw[4:6] + raw[:4]
    return raw


def upsert(
    model: type[M], rows: Iterable[M], *, unique: Sequence[str], update: Sequence[str]
) -> None:
    """Inserts `rows`; where `unique` is taken already, sets `update` on the row that is there."""
    model._default_manager.bulk_create(
        rows,
        batch_size=ROWS_A_STATEMENT,
        update_conflicts=True,
        update_fields=update,
        # MySQL takes whichever unique key is hit and must not be told.
        unique_fields=unique if connection.features.supports_update_conflicts_with_target else None,
    )


def for_share(rows: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """`SELECT ... FOR SHARE`, which the ORM cannot say; SQLite writes alone anyhow.

    Columns come as the database has them.
    """
    sql, values = rows.query.sql_with_params()
    lock = " LOCK IN SHARE MODE" if connection.vendor == "mysql" else ""
    with connection.cursor() as cursor:
        cursor.execute(sql + lock, values)
        return list(cursor.fetchall())


def list_holds(field: str, word: str) -> Any:
    """A condition: the JSON list in `field` holds `word`. The ORM says it to MySQL only."""
    if connection.features.supports_json_field_contains:
        return Q(**{f"{field}__contains": [word]})
    return Func(
        F(field),
        Value(word),
        template="EXISTS (SELECT 1 FROM json_each(%(expressions)s))",
        arg_joiner=") WHERE value = (",
        output_field=BooleanField(),
    )


def again_if_beaten(work: Callable[[], T]) -> T:
    """What `work` returns: a whole transaction that looks for a row, and inserts or deletes it.
    Where another does the same at that moment, the database refuses one of them, by the row's
    unique constraint or as a deadlock; then it looks again."""
    for _ in range(MOST_TRIES - 1):
        try:
            return work()
        except (IntegrityError, OperationalError) as error:
            is_beaten = isinstance(error, IntegrityError) or error.args[:1] == (DEADLOCK,)
            if connection.in_atomic_block or not is_beaten:
                raise
    return work()


def is_database_trouble(error: BaseException) -> bool:
    """Whether the database, not the statement, is what failed: worth the same try again."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    if connection.vendor == "sqlite":
        return "locked" in str(error) or "unable to open" in str(error)
    return bool(error.args) and error.args[0] in TROUBLE
