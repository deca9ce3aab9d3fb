"""What a WebSocket's client may send before the application sees it: how much, and how often.

A token bucket for each connection, in memory, for frames of every kind. Who sends more is
throttled: messages get the error `too_many`, pings no answer. Who goes on all the same is closed.
"""

import time
from asyncio import BaseTransport
from typing import Any

from websockets.frames import Frame

from toby.common.web_socket_protocol import WebSocketProtocol
from toby.notifications.frames import Error
from toby.notifications.refusals import FLOODING

FRAMES_AT_ONCE, FRAMES_PER_S, FRAMES_IN_VAIN = 50, 10.0, 50
# One read brings at most some thousand of the smallest frames; asyncio's own are 16 times as large.
READ_BYTES = 16 * 1024
# For the client to read why it is closed, while what it sends is thrown away.
CLOSE_WITHIN_S = 1.0
TOO_MANY = Error(code="too_many", detail="More frames than are taken; wait a moment.").encoded()


class Protocol(WebSocketProtocol):
    """With an allowance for each client."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Below zero by the frames that were sent in vain.
        self.allowance, self.counted_at = float(FRAMES_AT_ONCE), time.monotonic()
        self.takes_message = True

    def connection_made(self, transport: BaseTransport) -> None:
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]  # of asyncio's own transports
        super().connection_made(transport)

    def handle_text(self, event: Frame) -> None:
        if self.is_taken():
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        if self.is_taken():
            super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        if not self.takes_message:
            # The client knows.
            self.is_allowed()
        elif self.is_taken():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self.is_allowed():
            super().handle_ping()
        else:
            # The answer lies there already.
            self.conn.data_to_send()

    def handle_pong(self, event: Frame) -> None:
        if self.is_allowed():
            super().handle_pong(event)

    def is_taken(self) -> bool:
        """Counts a message, or a part of it; tells the client if it is refused."""
        self.takes_message = self.is_allowed()
        if not self.takes_message and self.handshake_complete:
            self.write_at_once([TOO_MANY])
        return self.takes_message

    def is_heard(self) -> bool:
        """Whether what is written now is read, as far as one can know."""
        return self.handshake_complete and not self.close_sent and self.writable.is_set()

    def is_allowed(self) -> bool:
        """Counts a frame: those in vain as well."""
        now = time.monotonic()
        gained = (now - self.counted_at) * FRAMES_PER_S
        self.allowance = min(FRAMES_AT_ONCE, self.allowance + gained) - 1
        self.counted_at = now
        if self.allowance < -FRAMES_IN_VAIN:
            self.end_flood()
        return self.allowance >= 0

    def end_flood(self) -> None:
        if self.is_heard():
            self.conn.fail(FLOODING)
            self.close_as_said(FLOODING)
        elif self.close_timer is None:
            self.transport.abort()

    def handle_parser_exception(self) -> None:
        """Uvicorn's closes the connection at once. Where more has come than was read, that is a
        reset, and takes the reason with it."""
        if self.conn.close_sent is None:
            super().handle_parser_exception()
        elif not self.close_sent:
            self.close_as_said(self.conn.close_sent.code)

    def close_as_said(self, code: int) -> None:
        """Sends the close frame that is made, and throws away what still comes."""
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CLOSE_WITHIN_S, self.transport.abort)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
