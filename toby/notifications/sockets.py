"""WebSockets: `/ws/notifications`. One connection of one session, which follows one inbox."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from redis.exceptions import RedisError

from toby.common import session_store, tokens
from toby.common.authentication import bearer_token
from toby.common.logging import log
from toby.common.principals import Principal
from toby.common.request_id import accept_or_make
from toby.common.web_socket_protocol import writer_of
from toby.notifications import services
from toby.notifications.frames import (
    SUBPROTOCOL,
    Archive,
    BadFrame,
    Error,
    Marks,
    Ping,
    Pong,
    Read,
    Ready,
    Received,
    Restart,
    Resume,
    Seen,
    Unarchive,
    Unread,
    received,
)
from toby.notifications.hints import Hint, announce
from toby.notifications.hub import in_database, in_thread
from toby.notifications.live import LiveFeed
from toby.notifications.models import Inbox
from toby.notifications.places import TooManySockets, take_place
from toby.notifications.refusals import (
    SESSION_GONE,
    TOO_MANY_SOCKETS,
    TRY_LATER,
    UNKNOWN_VERSION,
    WRONG_ORIGIN,
)
from toby.notifications.sync_tokens import BadSyncToken, SyncToken

logger = logging.getLogger(__name__)

# What every version's subprotocol begins with.
FAMILY = "toby.notifications"


class NotificationsSocket(LiveFeed, AsyncWebsocketConsumer):
    # Its hints come by the hub: no subscription of its own.
    channel_layer_alias = ""
    # Of a connection that was cut off.
    close_code = 1006

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """However it ends: what is sent to a client that is gone raises, and that is the end."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.leave_hub()
            if self.joined:
                log(logger, "socket.closed", user=self.user_id, code=self.close_code)

    async def connect(self) -> None:
        self.write_at_once = writer_of(self.scope)
        headers = {
            name.decode("latin-1"): raw.decode("latin-1") for name, raw in self.scope["headers"]
        }
        # Refusals are close codes, which a browser's script can read; a failed handshake it cannot.
        offered = list(self.scope["subprotocols"])
        await self.accept(accepted_of(offered))
        if offered and SUBPROTOCOL not in offered:
            self.end(UNKNOWN_VERSION)
            return
        if headers.get("origin", settings.PUBLIC_ORIGIN) != settings.PUBLIC_ORIGIN:
            self.end(WRONG_ORIGIN)
            return
        try:
            principal = await in_thread(self.admitted)(headers)
            if principal is None:
                self.end(SESSION_GONE)
                return
            inbox = await self.follow(principal)
        except TooManySockets:
            self.end(TOO_MANY_SOCKETS)
            return
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
        await self.send_counts(inbox, Ready)
        self.open()

    def admitted(self, headers: dict[str, str]) -> Principal | None:
        """Whose socket it is, once it has its place. Raises TooManySockets."""
        principal = self.authenticate(headers)
        if principal is not None:
            self.place = take_place(principal.user_id)
        return principal

    def authenticate(self, headers: dict[str, str]) -> Principal | None:
        """By a bearer token, or by a single-use ticket; by both only where they are of one user.
        A browser's script can send no header but the subprotocols: there the ticket stands, rather
        than in the URL, which comes into logs."""
        token = bearer_token(headers.get("authorization", ""))
        tickets = [name for name in self.scope["subprotocols"] if name.startswith(tokens.TICKET)]
        shown = [session_store.principal_of(token)] if token else []
        shown += [session_store.redeem_ticket(ticket) for ticket in tickets[:1]]
        whose = {principal.user_id if principal else None for principal in shown}
        return shown[0] if len(whose) == 1 else None

    async def disconnect(self, code: int) -> None:
        self.close_code = code

    async def put(self, token: SyncToken, frame: str) -> None:
        await self.send(text_data=frame)

    def put_at_once(self, frames: Sequence[str]) -> bool:
        return self.write_at_once(frames)

    async def close_with(self, code: int, retry_ms: int | None) -> None:
        if retry_ms is not None:
            await self.send(text_data=Restart(retry_ms=retry_ms).encoded())
        await self.close(code)

    # What the client says

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.ended or not self.joined:
            return
        try:
            if text_data is None:
                raise BadFrame("not_text")
            await self.obey(received(text_data))
        except BadFrame as bad:
            await self.answer(Error(code=bad.code, detail=bad.detail))
        except Exception as error:
            log(logger, "socket.command_failed", logging.ERROR, error=repr(error)[:200])
            await self.answer(Error(code="unavailable"))

    async def obey(self, said: Received) -> None:
        """Raises BadFrame."""
        match said:
            case Ping():
                await self.answer(Pong())
            case Resume():
                try:
                    self.resume(SyncToken.parse(said.after))
                except BadSyncToken as error:
                    raise BadFrame("bad_token") from error
            case Read() | Unread() | Seen() | Archive() | Unarchive():
                state = type(said).__struct_config__.tag
                _, hints = await in_database(mark, self.user_id, str(state), said)
                await announce(hints)

    async def answer(self, frame: Pong | Error) -> None:
        # Whose client is gone is told so next, with the code.
        with suppress(OSError):
            if not self.ended:
                await self.send(text_data=frame.encoded())


def accepted_of(offered: Sequence[str]) -> str | None:
    """The subprotocol of the handshake's answer. A browser hides the close code from its script
    unless it is one that was offered: a version that we do not speak is accepted to be refused."""
    if SUBPROTOCOL in offered:
        return SUBPROTOCOL
    others = (name for name in offered if name.startswith(FAMILY) and name.isascii())
    return next(others, None)


def mark(user_id: int, state: str, said: Marks) -> tuple[Inbox, list[Hint]]:
    return services.mark(user_id=user_id, state=state, ids=said.ids, up_to=said.up_to)
