"""A copy of notifications goes, with a thousand sockets on it, or is killed, and nobody misses
anything; and clients that do not read cost nothing but their own place."""

import asyncio
import json
import os
import re
import signal
import socket
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import pytest
import redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from deploy.demo import Person
from deploy.local.processes import Process
from tests.flow.support import PATIENCE_S, Toby, eventually
from toby.notifications.frames import MAX_FRAME_BYTES
from toby.notifications.hints import Hint, announce
from toby.notifications.hub import RETRY_WITHIN_MS
from toby.notifications.management.commands.serve import DRAIN_S
from toby.notifications.places import LAPSES_AFTER_S, PLACES_A_USER
from toby.notifications.sync_tokens import SyncToken

pytestmark = pytest.mark.flow

PEOPLE, SOCKETS_EACH, AT_ONCE = 50, PLACES_A_USER, 50
LATER_MS = range(RETRY_WITHIN_MS)
READY = re.compile(rb'"type":"ready"')
# The database knows nothing of what was made up. Or a close frame (RFC 6455, 5.5.1) with 4408.
CAUGHT_UP_OR_TOO_SLOW = re.compile(rb'"type":"reset"|\x88.\x11\x38', re.DOTALL)


@pytest.fixture(scope="module")
def readers(toby: Toby) -> list[Person]:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(toby.person, (f"reader-{number}" for number in range(PEOPLE))))


@pytest.fixture
def first_copy(toby: Toby) -> Iterator[Process]:
    """It runs again afterwards."""
    unit = toby.stack.process("notifications-1")
    yield process(toby, "notifications-1")
    unit.start()
    eventually(process(toby, "notifications-1").is_healthy)


def process(toby: Toby, name: str) -> Process:
    found = toby.stack.process(name).part
    assert isinstance(found, Process)
    return found


def address_of(copy: Process) -> str:
    return f"ws://127.0.0.1:{copy.port}/ws/notifications"


async def connected(copy: Process, reader: Person) -> ClientConnection:
    headers = {"Authorization": f"Bearer {reader.token}"}
    return await connect(address_of(copy), additional_headers=headers, ping_interval=None)


async def until_ready(connection: ClientConnection) -> str:
    """The token that it is ready at; "" if it is refused."""
    with suppress(ConnectionClosed):
        return str(json.loads(await connection.recv())["token"])
    return ""


async def opened(
    copy: Process, reader: Person, permit: asyncio.Semaphore
) -> tuple[ClientConnection, str]:
    """A socket, and the token that it is ready at."""
    async with permit:
        connection = await connected(copy, reader)
        token = await until_ready(connection)
        assert token, "it was refused"
        return connection, token


async def until_closed(connection: ClientConnection) -> tuple[int, int]:
    """The close code, and after how many ms to come back."""
    retry_ms = -1
    try:
        while True:
            frame = json.loads(await connection.recv())
            retry_ms = frame.get("retry_ms", retry_ms)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006, retry_ms


async def held(connection: ClientConnection, token: str) -> list[str]:
    """The titles of the items after `token`, once there is one."""
    await connection.send(json.dumps({"type": "resume", "after": token}))
    titles: dict[str, str] = {}
    while True:
        frame = json.loads(await connection.recv())
        if frame["type"] == "item":
            titles[frame["item"]["id"]] = frame["item"]["title"]
        elif frame["type"] == "counts" and frame["unread"] > 0:
            await connection.close()
            return list(titles.values())


