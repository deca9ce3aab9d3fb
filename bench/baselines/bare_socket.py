"""The least that frames to very many WebSockets can cost with Python: a server of the library
`websockets` which is given, beforehand, all that it is to send, and sends it when it is told to.

    python -m bench.baselines.bare_socket PORT
"""

import asyncio
import json
import sys
from contextlib import suppress

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

READY = '{"type":"ready"}'
connected: dict[str, ServerConnection] = {}


async def handle(socket: ServerConnection) -> None:
    """Everybody has a path; `/control` tells what to send to whom, then to send it."""
    assert socket.request is not None
    path = socket.request.path
    await socket.send(READY)
    if path == "/control":
        await obey(socket)
    else:
        connected[path] = socket
        with suppress(ConnectionClosed):
            async for _ in socket:
                pass


async def obey(control: ServerConnection) -> None:
    due: list[tuple[ServerConnection, list[str]]] = []
    async for said in control:
        if said == "go":
            for socket, frames in due:
                for frame in frames:
                    # To one, it is the library's fastest way to send: it waits for nobody.
                    broadcast([socket], frame)
        else:
            due = [(connected[path], frames) for path, frames in json.loads(said).items()]
            await control.send("held")


async def main(port: int) -> None:
    # As ours is: without deflate, which takes half of the speed.
    async with serve(handle, "127.0.0.1", port, compression=None, max_size=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
