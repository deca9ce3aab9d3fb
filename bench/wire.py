"""Very many WebSockets at once, and what serves them: MariaDB, Redis and `manage.py serve` on one
core, who asks on the other.

The client is a bare one: it has to take more frames than a server can send.
"""

import os
import resource
import secrets
import select
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.site import set_up
from bench.stack import HOME, PORT
from deploy.local.child import Child, wait_until
from deploy.local.servers import MariaDB, Redis
from deploy.local.servers.base import ADDRESS, REPOSITORY, ask

SERVE_PORT, BARE_PORT, GROUPS_PORT = PORT + 86, PORT + 87, PORT + 88
PATIENCE_S = 30.0
# Opened at a time: a listening socket's queue is no longer than some hundreds.
OPENED_AT_ONCE = 50
TEXT, CLOSE, PING = 0x81, 0x88, 0x89
# Masked, as a client's are, with zeros: its payload is as it is.
PONG, SAID = 0x8A, 0x81


class Processes:
    """What is measured, each a process of its own; ended with the site."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.children: list[Child] = []

    def start_toby(self) -> Child:
        """`manage.py serve`, once it is ready."""
        child = self.start("manage.py", "serve", "--host", ADDRESS, "--port", str(SERVE_PORT))
        question = f"GET /readyz HTTP/1.0\r\nHost: {ADDRESS}\r\n\r\n".encode()

        def is_ready() -> bool:
            return b" 200 " in ask(SERVE_PORT, question, timeout_s=3).split(b"\r\n")[0]

        assert wait_until(is_ready, timeout_s=PATIENCE_S), child.log_tail()
        return child

    def start_baseline(self, module: str, port: int) -> Child:
        """`python -m module port`, once it listens there."""
        child = self.start("-m", module, str(port))
        assert wait_until(lambda: listens(port), timeout_s=PATIENCE_S), child.log_tail()
        return child

    def start(self, *arguments: str) -> Child:
        child = Child(
            [sys.executable, *arguments],
            log=self.logs / f"{arguments[1]}.log",
            environment=dict(os.environ),
            folder=REPOSITORY,
        )
        self.children.append(child)
        child.start()
        return child

    def stop(self) -> None:
        for child in self.children:
            child.stop()


@contextmanager
def notifications_site() -> Iterator[Processes]:
    """Django is set up in this process with the settings of notifications; tables are empty."""
    cores = sorted(os.sched_getaffinity(0))
    allow_files()
    home = HOME / "wire"
    database = MariaDB(home / "mariadb", PORT + 84, password="bench")
    redis = Redis(home / "redis", PORT + 85)
    processes = Processes(home)
    # Children inherit it from the thread that starts the first of them.
    os.sched_setaffinity(0, {cores[0]})
    try:
        database.start()
        redis.start()
        os.sched_setaffinity(0, set(cores[1:]) or set(cores))
        os.environ |= {
            "NOTIFICATIONS_DATABASE_URL": database.url("toby_notifications"),
            "TOBY_LAYER_PREFIX": f"bench-{secrets.token_hex(3)}",
        }
        shared, store = database.url("toby"), f"redis://{redis.address}"
        set_up(shared, store, settings="toby.settings.notifications")
        empty()
        yield processes
    finally:
        processes.stop()
        redis.stop()
        database.stop()
        os.sched_setaffinity(0, cores)


def empty() -> None:
    """Of what an earlier run has left."""
    from toby.common import session_store
    from toby.notifications.models import Fact, Inbox, Item

    session_store.connection().flushdb()
    for model in (Fact, Item, Inbox):
        model._default_manager.all().delete()


def allow_files() -> None:
    """As many open files as there may be, for this process and its children."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((ADDRESS, port), timeout=1):
        return True
    return False


