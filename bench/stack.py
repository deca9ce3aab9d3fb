"""The real stack for a measurement: servers on one core, the load on the other."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import MySQLdb

from deploy.demo import Person
from deploy.local.stack import Stack

HOME = Path(__file__).resolve().parents[1] / "var" / "bench"
PORT = 19000


def connect(url: str) -> Any:
    """A session of one of its databases."""
    parts = urlsplit(url)
    return MySQLdb.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        passwd=parts.password,
        db=parts.path.lstrip("/"),
        autocommit=True,
    )


@contextmanager
def real_stack(**env: str) -> Iterator[tuple[Stack, Person]]:
    """Toby on MariaDB, Redis, Kafka and nginx, without limits, and its moderator."""
    cores = sorted(os.sched_getaffinity(0))
    servers, load = {cores[0]}, set(cores[1:]) or {cores[0]}
    # Children inherit it from the thread that starts them.
    os.sched_setaffinity(0, servers)
    database = os.environ.get("TOBY_DATABASE", "mariadb")
    unlimited = {"TOBY_THROTTLES": "0", "TOBY_NEW_ACCOUNT_FOR_S": "0"}
    env = {"TOBY_REGISTRATION": "direct", **unlimited, **env}
    stack = Stack("real", HOME / database, PORT, database=database, limits=False, env=env)
    stack.start()
    try:
        who = (
            "--username",
            "moderator",
            "--email",
            "moderator@toby.example",
            "--role",
            "moderator",
        )
        printed = stack.manage("accounts", "create_user", *who, "--reset-password", "--json")
        login = json.loads(printed.strip().splitlines()[-1])
        moderator = Person(stack.origin, "moderator")
        moderator.log_in(login["email"], login["password"])
        os.sched_setaffinity(0, load)
        yield stack, moderator
    finally:
        os.sched_setaffinity(0, cores)
        stack.stop()
