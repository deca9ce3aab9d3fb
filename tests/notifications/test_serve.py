"""The server that `manage.py serve` runs, over TCP: what clients can do to it."""

import asyncio
import json
import socket
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.notifications.test_sockets import bearer, places_of, play, until
from toby.accounts.models import User
from toby.notifications import hub, protocol
from toby.notifications.hints import Hint
from toby.notifications.live import WINDOW_BYTES, LiveFeed
from toby.notifications.management.commands import serve
from toby.notifications.management.commands.serve import Server
from toby.notifications.protocol import FRAMES_AT_ONCE, FRAMES_IN_VAIN, READ_BYTES, Protocol

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

# Than kernels take of what nobody reads.
MORE_BYTES = 20_000_000
PING = json.dumps({"type": "ping"})
WS, STREAM = "/ws/notifications", "/api/v1/notifications/stream"


@pytest.fixture
def headers(ana: User) -> dict[str, str]:
    return bearer(ana)


@pytest.fixture(autouse=True)
def goes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "DRAIN_S", 0)


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server(serve.config("127.0.0.1", 0))
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield server
    finally:
        server.should_exit = True
        await running


def port_of(server: Server) -> int:
    return int(server.servers[0].sockets[0].getsockname()[1])


@asynccontextmanager
async def client_of(server: Server, headers: dict[str, str]) -> AsyncIterator[ClientConnection]:
    """It is ready."""
    url = f"ws://127.0.0.1:{port_of(server)}{WS}"
    async with connect(url, additional_headers=headers, ping_interval=None) as connection:
        assert json.loads(await connection.recv())["type"] == "ready"
        yield connection


def connection_of(server: Server) -> Protocol:
    (found,) = server.server_state.connections
    assert isinstance(found, Protocol)
    return found


async def rest_of(connection: ClientConnection) -> tuple[Counter[str], int]:
    """What comes until it is closed: how many of each type or error, and the close code."""
    told: Counter[str] = Counter()
    async with asyncio.timeout(10):
        try:
            while True:
                frame = json.loads(await connection.recv())
                told[frame.get("code") or frame["type"]] += 1
        except ConnectionClosed as closed:
            return told, closed.rcvd.code if closed.rcvd else 1006


def pour(connection: ClientConnection, *frames: Frame) -> None:
    """All in one go, past the client's own bookkeeping."""
    connection.transport.write(b"".join(frame.serialize(mask=True) for frame in frames))


def text(content: str = PING, *, fin: bool = True) -> Frame:
    return Frame(Opcode.TEXT, content.encode(), fin)


def test_frames_over_the_rate_are_refused_and_then_the_client_is_closed(
    headers: dict[str, str],
) -> None:
    async def scenario() -> None:
        async with serving() as server, client_of(server, headers) as client:
            pour(client, *[text()] * 10_000)
            told, code = await rest_of(client)
            assert code == 4420
            assert FRAMES_IN_VAIN <= told["too_many"] <= FRAMES_IN_VAIN + 10
            await until(lambda: hub.this_hub().sockets() == [])

    play(scenario)


def test_who_stops_when_it_is_told_goes_on_a_moment_later(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "FRAMES_PER_S", 0.0)

    async def scenario() -> None:
        async with serving() as server, client_of(server, headers) as client:
            pour(client, *[text()] * (FRAMES_AT_ONCE + FRAMES_IN_VAIN))
            answers = [json.loads(await client.recv()) for _ in range(100)]
            kinds = [answer.get("code") or answer["type"] for answer in answers]
            assert Counter(kinds) == {"pong": FRAMES_AT_ONCE, "too_many": FRAMES_IN_VAIN}
            connection_of(server).counted_at -= 6
            monkeypatch.setattr(protocol, "FRAMES_PER_S", 10.0)
            await client.send(PING)
            assert json.loads(await client.recv()) == {"type": "pong"}

    play(scenario)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Opcode.PING, b"?"),
        Frame(Opcode.PONG, b"!"),
        Frame(Opcode.BINARY, b""),
        Frame(Opcode.CONT, b"", fin=False),
    ],
    ids=["pings", "pongs", "binary frames", "parts without an end"],
)
def test_a_flood_of_any_kind_is_closed(headers: dict[str, str], frame: Frame) -> None:
    async def scenario() -> None:
        async with serving() as server, client_of(server, headers) as client:
            begin = [text("{", fin=False)] if frame.opcode is Opcode.CONT else []
            pour(client, *begin, *[frame] * 10_000)
            assert (await rest_of(client))[1] == 4420

    play(scenario)


def test_what_comes_of_a_message_that_was_refused_in_parts_is_dropped(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "FRAMES_PER_S", 0.0)
    end = Frame(Opcode.CONT, PING[5:].encode())

    async def scenario() -> None:
        async with serving() as server, client_of(server, headers) as client:
            whole = [text(PING[:5], fin=False), end]
            pour(client, *[text()] * (FRAMES_AT_ONCE - 3), *whole, *whole, *whole)
            answers = [json.loads(await client.recv()) for _ in range(FRAMES_AT_ONCE)]
            kinds = [answer.get("code") or answer["type"] for answer in answers]
            # The second begins while there is one frame left, and ends when there is none.
            assert Counter(kinds) == {"pong": FRAMES_AT_ONCE - 2, "too_many": 2}

    play(scenario)


