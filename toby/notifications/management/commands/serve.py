"""Serves the notifications service, REST and WebSocket, until it is stopped.

Uvicorn, since it waits for clients that read slowly, where others buffer without bound.
"""

import asyncio
from contextlib import suppress
from typing import Any

import uvicorn
from django.core.management.base import CommandParser

from toby.common.command import Command as BaseCommand
from toby.common.web_socket_protocol import WebSocketProtocol
from toby.notifications.frames import MAX_FRAME_BYTES
from toby.notifications.hub import this_hub

DRAIN_S, END_WITHIN_S = 2.0, 5


class Server(uvicorn.Server):
    async def shutdown(self, sockets: Any = None) -> None:
        for listening in self.servers:
            listening.close()
        await this_hub().drain(DRAIN_S)
        await super().shutdown(sockets)


class Command(BaseCommand):
    help = "Serves the notifications service, REST and WebSocket, until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        config = uvicorn.Config(
            "toby.asgi:application",
            host=options["host"],
            port=options["port"],
            loop="asyncio",
            http="h11",
            ws=WebSocketProtocol,
            ws_max_size=MAX_FRAME_BYTES,
            # It takes 30 KiB a socket, and half of the speed.
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            # What nginx says of the client is read by ourselves.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=END_WITHIN_S,
        )
        with suppress(KeyboardInterrupt):
            asyncio.run(Server(config).serve())
