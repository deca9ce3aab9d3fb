"""Model fields that behave alike on SQLite, MariaDB and MySQL."""

from typing import Any

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField
from django.db.models import JSONField as DjangosJSONField


class ExactCharField(CharField):  # type: ignore[type-arg]  # not subscriptable at runtime
    """Text equal only to itself: MySQL's default collations hold jose and josé to be one."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters


class JSONField(DjangosJSONField):
    """Read and written in a fifth of the time, for what there is by the thousand. Not for lookups
    of keys."""

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        return None if value is None else msgspec.json.decode(value)

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        return msgspec.json.encode(value).decode()

    def deconstruct(self) -> Any:
        """As Django's: in the database it is the same."""
        name, _, arguments, keywords = super().deconstruct()
        return name, "django.db.models.JSONField", arguments, keywords
