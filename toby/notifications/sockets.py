"""WebSockets: `/ws/notifications`. One connection of one session, which follows one inbox."""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from redis.exceptions import RedisError

from toby.common import session_store
from toby.common.authentication import bearer_token
from toby.common.logging import log
from toby.common.principals import Principal
from toby.common.request_id import accept_or_make
from toby.notifications import services
from toby.notifications.hints import Hint, announce
from toby.notifications.hub import SESSION_GONE, in_database
from toby.notifications.live import LiveFeed, encoded
from toby.notifications.models import Inbox
from toby.notifications.sync_tokens import BadSyncToken, SyncToken

logger = logging.getLogger(__name__)

WRONG_ORIGIN, TRY_LATER = 4403, 1013
IDS_AT_ONCE = 500
# What a client speaks; the second one that it offers is its ticket.
SUBPROTOCOL = "toby.notifications"


class BadFrame(Exception):
    """What a client sent is no frame of the protocol; `args[0]` is the code it is told."""


class NotificationsSocket(LiveFeed, AsyncWebsocketConsumer):
    # Its hints come by the hub: no subscription of its own.
    channel_layer_alias = ""

    def __init__(self) -> None:
        super().__init__()
        self.start_empty()

    async def connect(self) -> None:
        headers = {
            name.decode("latin-1"): raw.decode("latin-1") for name, raw in self.scope["headers"]
        }
        # Refusals are close codes, which a browser's script can read; a failed handshake it cannot.
        offered = SUBPROTOCOL in self.scope["subprotocols"]
        await self.accept(SUBPROTOCOL if offered else None)
        if headers.get("origin", settings.PUBLIC_ORIGIN) != settings.PUBLIC_ORIGIN:
            self.end(WRONG_ORIGIN)
            return
        try:
            principal = await sync_to_async(self.authenticate, thread_sensitive=False)(headers)
            if principal is None:
                self.end(SESSION_GONE)
                return
            inbox = await self.follow(principal)
        except Exception as error:
            level = logging.WARNING if isinstance(error, RedisError) else logging.ERROR
            log(logger, "socket.unavailable", level, error=repr(error)[:200])
            self.end(TRY_LATER)
            return
        log(
            logger,
            "socket.open",
            user=self.user_id,
            request_id=accept_or_make(headers.get("x-request-id", "")),
        )
        await self.send_counts(inbox, "ready")
        self.open()

    def authenticate(self, headers: dict[str, str]) -> Principal | None:
        """By a bearer token, or by a single-use ticket. A browser's script can send no header but
        the subprotocols: there it stands, rather than in the URL, which comes into logs."""
        if token := bearer_token(headers.get("authorization", "")):
            return session_store.principal_of(token)
        tickets = [name for name in self.scope["subprotocols"] if name != SUBPROTOCOL]
        return session_store.redeem_ticket(tickets[0]) if tickets else None

    async def disconnect(self, code: int) -> None:
        self.leave_hub()
        if self.joined:
            log(logger, "socket.closed", user=self.user_id, code=code)

    async def put(self, token: SyncToken, frame: str) -> None:
        await self.send(text_data=frame)

    async def close_with(self, code: int, retry_ms: int | None) -> None:
        if retry_ms is not None:
            await self.send(text_data=encoded(type="restart", retry_ms=retry_ms))
        await self.close(code)

    # What the client says

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.ended or not self.joined:
            return
        try:
            frame = parse_frame(text_data)
            command = COMMANDS.get(str(frame.pop("type", "")))
            if command is None:
                raise BadFrame("unknown_type")
            await command(self, frame)
        except BadFrame as bad:
            await self.send_frame(type="error", code=str(bad.args[0]))
        except Exception as error:
            log(logger, "socket.command_failed", logging.ERROR, error=repr(error)[:200])
            await self.send_frame(type="error", code="unavailable")

    async def on_ping(self, frame: dict[str, Any]) -> None:
        await self.send_frame(type="pong")

    async def on_resume(self, frame: dict[str, Any]) -> None:
        try:
            self.resume(SyncToken.parse(str(frame.get("after"))))
        except BadSyncToken as error:
            raise BadFrame("bad_token") from error

    async def on_mark(self, state: str, frame: dict[str, Any]) -> None:
        ids, up_to = marked(frame)
        _, hints = await in_database(mark, self.user_id, state, ids, up_to)
        await announce(hints)

    async def on_read(self, frame: dict[str, Any]) -> None:
        await self.on_mark("read", frame)

    async def on_unread(self, frame: dict[str, Any]) -> None:
        await self.on_mark("unread", frame)

    async def on_seen(self, frame: dict[str, Any]) -> None:
        await self.on_mark("seen", frame)

    async def send_frame(self, **frame: Any) -> None:
        if not self.ended:
            await self.send(text_data=encoded(**frame))


Command = Callable[[NotificationsSocket, dict[str, Any]], Awaitable[None]]
COMMANDS: dict[str, Command] = {
    "ping": NotificationsSocket.on_ping,
    "resume": NotificationsSocket.on_resume,
    "read": NotificationsSocket.on_read,
    "unread": NotificationsSocket.on_unread,
    "seen": NotificationsSocket.on_seen,
}


def mark(
    user_id: int, state: str, ids: list[UUID] | None, up_to: int | None
) -> tuple[Inbox, list[Hint]]:
    return services.mark(user_id=user_id, state=state, ids=ids, up_to=up_to)


def parse_frame(text: str | None) -> dict[str, Any]:
    if text is None:
        raise BadFrame("not_text")
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFrame("malformed") from error
    if not isinstance(frame, dict):
        raise BadFrame("malformed")
    return frame


def marked(frame: dict[str, Any]) -> tuple[list[UUID] | None, int | None]:
    """Either `ids` or `up_to`."""
    ids, up_to = frame.get("ids"), frame.get("up_to")
    if (ids is None) == (up_to is None):
        raise BadFrame("ids_or_up_to")
    if up_to is not None:
        if not isinstance(up_to, int) or isinstance(up_to, bool) or not 0 < up_to < 2**63:
            raise BadFrame("bad_up_to")
        return None, up_to
    if not isinstance(ids, list) or not 0 < len(ids) <= IDS_AT_ONCE:
        raise BadFrame("bad_ids")
    try:
        return [UUID(str(one)) for one in ids], None
    except ValueError as error:
        raise BadFrame("bad_ids") from error