def bearers(count: int) -> list[str]:
    """The header by which each of the users 1 to `count` is known, of a session of their own."""
    from toby.common import session_store, tokens
    from toby.common.principals import Principal

    headers = []
    for user_id in range(1, count + 1):
        token, name = tokens.mint(tokens.ACCESS), f"reader-{user_id}"
        principal = Principal(
            user_id=user_id, username=name, session_id=f"{user_id:036}", expires_at=2**40
        )
        session_store.open_session(principal, token, ttl_s=7200, session_ttl_s=7200)
        headers.append(f"Authorization: Bearer {token}\r\n")
    return headers


class Line:
    """One WebSocket. `texts` have come and are not taken yet."""

    def __init__(self, port: int, path: str, headers: str = "") -> None:
        self.socket = socket.create_connection((ADDRESS, port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.texts: list[bytes] = []
        self.rest = b""
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {ADDRESS}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\n{key}{headers}\r\n".encode()
        )

    def greeted(self) -> bytes:
        """The first frame: it is connected."""
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.read()
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert b" 101 " in head.split(b"\r\n")[0], head
        self.take(rest)
        return self.next_text()

    def next_text(self) -> bytes:
        while not self.texts:
            self.take(self.read())
        return self.texts.pop(0)

    def read(self) -> bytes:
        """Raises ConnectionError when the other side has gone."""
        data = self.socket.recv(256 * 1024)
        if not data:
            raise ConnectionError("cut")
        return data

    def take(self, data: bytes) -> int:
        """How many texts have become whole with it. Answers pings; raises ConnectionError at a
        close."""
        data = self.rest + data if self.rest else data
        at, size, before = 0, len(data), len(self.texts)
        while size - at >= 2:
            opcode, length, begins = data[at], data[at + 1], at + 2
            if length >= 126:
                begins += 2 if length == 126 else 8
                length = int.from_bytes(data[at + 2 : begins], "big")
            if begins + length > size:
                break
            at = begins + length
            if opcode == TEXT:
                self.texts.append(data[begins:at])
            elif opcode == PING:
                self.send(PONG, data[begins:at])
            elif opcode == CLOSE:
                raise ConnectionError(f"closed with {int.from_bytes(data[begins : begins + 2])}")
        self.rest = data[at:]
        return len(self.texts) - before

    def say(self, text: str) -> None:
        self.send(SAID, text.encode())

    def send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = bytes([opcode, 0x80 | size])
        else:
            head = bytes([opcode, 0xFF]) + size.to_bytes(8, "big")
        self.socket.sendall(head + bytes(4) + payload)


class Crowd:
    """Many lines, read as what comes on them comes."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.by_file: dict[int, Line] = {}
        self.poll = select.epoll()

    def connect(self, port: int, ways: Sequence[tuple[str, str]]) -> None:
        """A line for each path and its headers; returns when all are greeted."""
        for start in range(0, len(ways), OPENED_AT_ONCE):
            opened = [Line(port, *way) for way in ways[start : start + OPENED_AT_ONCE]]
            for line in opened:
                line.greeted()
                self.by_file[line.socket.fileno()] = line
                self.poll.register(line.socket, select.EPOLLIN)
            self.lines += opened

    def read(self, texts: int, *, within_s: float = PATIENCE_S) -> float:
        """Until so many texts have come on all lines together, or the time is up: `texts` of each
        tell. Returns when the last came."""
        deadline = time.perf_counter() + within_s
        by_file, poll, missing = self.by_file, self.poll.poll, texts
        while missing > 0 and (left := deadline - time.perf_counter()) > 0:
            for file, _ in poll(left):
                line = by_file[file]
                missing -= line.take(line.read())
        return time.perf_counter()

    def taken(self) -> list[list[bytes]]:
        """What has come on each line since this was asked last."""
        found = []
        for line in self.lines:
            found.append(line.texts)
            line.texts = []
        return found

    def close(self) -> None:
        for line in self.lines:
            line.socket.close()
        self.poll.close()
