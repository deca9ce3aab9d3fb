"""One operating-system process: has its own session and log file, and is ended for sure."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")

Spawning = Callable[[], "subprocess.Popen[bytes]"]


class _Spawner:
    """Starts every child from one thread that lives as long as this program.

    Linux sends the parent-death signal when the *thread* that started a child ends, so what some
    short-lived thread had started would be ended with it.
    """

    def __init__(self) -> None:
        self._wanted: queue.SimpleQueue[tuple[Spawning, Future[subprocess.Popen[bytes]]]] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def spawn(self, spawning: Spawning) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="spawner", daemon=True)
                self._thread.start()
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._wanted.put((spawning, answer))
        return answer.result()

    def _work(self) -> None:
        while True:
            spawning, answer = self._wanted.get()
            try:
                answer.set_result(spawning())
            except Exception as error:
                answer.set_exception(error)


_spawner = _Spawner()


class Child:
    """A process that can be started, stopped and killed any number of times."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.command = list(command)
        self.log = log
        self._environment = environment
        self._folder = folder
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of the last run: negative for a signal, None while running or never started."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        if self.running:
            return
        self._sweep()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        wrapped = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), *self.command]
        with self.log.open("ab") as log:
            self._process = _spawner.spawn(
                lambda: subprocess.Popen(
                    wrapped,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    cwd=self._folder,
                    start_new_session=True,
                )
            )

    def stop(self, timeout_s: float = 10) -> None:
        """End it in an orderly way; what is left at the deadline is killed."""
        if self._process and self.running:
            with suppress(ProcessLookupError):
                self._process.send_signal(self._stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
        self.kill()

    def kill(self) -> None:
        """End it, and whatever it started in its session, at once."""
        if self._process:
            self._sweep()
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        if self._process and self.running:
            self._process.send_signal(number)

    def log_tail(self, lines: int = 15) -> str:
        return tail(self.log, lines)

    def _sweep(self) -> None:
        # Workers of a master that was killed (nginx, gunicorn) live on in its process group.
        if self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a file that may be large or missing."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def wait_until(is_so: Callable[[], bool], *, timeout_s: float, pause_s: float = 0.05) -> bool:
    """Ask until the answer is yes; False when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True