def test_a_frame_that_is_too_large_is_thrown_away_to_its_end_so_that_the_reason_is_heard(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CLOSE_WITHIN_S", 10.0)

    async def scenario() -> None:
        async with serving() as server, deaf_client(server, headers) as client:
            # Were the connection closed at once, this would fail, as it does in nginx.
            await send(client, text("x" * MORE_BYTES).serialize(mask=True))
            received = await asyncio.get_running_loop().sock_recv(client, 65536)
            assert b"\x88" in received
            assert (1009).to_bytes(2, "big") in received

    play(scenario)


def test_no_more_is_taken_into_memory_than_one_may_send(headers: dict[str, str]) -> None:
    async def scenario() -> None:
        async with serving() as server, client_of(server, headers) as client:
            ours, most = connection_of(server), 0
            take = ours.queue.put_nowait

            def counted(message: Any) -> None:
                nonlocal most
                take(message)
                most = max(most, ours.queue.qsize())

            ours.queue.put_nowait = counted  # type: ignore[method-assign, assignment]  # counted on this one only
            pour(client, *[text()] * 100_000)
            assert (await rest_of(client))[1] == 4420
            assert 0 < most <= FRAMES_AT_ONCE + 2

    play(scenario)


def test_a_client_that_pings_and_reads_no_answer_is_cut_off(headers: dict[str, str]) -> None:
    async def scenario() -> None:
        async with serving() as server, deaf_client(server, headers) as deaf:
            ours = connection_of(server)
            ours.transport.write(bytes(MORE_BYTES))
            assert not ours.writable.is_set()
            before = most = ours.transport.get_write_buffer_size()
            ping = ours.handle_ping

            def watched() -> None:
                nonlocal most
                ping()
                most = max(most, ours.transport.get_write_buffer_size())

            ours.handle_ping = watched  # type: ignore[method-assign]  # watched on this one only
            with suppress(ConnectionError):
                await send(deaf, Frame(Opcode.PING, bytes(100)).serialize(mask=True) * 100_000)
            await until(lambda: hub.this_hub().sockets() == [])
            assert most <= before + READ_BYTES

    play(scenario)


async def send(raw: socket.socket, content: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(raw, content)


@asynccontextmanager
async def deaf_client(
    server: Server, headers: dict[str, str], path: str = WS
) -> AsyncIterator[socket.socket]:
    """It is in the hub, and reads no more than the first line of the answer."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if path == WS:
        key = b64encode(bytes(16)).decode()
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines += [f"Sec-WebSocket-Key: {key}"]
    loop = asyncio.get_running_loop()
    with socket.socket() as raw:
        raw.setblocking(False)
        await loop.sock_connect(raw, ("127.0.0.1", port_of(server)))
        await loop.sock_sendall(raw, ("\r\n".join(lines) + "\r\n\r\n").encode())
        assert (await loop.sock_recv(raw, 12))[:9] == b"HTTP/1.1 "
        await until(lambda: len(hub.this_hub().sockets()) == 1)
        yield raw


async def overwhelm() -> None:
    """Hints come to the one who is connected, until what they bring has to wait."""
    (feed,) = hub.this_hub().sockets()
    assert isinstance(feed, LiveFeed)
    await until(lambda: feed.rests)
    size = WINDOW_BYTES // 2
    for _ in range(MORE_BYTES // size):
        seq = feed.position + 1
        feed.deliver(
            Hint(
                user_id=feed.user_id,
                epoch=feed.epoch,
                prev=seq - 1,
                seq=seq,
                unread=1,
                unseen=1,
                frames=[(seq, "x" * size)],
            )
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                while feed.writer is not None:  # noqa: ASYNC110  what it waits for is no event
                    await asyncio.sleep(0)
        if feed.writer is not None or feed.ended:
            return
    raise AssertionError("it took all")


def test_a_slow_client_that_reads_after_all_is_told_why_it_is_closed(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "SLOW_AFTER_S", 0.1)
    monkeypatch.setattr(hub, "SWEEP_S", 0.1)

    async def scenario() -> None:
        async with serving() as server, deaf_client(server, headers) as slow:
            (feed,) = hub.this_hub().sockets()
            assert isinstance(feed, LiveFeed)
            await overwhelm()
            await until(lambda: feed.ended)
            end = b"\x88\x02" + (4408).to_bytes(2, "big")
            received = b""
            async with asyncio.timeout(10):
                while not received.endswith(end):
                    part = await asyncio.get_running_loop().sock_recv(slow, 1_000_000)
                    assert part
                    received = received[-4:] + part

    play(scenario)


@pytest.mark.parametrize("path", [WS, STREAM])
def test_a_client_that_never_reads_again_loses_its_connection_and_its_place(
    ana: User, headers: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "GONE_AFTER_S", 1)

    async def scenario() -> None:
        async with serving() as server, deaf_client(server, headers, path):
            assert len(places_of(ana)) == 1
            await overwhelm()
            await until(lambda: hub.this_hub().sockets() == [] and not places_of(ana))
            assert server.server_state.connections == set()

    play(scenario)


def test_the_kernel_gives_up_on_a_client_later_than_the_hub() -> None:
    assert serve.GONE_AFTER_S > hub.SLOW_AFTER_S + hub.SWEEP_S
