"""Which path is which socket."""

from typing import Any

from toby.notifications.sockets import NotificationsSocket

_notifications: Any = NotificationsSocket.as_asgi()


async def route(scope: Any, receive: Any, send: Any) -> None:
    """Closes what asks for another path, where Channels' router would raise."""
    if scope["path"] == "/ws/notifications":
        await _notifications(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close"})
