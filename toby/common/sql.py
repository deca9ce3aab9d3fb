"""What is said differently to each database, and conditions that the ORM is slow at. What inserts
and updates rows is in `writing`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.db.models import BooleanField, F, Func, Lookup, Model, Q, QuerySet, Value
from django.db.models.expressions import ExpressionList

M = TypeVar("M", bound=Model)
T = TypeVar("T")
MOST_TRIES = 5

# Connection lost or refused, server stopping, deadlock, lock wait: the statement was not at fault.
DEADLOCK = 1213
TROUBLE = {1040, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1205, 1213, 1290, 1836, 1927}
TROUBLE |= {2002, 2003, 2005, 2006, 2013, 2055, 3032, 4031}
# No such user, password or database.
NOT_LET_IN = {1044, 1045, 1049, 1698}


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
    """Sorts UUIDs as the database's index does: MariaDB's own type begins with the node, but for
    those that begin with their time."""
    raw = value.bytes
    is_swapped = 0 < raw[6] < 0x60 and raw[8] & 0x80 and connection.features.has_native_uuid_field
    if is_swapped and connection.vendor == "mysql":
        return raw[10:] + raw[8:10] + raw[6:8] + raw[4:6] + raw[:4]
    return raw


def parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """In order, `size` at a time."""
    return (values[start : start + size] for start in range(0, len(values), size))


def for_share(rows: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """`SELECT ... FOR SHARE`, which the ORM cannot say; SQLite writes alone anyhow.

    Columns come as the database has them.
    """
    sql, values = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql + share_lock(), values)
        return list(cursor.fetchall())


def rows_for_share(rows: QuerySet[M]) -> list[M]:
    """As `for_share`, of whole rows."""
    sql, values = rows.query.sql_with_params()
    return list(rows.model._default_manager.raw(sql + share_lock(), values))


def share_lock() -> str:
    return " LOCK IN SHARE MODE" if connection.vendor == "mysql" else ""


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


Key = int | str | UUID


class OneOf(Lookup):
    """A condition: this column is one of `values`. As the ORM's own `__in`, but of hundreds in a
    fraction of the time: whole numbers and UUIDs are written into the statement. A lookup, since
    any other condition is compared with TRUE on MySQL, which then looks at no index."""

    lookup_name = "one_of"
    prepare_rhs = False

    def __init__(self, column: str, values: Iterable[Key]) -> None:
        super().__init__(F(column), list(values))

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        if not self.rhs:
            raise EmptyResultSet
        column, _ = compiler.compile(self.lhs)
        written, values = in_statement(self.rhs, connection)
        return f"{column} IN ({', '.join(written)})", values


class RowIn(Lookup):
    """The same of several columns together. As many Q objects, joined by OR, take the ORM longer
    than the database."""

    lookup_name = "row_in"
    prepare_rhs = False

    def __init__(self, columns: Sequence[str], rows: Sequence[tuple[Key, ...]]) -> None:
        super().__init__(ExpressionList(*map(F, columns)), rows)

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        if not self.rhs:
            raise EmptyResultSet
        columns, _ = compiler.compile(self.lhs)
        written, values = in_statement(chain.from_iterable(self.rhs), connection)
        by_column = [iter(written)] * len(self.rhs[0])
        lines = f"({'), ('.join(map(', '.join, zip(*by_column, strict=True)))})"
        # SQLite knows no list of rows but this.
        return (
            f"({columns}) IN ({'' if connection.vendor == 'mysql' else 'VALUES '}{lines})",
            values,
        )


def in_statement(values: Iterable[Key], database: Any) -> tuple[list[str], list[str]]:
    """Each as it stands in a statement, and what of them is given beside it."""
    written, given = [], []
    is_native = database.features.has_native_uuid_field
    for value in values:
        if isinstance(value, UUID):
            written.append(f"'{value if is_native else value.hex}'")
        elif isinstance(value, str):
            written.append("%s")
            given.append(str(value))
        elif isinstance(value, int):
            written.append(str(int(value)))
        else:
            raise TypeError(f"neither a number, a UUID nor a text: {value!r}")
    return written, given


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


def is_database_away(error: BaseException) -> bool:
    """Whether it cannot be reached, or does not let us in."""
    codes = error.args[:1] if isinstance(error, OperationalError) else ()
    return is_database_trouble(error) or not NOT_LET_IN.isdisjoint(codes)


def is_database_trouble(error: BaseException) -> bool:
    """Whether the database, not the statement, is what failed: worth the same try again."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    if connection.vendor == "sqlite":
        return "locked" in str(error) or "unable to open" in str(error)
    return bool(error.args) and error.args[0] in TROUBLE
