"""Uvicorn's WebSocket protocol, which can also write without waiting, and close by itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.http11 import Request

# What an application finds in the extensions of its scope, under "write".
WRITE_AT_ONCE = "toby.write_at_once"
Write = Callable[[Sequence[str]], bool]


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """ASGI sends one frame at a time, by a system call and from a task each: so it takes twice as
    long to tell many clients of something."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][WRITE_AT_ONCE] = {"write": self.write_at_once}

    async def send(self, message: Any) -> None:
        """What comes after a close frame of this protocol's own is no mistake of the application,
        which does not know of it yet."""
        await self.writable.wait()
        if not self.close_sent:
            await super().send(message)
        elif message["type"] != "websocket.close":
            raise ClientDisconnected

    def send_receive_event_to_app(self) -> None:
        """Uvicorn's logs a traceback for a text that is not UTF-8, of which the client is told."""
        is_text = self.curr_msg_data_type == "text"
        if is_text and not self.close_sent and not is_utf8(b"".join(self.frames)):
            self.conn.send_close(CloseCode.INVALID_DATA)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    def write_at_once(self, texts: Sequence[str]) -> bool:
        """Writes these frames. Returns False, and writes nothing, where one has to wait until the
        client has read, or where it is gone: then `send` waits, or says so."""
        if self.close_sent or self.transport.is_closing() or not self.writable.is_set():
            return False
        frames: list[bytes] = []
        for text in texts:
            payload = text.encode()
            frames += (head_of(len(payload)), payload)
        self.transport.write(b"".join(frames))
        return True


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def head_of(size: int) -> bytes:
    """Of a text frame that is whole and not masked (RFC 6455, 5.2)."""
    if size < 126:
        return bytes((0x81, size))
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")


def writer_of(scope: Mapping[str, Any]) -> Write:
    """What an application writes by at once. Under a server without such a thing it refuses all."""
    extension = (scope.get("extensions") or {}).get(WRITE_AT_ONCE)
    write: Write = extension["write"] if extension else lambda _: False
    return write
