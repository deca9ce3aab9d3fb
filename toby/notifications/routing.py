"""Which path is which socket."""

from typing import Any

from channels.routing import URLRouter
from django.urls import re_path

from toby.notifications.sockets import NotificationsSocket

websocket_urls = [re_path(r"^ws/notifications$", NotificationsSocket.as_asgi())]
_router = URLRouter(websocket_urls)


async def route(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Closes what asks for another path, where Channels would raise."""
    if scope["path"] == "/ws/notifications":
        await _router(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close"})
