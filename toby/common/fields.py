"""Model fields that behave alike on SQLite, MariaDB and MySQL."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField


class ExactCharField(CharField):  # type: ignore[type-arg]  # not subscriptable at runtime
    """Text equal only to itself: MySQL's default collations hold jose and josé to be one."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters
