"""What the terminal shows: the processes' log lines, each with its name in front, in its colour."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94, 31, 91)
PAUSE_S = 0.1


class Console:
    """Follows log files, so that a slow terminal never holds up the process that writes them."""

    def __init__(self, logs: Mapping[str, Path]) -> None:
        self._colour = sys.stdout.isatty()
        self._width = max((len(name) for name in logs), default=0)
        self._logs = {
            name: _Following(path, self._prefix(name, COLOURS[index % len(COLOURS)]))
            for index, (name, path) in enumerate(logs.items())
        }
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="console", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Print what is left, and end."""
        self._ending.set()
        self._thread.join(2)

    def say(self, line: str) -> None:
        """A line of the supervisor's own."""
        with self._lock:
            sys.stdout.write(f"{self._prefix('toby', 1)}{line}\n")
            sys.stdout.flush()

    def _prefix(self, name: str, colour: int) -> str:
        padded = f"{name:<{self._width}} | "
        return f"\x1b[{colour}m{padded}\x1b[0m" if self._colour else padded

    def _follow(self) -> None:
        is_last_round = False
        while not is_last_round:
            is_last_round = self._ending.wait(PAUSE_S)
            for following in self._logs.values():
                lines = following.new_lines()
                if lines:
                    with self._lock:
                        sys.stdout.writelines(lines)
                        sys.stdout.flush()


class _Following:
    def __init__(self, path: Path, prefix: str) -> None:
        self._path = path
        self._prefix = prefix
        self._file: BinaryIO | None = None
        self._part = b""

    def new_lines(self) -> list[str]:
        """Whole lines only; the beginning of one is kept until its end comes."""
        if self._file is None:
            try:
                self._file = self._path.open("rb")
            except OSError:
                return []
        *lines, self._part = (self._part + self._file.read()).split(b"\n")
        return [f"{self._prefix}{line.decode(errors='replace')}\n" for line in lines]
