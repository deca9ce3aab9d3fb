"""Keeps one server or process running: starts it again when it dies, later and later."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from deploy.local.servers.base import ServerFailed, Unavailable

FIRST_BACKOFF_S = 0.5
LAST_BACKOFF_S = 10.0
STABLE_AFTER_S = 30.0
POLL_S = 0.2


class Part(Protocol):
    """What a unit can keep running: a `Server` or a `Process`."""

    name: str
    log: Path
    port: int

    @property
    def pid(self) -> int | None: ...
    @property
    def running(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self, timeout_s: float = 10) -> None: ...
    def kill(self) -> None: ...


class Unit:
    """A part under watch.

    What was killed is started again while `restarts` is true; what was stopped is not.
    """

    def __init__(self, name: str, part: Part, say: Callable[[str], None]) -> None:
        self.name = name
        self.part = part
        self.restarts = True
        self.after_restart: Callable[[], None] = lambda: None
        self._say = say
        self._is_wanted = False
        self._starting = threading.Lock()

    @property
    def pid(self) -> int | None:
        return self.part.pid

    @property
    def running(self) -> bool:
        return self.part.running

    def start(self) -> None:
        self._is_wanted = True
        with self._starting:
            self.part.start()

    def stop(self, timeout_s: float = 10) -> None:
        self._is_wanted = False
        self.part.stop(timeout_s)
        with self._starting:
            self.part.kill()

    def kill(self) -> None:
        """SIGKILL, as in a crash; see `restarts`."""
        self.part.kill()

    def watch(self, ending: threading.Event) -> None:
        """Start it again whenever it has died, until `ending` is set; for a thread of its own."""
        backoff_s = FIRST_BACKOFF_S
        running_since = time.monotonic()
        while not ending.wait(POLL_S):
            if self.running or not (self._is_wanted and self.restarts):
                if time.monotonic() - running_since > STABLE_AFTER_S:
                    backoff_s = FIRST_BACKOFF_S
                continue
            self._say(f"{self.name} has ended, starting it again in {backoff_s:g} s")
            if ending.wait(backoff_s):
                return
            backoff_s = min(backoff_s * 2, LAST_BACKOFF_S)
            running_since = time.monotonic()
            self._start_again()

    def _start_again(self) -> None:
        with self._starting:
            if not self._is_wanted or not self.restarts or self.running:
                return
            try:
                self.part.start()
                self.after_restart()
            except (ServerFailed, Unavailable, OSError) as problem:
                self._say(str(problem))
