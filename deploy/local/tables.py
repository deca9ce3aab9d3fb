"""Makes the databases' tables and Kafka's topics, where they are missing or older than the code.

Django alone takes seconds to find that there is nothing to do, so a stamp beside the data tells.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from deploy.local.parallel import in_parallel
from deploy.local.servers.base import REPOSITORY

# As `Stack.manage`: settings, then a command and its arguments.
Manage = Callable[..., object]


def make_tables(manage: Manage, *, stamp: Path, sqlite_files: Sequence[Path]) -> None:
    """In both databases, by `migrate`.

    A real server's stamp lies in its home and goes with it; SQLite's files may go alone.
    """
    made_from = Stamp(stamp, "toby/**/migrations/*.py", "requirements/base.txt")
    if made_from.is_current() and all(_has_tables(path) for path in sqlite_files):
        return
    in_parallel(
        [
            partial(manage, settings, "migrate", "--noinput")
            for settings in ("social", "notifications")
        ]
    )
    made_from.write()


def make_topics(manage: Manage, *, stamp: Path | None) -> None:
    """By `create_topics`; without a stamp always, for a broker that forgets them."""
    if stamp is None:
        manage("social", "create_topics")
        return
    made_from = Stamp(stamp, "toby/events/**/*.py", "toby/**/create_topics.py")
    if not made_from.is_current():
        manage("social", "create_topics")
        made_from.write()


class Stamp:
    """A file that says which state of some files of the repository something was made from."""

    def __init__(self, path: Path, *patterns: str) -> None:
        self._path = path
        self._now = _fingerprint(patterns)

    def is_current(self) -> bool:
        try:
            return bool(json.loads(self._path.read_text()) == self._now)
        except (OSError, ValueError):
            return False

    def write(self) -> None:
        """Of the state that was found when this object was made: a later one may have more."""
        self._path.write_text(json.dumps(self._now))


def _fingerprint(patterns: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(REPOSITORY.glob(pattern)):
            digest.update(str(path.relative_to(REPOSITORY)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _has_tables(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("SELECT 1 FROM django_migrations LIMIT 1").fetchone())
    except sqlite3.Error:
        return False
