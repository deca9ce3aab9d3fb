"""Tables as an older Toby left them, in a database of their own: the fixture `older`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Older:
    """The tables as they were before one migration, until that is `run`."""

    def __init__(self, app: str, migration: str) -> None:
        self.migration = app, migration
        needs = MigrationExecutor(connection).loader.get_migration(app, migration).dependencies
        self.go_to(next(parent for parent in needs if parent[0] == app))

    def run(self) -> None:
        self.go_to(self.migration)

    def go_to(self, migration: tuple[str, str]) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate([migration])
        # Not those that `migrate` returns: some of these refer to others of an earlier state.
        self.apps = executor.loader.project_state(migration).apps

    def rows(self, model: str) -> Any:
        """The manager of a model as it was then, as in "social.Post"."""
        return self.apps.get_model(model)._default_manager


@contextmanager
def another_database(folder: Path) -> Iterator[None]:
    """Empty, and gone afterwards. Meanwhile all that is asked of the database is asked of it."""
    settings = connection.settings_dict
    name, is_file = settings["NAME"], connection.vendor == "sqlite"
    other = str(folder / "older.sqlite3") if is_file else f"{name}_older"
    if not is_file:
        ask(f"DROP DATABASE IF EXISTS `{other}`", f"CREATE DATABASE `{other}` CHARSET utf8mb4")
    connection.close()
    settings["NAME"] = other
    try:
        yield
    finally:
        connection.close()
        settings["NAME"] = name
        if not is_file:
            ask(f"DROP DATABASE `{other}`")


def ask(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