def test_a_thousand_sockets_are_sent_away_and_are_back_on_the_other_copy_with_nothing_missing(
    toby: Toby, readers: list[Person], first_copy: Process
) -> None:
    """Each reader has as many as one may, and comes back at once: none is refused, the old ones'
    places being free."""
    unit, other_copy = toby.stack.process("notifications-1"), process(toby, "notifications-2")
    ben, permit = toby.person("ben"), asyncio.Semaphore(AT_ONCE)
    theirs = [reader for reader in readers for _ in range(SOCKETS_EACH)]
    closed_at: list[float] = []

    async def client(
        reader: Person, connection: ClientConnection, token: str
    ) -> tuple[int, int, list[str]]:
        code, retry_ms = await until_closed(connection)
        closed_at.append(time.monotonic())
        back, _ = await opened(other_copy, reader, permit)
        return code, retry_ms, await held(back, token)

    async def scenario() -> None:
        sockets = await asyncio.gather(*(opened(first_copy, reader, permit) for reader in theirs))
        clients = [
            asyncio.create_task(client(reader, connection, token))
            for reader, (connection, token) in zip(theirs, sockets, strict=True)
        ]
        # It waits for the process: 10 s at most, then kills.
        stopping = asyncio.create_task(asyncio.to_thread(unit.stop, 10))
        for reader in readers:
            await asyncio.to_thread(ben.call, "PUT", f"profiles/{reader.name}/follow")
        ends = await asyncio.gather(*clients)
        await stopping
        assert Counter(code for code, _, _ in ends) == {1012: len(theirs)}
        # Not all at once, and each is to come back at a time of its own.
        assert max(closed_at) - min(closed_at) > DRAIN_S / 2
        assert {retry_ms for _, retry_ms, _ in ends} <= set(LATER_MS)
        assert len({retry_ms for _, retry_ms, _ in ends}) > len(theirs) / 4
        assert [titles for _, _, titles in ends] == [["Ben follows you"]] * len(theirs)

    asyncio.run(scenario())
    # By itself: at the deadline it would have been killed.
    assert first_copy.exit_code != -signal.SIGKILL


def test_the_places_on_a_copy_that_is_killed_are_free_within_twenty_seconds(
    toby: Toby, first_copy: Process
) -> None:
    reader, other_copy = toby.person("reader"), process(toby, "notifications-2")

    async def scenario() -> None:
        permit = asyncio.Semaphore(AT_ONCE)
        for _ in range(PLACES_A_USER):
            await opened(first_copy, reader, permit)
        connection = await connected(other_copy, reader)
        assert await until_closed(connection) == (4429, -1)
        first_copy.kill()
        async with asyncio.timeout(LAPSES_AFTER_S + 2):
            while not await until_ready(connection := await connected(other_copy, reader)):  # noqa: ASYNC110  it is no event
                await asyncio.sleep(0.5)
        await connection.close()

    asyncio.run(scenario())


