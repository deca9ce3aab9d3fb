"""Frames that are written at once, to clients of another make."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from toby.common.web_socket_protocol import WebSocketProtocol, Write, writer_of

SIZES = (0, 125, 126, 65_535, 65_536)


class Application:
    """Accepts, and hands out what it can do then; does nothing more until it is told to close."""

    def __init__(self) -> None:
        self.accepted: asyncio.Future[tuple[Write, Any]] = asyncio.Future()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.accepted.set_result((writer_of(scope), send))
        while (await receive())["type"] != "websocket.disconnect":
            pass


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[ClientConnection, Write, Any]]:
    application = Application()
    config = uvicorn.Config(application, ws=WebSocketProtocol, log_config=None)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: WebSocketProtocol(config, state, {}), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", max_queue=1) as client:
            yield client, *(await application.accepted)


def play(scenario: Callable[[ClientConnection, Write, Any], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(10), connected() as (client, write, send):
            await scenario(client, write, send)

    asyncio.run(whole())


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110  what it waits for is no event
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("letter", ["x", "ž"])
def test_texts_of_every_size_arrive_as_they_are(letter: str) -> None:
    texts = [letter * (size // len(letter.encode())) for size in SIZES]

    async def scenario(client: ClientConnection, write: Write, send: Any) -> None:
        assert write(texts)
        assert [await client.recv() for _ in texts] == texts

    play(scenario)


def test_what_is_written_at_once_and_what_is_sent_arrive_in_turn() -> None:
    async def scenario(client: ClientConnection, write: Write, send: Any) -> None:
        for number in range(0, 9, 3):
            assert write([str(number), str(number + 1)])
            await send({"type": "websocket.send", "text": str(number + 2)})
        assert [await client.recv() for _ in range(9)] == [str(number) for number in range(9)]

    play(scenario)


def test_a_client_that_does_not_read_is_written_no_more_until_it_reads() -> None:
    async def scenario(client: ClientConnection, write: Write, send: Any) -> None:
        written = 0
        while write([f"{written}" + " " * 100_000]):
            written += 1
            await asyncio.sleep(0)
        assert not write(["refused"])
        for number in range(written):
            assert (await client.recv()).strip() == str(number)
        await until(lambda: write(["after"]))
        assert await client.recv() == "after"

    play(scenario)


def test_nothing_is_written_after_the_close() -> None:
    async def scenario(client: ClientConnection, write: Write, send: Any) -> None:
        await send({"type": "websocket.close", "code": 4401})
        assert not write(["late"])
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401

    play(scenario)


def test_nothing_is_written_to_a_client_that_has_gone() -> None:
    async def scenario(client: ClientConnection, write: Write, send: Any) -> None:
        await client.close()
        await until(lambda: not write(["anybody?"]))

    play(scenario)


def test_under_another_server_nothing_is_written_at_once() -> None:
    assert not writer_of({"type": "websocket"})(["text"])
    assert not writer_of({"type": "websocket", "extensions": {}})(["text"])
