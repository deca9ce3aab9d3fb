"""A whole Toby, its processes included, and people who use it through nginx."""

import json
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from deploy.demo import Person, Screen
from deploy.local.stack import Stack
from toby.settings.environment import database

PATIENCE_S = 20.0


def eventually(is_so: Callable[[], Any], *, within_s: float = PATIENCE_S, what: str = "") -> Any:
    """What `is_so` returns once that is true; fails if it is not within the time."""
    deadline = time.monotonic() + within_s
    while True:
        found = is_so()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what or is_so}"
        time.sleep(0.05)


@dataclass
class Toby:
    """The running system and what tests do with it."""

    stack: Stack
    moderator: Person
    moderators_login: dict[str, str]
    people: list[Person] = field(default_factory=list)
    walls: dict[str, dict[str, Any]] = field(default_factory=dict)

    def person(self, name: str = "someone") -> Person:
        """A new person, logged in."""
        person = Person(self.stack.origin, f"{name}-{secrets.token_hex(4)}")
        person.register(secrets.token_urlsafe(12))
        self.people.append(person)
        return person

    def moderator_logs_in(self) -> None:
        login = self.moderators_login
        self.moderator.log_in(login["email"], login["password"])

    def live_post(self, author: Person, title: str = "A title") -> dict[str, Any]:
        revision = author.write_and_submit(title)
        self.approve(revision)
        return revision

    def approve(self, revision: dict[str, Any]) -> None:
        path = f"moderation/revisions/{revision['id']}/approve"
        self.moderator.call("POST", path, {"version": revision["version"]})

    def comment(self, by: Person, post: dict[str, Any], body: str = "Well said") -> None:
        by.call("POST", f"posts/{post['slug']}/comments", {"body": body})

    def wall_of(self, person: Person) -> dict[str, Any]:
        """One post of theirs, the same each time."""
        if person.name not in self.walls:
            self.walls[person.name] = self.live_post(person, f"By {person.name}")
        return self.walls[person.name]

    def mention(self, by: Person, whom: Person, body: str) -> None:
        """In a comment on a post of `by`: each makes an item of its own."""
        self.comment(by, self.wall_of(by), f"@{whom.name} {body}")

    def reconcile(self) -> dict[str, int]:
        """Once all that was emitted is consumed, or after PATIENCE_S."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            command = ("reconcile", "--json", "--exit-zero")
            row: dict[str, int] = json.loads(self.stack.manage("social", *command))
            if row["missing"] == 0 or time.monotonic() > deadline:
                return row


def start_toby(stack: Stack) -> Toby:
    stack.start_processes()
    who = ("--username", "moderator", "--email", "moderator@toby.example", "--role", "moderator")
    printed = stack.manage("accounts", "create_user", *who, "--reset-password", "--json")
    login = json.loads(printed.strip().splitlines()[-1])
    toby = Toby(stack, Person(stack.origin, "moderator"), login)
    toby.moderator_logs_in()
    return toby


def items_of(person: Person) -> list[dict[str, Any]]:
    """All of somebody's notifications, asked afresh by REST, oldest first."""
    found: list[dict[str, Any]] = []
    path = "notifications?limit=100"
    while path:
        page = person.call("GET", path)
        found += page["results"]
        path = (page["next"] or "").removeprefix("/api/v1/")
    return found[::-1]


def held_after(screen: Screen, items: dict[str, Any]) -> None:
    """Takes frames into `items`, as a client holds them, until counts say that all has come."""
    while True:
        frame = screen.next_frame()
        if frame["type"] == "item":
            item = frame["item"]
            if item["id"] not in items or items[item["id"]]["seq"] < item["seq"]:
                items[item["id"]] = item
        elif frame["type"] == "counts":
            return


@contextmanager
def database_at(url: str) -> Iterator[BaseDatabaseWrapper]:
    """A connection to the running system's, of a test's own, beside those of the suite."""
    connections.settings["beside"] = connections.configure_settings(
        {"default": {}, "beside": database(url)}
    )["beside"]
    connection = connections["beside"]
    try:
        yield connection
    finally:
        connection.close()
        del connections.settings["beside"], connections["beside"]


class Line:
    """Carries bytes to a port and back, until it is cut. What its caller calls it by is written as
    the far end's name, as if it were no more than a line."""

    def __init__(self, port: int) -> None:
        self.far = port
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.calls: set[socket.socket] = set()
        self.silent: set[socket.socket] = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listening.accept()
                far = socket.create_connection(("127.0.0.1", self.far))
                self.calls |= {near, far}
                threading.Thread(target=self.carry, args=(near, far), daemon=True).start()

    def carry(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with suppress(OSError, ValueError):
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    carried = ready.recv(65536)
                    if not carried:
                        raise OSError
                    if ready in self.silent:
                        continue
                    if ready is near:
                        carried = carried.replace(name_of(self.port), name_of(self.far))
                    other[ready].sendall(carried)
        for end in (near, far):
            end.close()
            self.calls.discard(end)

    def cut(self) -> None:
        """All that is under way ends; who calls again gets through."""
        for end in list(self.calls):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def fall_silent(self) -> None:
        """Of what is under way nothing arrives any more, and neither end is told; who calls again
        gets through."""
        self.silent |= self.calls

    def close(self) -> None:
        self.listening.close()
        self.cut()


def name_of(port: int) -> bytes:
    return b"127.0.0.1:%d" % port
