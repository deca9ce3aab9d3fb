"""A lock that one process at a time holds, for as long as its database session lives."""

import fcntl
import os
from types import TracebackType
from typing import Self

from django.db import connection

SESSION_TIMEOUT_S = 3


class NamedLock:
    """`GET_LOCK` on MySQL and MariaDB, a locked file beside the database on SQLite.

    The session's wait_timeout is set to SESSION_TIMEOUT_S: a process that is stopped, and so says
    nothing, loses its session and the lock with it. The holder must speak more often than that,
    and must take the lock anew after any reconnect.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.file: int | None = None
        self.session: object = None

    def acquire(self, *, wait_s: int = 1) -> bool:
        if connection.vendor == "sqlite":
            return self._acquire_file()
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION wait_timeout = %s", [SESSION_TIMEOUT_S])
            cursor.execute(
                "SELECT GET_LOCK(%s, %s)",
                [self._name_on_server(), min(wait_s, SESSION_TIMEOUT_S - 1)],
            )
            taken: bool = cursor.fetchone()[0] == 1
        self.session = connection.connection if taken else None
        return taken

    @property
    def held(self) -> bool:
        """Whether the session that took the lock is still the one in use."""
        if connection.vendor == "sqlite":
            return self.file is not None
        return self.session is not None and self.session is connection.connection

    def release(self) -> None:
        if self.file is not None:
            os.close(self.file)
            self.file = None
        elif self.held:
            with connection.cursor() as cursor:
                cursor.execute("DO RELEASE_LOCK(%s)", [self._name_on_server()])
        self.session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _name_on_server(self) -> str:
        # Locks are the server's, not the database's: two installations may share one server.
        return f"{connection.settings_dict['NAME']}.{self.name}"[:64]

    def _acquire_file(self) -> bool:
        if self.file is not None:
            return True
        path = f"{connection.settings_dict['NAME']}.{self.name}.lock"
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self.file = descriptor
        return True
