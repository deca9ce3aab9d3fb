"""Serves the notifications service, REST and WebSocket, until it is stopped.

Uvicorn, since it waits for clients that read slowly, where others buffer without bound.
"""

import asyncio
import socket
import sys
from contextlib import suppress
from typing import Any

import uvicorn
from django.core.management.base import CommandParser

from toby.common.command import Command as BaseCommand
from toby.notifications.frames import MAX_FRAME_BYTES
from toby.notifications.hub import this_hub
from toby.notifications.protocol import Protocol

DRAIN_S, END_WITHIN_S = 2.0, 5
# What was written is not taken for so long: later than a socket is closed for being slow, so that a
# client that reads again is told.
GONE_AFTER_S = 60


class Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        for listening in self.servers:
            for each in listening.sockets:
                forget_who_reads_nothing(each)

    async def shutdown(self, sockets: Any = None) -> None:
        for listening in self.servers:
            listening.close()
        await this_hub().drain(DRAIN_S)
        await super().shutdown(sockets)


def forget_who_reads_nothing(listening: socket.socket) -> None:
    """Lets the kernel end connections whose client takes nothing of what is due to it (RFC 5482).
    They would stay for ever: a close waits until all before it is taken."""
    if sys.platform == "linux":
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_AFTER_S * 1000)


def config(host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        "toby.asgi:application",
        host=host,
        port=port,
        loop="asyncio",
        http="h11",
        ws=Protocol,
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


class Command(BaseCommand):
    help = "Serves the notifications service, REST and WebSocket, until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        with suppress(KeyboardInterrupt):
            asyncio.run(Server(config(options["host"], options["port"])).serve())
