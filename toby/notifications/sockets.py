"""WebSockets: `/ws/notifications`. One connection of one session, which follows one inbox."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from redis.exceptions import RedisError

from toby.common import session_store
from toby.common.authentication import bearer_token
from toby.common.logging import log
from toby.common.principals import Principal
from toby.common.request_id import accept_or_make
from toby.notifications import selectors, services
from toby.notifications.hints import Hint, announce, item_frames
from toby.notifications.hub import in_database, this_hub
from toby.notifications.inboxes import inbox_of
from toby.notifications.models import Inbox
from toby.notifications.sync_tokens import BadSyncToken, SyncToken

logger = logging.getLogger(__name__)

SESSION_GONE, WRONG_ORIGIN, TOO_SLOW = 4401, 4403, 4408
RESTARTING, TRY_LATER = 1012, 1013
# What waits in memory for a client that reads more slowly than things happen; beyond it the
# database keeps them.
WINDOW_BYTES = 64 * 1024
IDS_AT_ONCE = 500
# What a client speaks; the second one that it offers is its ticket.
SUBPROTOCOL = "toby.notifications"


class BadFrame(Exception):
    """What a client sent is no frame of the protocol; `args[0]` is the code it is told."""


class NotificationsSocket(AsyncWebsocketConsumer):
    """`position` is the seq up to which all was sent or is queued to be, `counts_seq` the one its
    counts are of. One task at a time writes: first what is queued, then, while `behind`, what the
    database has. It waits for a slow client, and nobody waits for it. While it is `reading`, or
    WINDOW_BYTES are queued, hints only say that there is more. What came live just before a resume
    comes again by it: of two frames the greater seq wins.
    """

    # Its hints come by the hub: no subscription of its own.
    channel_layer_alias = ""
    user_id: int
    session_id: str

    def __init__(self) -> None:
        super().__init__()
        self.epoch = ""
        self.position = self.counts_seq = 0
        self.queue: deque[str] = deque()
        self.queued_bytes = 0
        self.open = self.reading = self.behind = self.ended = False
        self.resume_after: SyncToken | None = None
        self.writer: asyncio.Task[None] | None = None
        self.closing: asyncio.Task[None] | None = None
        self.joined = False
        self.waits_since: float | None = None

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
            self.user_id, self.session_id = principal.user_id, principal.session_id
            # Joined before `ready` is read: nothing can fall between.
            await this_hub().join(self)
            self.joined = True
            inbox = await in_database(inbox_of, self.user_id)
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
        self.epoch, self.position, self.counts_seq = inbox.epoch, inbox.last_seq, inbox.last_seq
        await self.send_counts(inbox, "ready")
        self.open = True
        self.wake()

    def authenticate(self, headers: dict[str, str]) -> Principal | None:
        """By a bearer token, or by a single-use ticket. A browser's script can send no header but
        the subprotocols: there it stands, rather than in the URL, which comes into logs."""
        if token := bearer_token(headers.get("authorization", "")):
            return session_store.principal_of(token)
        tickets = [name for name in self.scope["subprotocols"] if name != SUBPROTOCOL]
        return session_store.redeem_ticket(tickets[0]) if tickets else None

    async def disconnect(self, code: int) -> None:
        self.ended = True
        if self.joined:
            this_hub().leave(self)
            log(logger, "socket.closed", user=self.user_id, code=code)

    def end(self, code: int) -> None:
        if not self.ended:
            self.ended = True
            self.closing = asyncio.create_task(self.leave(code))

    async def restart(self, retry_ms: int) -> None:
        """The server goes; the client is to come back that much later, not all at once."""
        if not self.ended:
            self.ended = True
            await self.leave(RESTARTING, encoded(type="restart", retry_ms=retry_ms))

    async def leave(self, code: int, last_frame: str = "") -> None:
        """After the frame that is being written; what else is queued is left."""
        if self.writer is not None:
            await asyncio.wait([self.writer])
        if last_frame:
            await self.send(text_data=last_frame)
        await self.close(code)

    # What the hub tells

    def deliver(self, hint: Hint) -> None:
        fits = hint.epoch == self.epoch and hint.prev <= self.position
        if self.reading or not fits or self.queued_bytes > WINDOW_BYTES:
            self.behind = True
        else:
            for seq, frame in hint.frames:
                if seq > self.position:
                    self.enqueue(frame)
            self.position = max(self.position, hint.seq)
            if hint.seq > self.counts_seq:
                self.counts_seq = hint.seq
                token = str(SyncToken(hint.epoch, hint.seq))
                self.enqueue(
                    encoded(type="counts", token=token, unread=hint.unread, unseen=hint.unseen)
                )
        self.wake()

    def catch_up_to(self, newest: SyncToken) -> None:
        is_behind = newest.seq > min(self.position, self.counts_seq)
        if newest.epoch != self.epoch or is_behind:
            self.behind = True
            self.wake()

    # Writing

    def enqueue(self, frame: str) -> None:
        self.queue.append(frame)
        self.queued_bytes += len(frame)

    def wake(self) -> None:
        """There may be something to write."""
        if self.open and self.writer is None and not self.ended:
            self.writer = asyncio.create_task(self.write_on())

    async def write_on(self) -> None:
        """Sends what is queued, then what is in the database, until there is no more."""
        try:
            while not self.ended:
                if self.queue:
                    frame = self.queue.popleft()
                    self.queued_bytes -= len(frame)
                    await self.transmit(frame)
                elif self.behind:
                    self.behind, self.reading = False, True
                    await self.read_changes()
                    self.reading = False
                else:
                    return
        except Exception as error:
            # The hub's next sweep finds this socket behind, and it is read again.
            log(logger, "socket.write_failed", logging.WARNING, error=repr(error)[:200])
        finally:
            self.reading, self.writer = False, None

    async def read_changes(self) -> None:
        resumed = self.resume_after is not None
        if self.resume_after is not None:
            self.epoch, self.position = self.resume_after
            self.resume_after = None
        more = True
        while more and not self.ended:
            token = SyncToken(self.epoch, self.position)
            changes = await in_database(read_changes, self.user_id, token)
            inbox, more = changes.inbox, changes.more
            if changes.reset:
                self.epoch, self.position = inbox.epoch, inbox.last_seq
                await self.send_frame(type="reset", token=str(SyncToken(self.epoch, self.position)))
                resumed = True
                break
            for seq, frame in item_frames(self.epoch, self.position, changes.items):
                await self.transmit(frame)
                self.position = seq
        if not more:
            # Read before the items: all up to it was among them.
            self.position = max(self.position, inbox.last_seq)
        if resumed or inbox.last_seq > self.counts_seq:
            self.counts_seq = inbox.last_seq
            await self.send_counts(inbox, "counts")

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
            self.resume_after = SyncToken.parse(str(frame.get("after")))
        except BadSyncToken as error:
            raise BadFrame("bad_token") from error
        self.behind = True
        self.wake()

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

    # Sending

    async def send_counts(self, inbox: Inbox, kind: str) -> None:
        await self.send_frame(
            type=kind,
            token=str(SyncToken(inbox.epoch, inbox.last_seq)),
            unread=inbox.unread,
            unseen=inbox.unseen,
        )

    async def send_frame(self, **frame: Any) -> None:
        await self.transmit(encoded(**frame))

    async def transmit(self, frame: str) -> None:
        """Waits while the client reads too slowly."""
        if not self.ended:
            self.waits_since = asyncio.get_running_loop().time()
            await self.send(text_data=frame)
            self.waits_since = None


Command = Callable[[NotificationsSocket, dict[str, Any]], Awaitable[None]]
COMMANDS: dict[str, Command] = {
    "ping": NotificationsSocket.on_ping,
    "resume": NotificationsSocket.on_resume,
    "read": NotificationsSocket.on_read,
    "unread": NotificationsSocket.on_unread,
    "seen": NotificationsSocket.on_seen,
}


def encoded(**frame: Any) -> str:
    return msgspec.json.encode(frame).decode()


def read_changes(user_id: int, token: SyncToken) -> selectors.Changes:
    return selectors.changes_after(inbox_of(user_id), token)


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
