"""What the ORM says differently to each database."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Model

M = TypeVar("M", bound=Model)

# Connection lost or refused, server stopping, deadlock, lock wait: the statement was not at fault.
TROUBLE = {1040, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1205, 1213, 1290, 1836, 1927}
TROUBLE |= {2002, 2003, 2005, 2006, 2013, 2055, 3032, 4031}


def upsert(
    model: type[M], rows: Iterable[M], *, unique: Sequence[str], update: Sequence[str]
) -> None:
    """Inserts `rows`; where `unique` is taken already, sets `update` on the row that is there.

    Rather than `ignore_conflicts`, which becomes INSERT IGNORE and hides truncation.
    """
    model._default_manager.bulk_create(
        rows,
        batch_size=1000,
        update_conflicts=True,
        update_fields=update,
        # MySQL takes whichever unique key is hit and must not be told.
        unique_fields=unique if connection.features.supports_update_conflicts_with_target else None,
    )


def is_database_trouble(error: BaseException) -> bool:
    """Whether the database, not the statement, is what failed: worth the same try again."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    if connection.vendor == "sqlite":
        return "locked" in str(error) or "unable to open" in str(error)
    return bool(error.args) and error.args[0] in TROUBLE
