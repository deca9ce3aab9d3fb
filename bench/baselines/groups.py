"""Notifications as Channels' documentation has it: each socket joins the group of its user, and the
layer carries a message to each group. The server is ours, and so are its options.

    python -m bench.baselines.groups PORT
"""

import asyncio
import sys
from typing import Any

import uvicorn
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer

READY = '{"type":"ready"}'


def group_of(user_id: int) -> str:
    return f"user_{user_id}"


class UsersSocket(AsyncWebsocketConsumer):
    """Its path is its user's number."""

    async def connect(self) -> None:
        self.group = group_of(int(self.scope["path"].strip("/")))
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.send(text_data=READY)

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def frames(self, message: dict[str, Any]) -> None:
        for frame in message["frames"]:
            await self.send(text_data=frame)


async def tell(user_id: int, frames: list[str]) -> None:
    layer = get_channel_layer()
    assert layer is not None
    await layer.group_send(group_of(user_id), {"type": "frames", "frames": frames})


def main(port: int) -> None:
    import django

    django.setup()
    from toby.notifications.management.commands.serve import config

    ours = config("127.0.0.1", port)
    ours.app = UsersSocket.as_asgi()
    asyncio.run(uvicorn.Server(ours).serve())


if __name__ == "__main__":
    main(int(sys.argv[1]))
