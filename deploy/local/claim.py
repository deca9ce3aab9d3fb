"""Sees to it that only one Toby runs from a home, and that its ports are free."""

from __future__ import annotations

import fcntl
from io import TextIOWrapper
from pathlib import Path

from deploy.local.child import wait_until
from deploy.local.ports import Ports
from deploy.local.servers import Unavailable

OLD_PORTS_WITHIN_S = 10.0


class Claim:
    """A lock on a file in the home, which the system lets go when its holder dies."""

    def __init__(self, home: Path, ports: Ports) -> None:
        self._path = home / "lock"
        self._ports = ports
        self._file: TextIOWrapper | None = None

    @property
    def is_held(self) -> bool:
        return self._file is not None

    def take(self) -> None:
        """Raises Unavailable if somebody else holds it, or one of the ports is in use."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file = None
            message = f"{self._path.parent} is in use: Toby runs from there already"
            raise Unavailable(message) from None
        self._file.seek(0)
        was_left_in_a_hurry = bool(self._file.read())
        busy = self._ports.first_busy()
        if busy and was_left_in_a_hurry:
            # Servers whose supervisor was killed are still ending.
            wait_until(lambda: not self._ports.first_busy(), timeout_s=OLD_PORTS_WITHIN_S)
            busy = self._ports.first_busy()
        if busy:
            self.release()
            raise Unavailable(busy)
        self._file.write("in use\n")
        self._file.flush()

    def release(self) -> None:
        if self._file:
            self._file.truncate(0)
            self._file.close()
            self._file = None
