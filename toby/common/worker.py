"""The loop of a process outside HTTP: heartbeat, orderly stop, reconnecting with backoff."""

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import FrameType

from django.db import close_old_connections, connection

from toby.common.logging import log

logger = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0


class Worker:
    """Calls `step` until SIGTERM or SIGINT. A step that raises `retriable` is tried again.

    `step` returns whether it found work; after one that did not, the loop waits `idle_s`. The
    heartbeat begins once `is_ready`. Before each retry the database connection is dropped: outside
    HTTP nothing else would.
    """

    def __init__(
        self,
        step: Callable[[], bool],
        *,
        idle_s: float = 0.0,
        retriable: Callable[[Exception], bool],
        is_ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self.step, self.idle_s, self.retriable = step, idle_s, retriable
        self.is_ready = is_ready
        self.stopping = Event()

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        self.stopping.set()

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        heartbeat = Heartbeat()
        wait_s = FIRST_WAIT_S
        while not self.stopping.is_set():
            try:
                worked = self.step()
            except Exception as error:
                if not self.retriable(error):
                    raise
                log(logger, "worker.retry", logging.WARNING, error=repr(error)[:300], wait_s=wait_s)
                connection.close()
                self.stopping.wait(wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                continue
            wait_s = FIRST_WAIT_S
            if self.is_ready():
                heartbeat.beat()
            if not worked and self.idle_s:
                self.stopping.wait(self.idle_s)
        close_old_connections()


class Heartbeat:
    """Touches TOBY_HEARTBEAT_FILE about once a second: its age is the process's health."""

    def __init__(self) -> None:
        name = os.environ.get("TOBY_HEARTBEAT_FILE")
        self.path = Path(name) if name else None
        self.due = 0.0
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)

    def beat(self) -> None:
        now = time.monotonic()
        if self.path and now >= self.due:
            self.path.touch()
            self.due = now + 1