def handshake(copy: Process, reader: Person) -> socket.socket:
    """A WebSocket of somebody who reads until it is ready, and no more."""
    raw = socket.socket()
    # Else the kernel would take all that is due for it.
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    raw.connect(("127.0.0.1", copy.port))
    lines = (
        "GET /ws/notifications HTTP/1.1",
        "Host: toby",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {b64encode(bytes(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        f"Authorization: Bearer {reader.token}",
    )
    raw.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert raw.recv(12) == b"HTTP/1.1 101"
    # Else what is told before it has joined is not due to it.
    read_until(raw, READY)
    return raw


def test_who_waits_for_an_answer_or_follows_a_stream_holds_no_thread(
    toby: Toby, first_copy: Process
) -> None:
    """But for those that all share, of which there may be some more now."""
    before, shared = threads(first_copy), 12
    with ExitStack() as closing:
        waiting = wait_on(toby, first_copy, closing)
        eventually(lambda: threads(first_copy) <= before + shared)
        assert len(waiting) > 2 * shared
        for each in waiting:
            each.setblocking(False)
            # Nobody was answered, or sent away.
            with suppress(BlockingIOError):
                assert each.recv(12) == b"HTTP/1.1 200"


def wait_on(toby: Toby, copy: Process, closing: ExitStack) -> list[socket.socket]:
    """As many requests and streams as two people may have, once they wait."""
    waiting: list[socket.socket] = []
    for path in ("changes?wait_s=30&after=", "stream?after="):
        reader = toby.person("reader")
        after = reader.call("GET", "notifications/counts")["token"]
        asked = [ask(copy, reader, path + after) for _ in range(PLACES_A_USER)]
        waiting += map(closing.enter_context, asked)
        places = f"sockets:{reader.call('GET', 'users/me')['id']}"
        with redis.Redis.from_url(toby.stack.addresses["REDIS_URL"]) as server:
            eventually(partial(are_taken, server, places))
    return waiting


def are_taken(server: redis.Redis, places: str) -> bool:
    return server.zcard(places) == PLACES_A_USER


def threads(copy: Process) -> int:
    return len(list(Path(f"/proc/{copy.pid}/task").iterdir()))


def ask(copy: Process, reader: Person, path: str) -> socket.socket:
    raw = socket.create_connection(("127.0.0.1", copy.port))
    lines = (
        f"GET /api/v1/notifications/{path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {reader.token}",
    )
    raw.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return raw


def test_a_frame_that_is_too_large_ends_the_socket(toby: Toby, first_copy: Process) -> None:
    reader = toby.person("reader")

    async def scenario() -> None:
        connection, _ = await opened(first_copy, reader, asyncio.Semaphore())
        await connection.send("x" * (MAX_FRAME_BYTES + 1))
        assert (await until_closed(connection))[0] == 1009

    asyncio.run(scenario())


def test_sockets_that_never_read_take_no_memory_and_hold_up_nobody(
    toby: Toby, readers: list[Person], first_copy: Process
) -> None:
    """10 MB are due to each of them. Who reads after all is told by the database what there is, or
    was too slow."""
    ana, ben = toby.person("ana"), toby.person("ben")
    readers = readers[:10]
    ids = [reader.call("GET", "users/me")["id"] for reader in readers]
    size, times = 10_000, 1_000

    async def scenario() -> None:
        screen, _ = await opened(first_copy, ana, asyncio.Semaphore())
        epochs = [await epoch_of(first_copy, reader) for reader in readers]
        inboxes = list(zip(ids, epochs, strict=True))
        silent = [handshake(first_copy, reader) for reader in readers]
        before = most = resident_bytes(first_copy)
        for seq in range(1, times + 1):
            await announce([made_up(*inbox, seq, "x" * size) for inbox in inboxes])
            most = max(most, resident_bytes(first_copy))
        await asyncio.to_thread(ben.call, "PUT", f"profiles/{ana.name}/follow")
        # It comes after all of theirs.
        assert json.loads(await screen.recv())["item"]["title"] == "Ben follows you"
        most = max(most, resident_bytes(first_copy))
        assert most - before < 20_000_000
        assert await asyncio.to_thread(first_copy.is_healthy)
        for each in silent:
            await asyncio.to_thread(read_until, each, CAUGHT_UP_OR_TOO_SLOW)
            each.close()
        await screen.close()

    asyncio.run(scenario())
    assert size * times * len(readers) >= 100_000_000


def read_until(raw: socket.socket, end: re.Pattern[bytes]) -> None:
    """`end` is at most 100 bytes long."""
    raw.settimeout(PATIENCE_S)
    tail = b""
    while not end.search(tail):
        part = raw.recv(65536)
        assert part, "it was closed"
        tail = tail[-100:] + part


async def epoch_of(copy: Process, reader: Person) -> str:
    connection, token = await opened(copy, reader, asyncio.Semaphore())
    await connection.close()
    return SyncToken.parse(token).epoch


def made_up(user_id: int, epoch: str, seq: int, frame: str) -> Hint:
    """As if an item had come."""
    return Hint(
        user_id=user_id,
        epoch=epoch,
        prev=seq - 1,
        seq=seq,
        unread=0,
        unseen=0,
        frames=[(seq, frame)],
    )


def resident_bytes(copy: Process) -> int:
    pages = int(Path(f"/proc/{copy.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")
