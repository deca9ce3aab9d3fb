"""What follows an inbox over HTTP: the stream of server-sent events, and requests that wait.

The stream's format, its ids and how a client resumes: HTML Standard, "Server-sent events".
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from django.http import StreamingHttpResponse
from redis.exceptions import RedisError

from toby.common.principals import Principal
from toby.common.views import let_thread_go
from toby.notifications import selectors
from toby.notifications.frames import Ready
from toby.notifications.hints import Hint
from toby.notifications.hub import in_database, in_thread, this_hub
from toby.notifications.live import LiveFeed, read_changes
from toby.notifications.places import Place, take_place
from toby.notifications.sync_tokens import SyncToken

# Shorter than what proxies take for dead; and after how long a client that was cut off comes back.
HEARTBEAT_S, RETRY_MS = 15.0, 1000
HEARTBEAT = ":\n\n"


class EventStream(LiveFeed):
    """The frames of a WebSocket as events, each with its token as id, so that a stock EventSource
    resumes by itself. `after` is where the client left off. Its place lapses where nobody asks for
    its chunks."""

    def __init__(self, principal: Principal, after: SyncToken | None, place: Place) -> None:
        super().__init__()
        self.principal, self.after, self.place = principal, after, place
        # One at a time: the writer waits until the client has taken the last.
        self.events: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1)

    async def put(self, token: SyncToken, frame: str) -> None:
        await self.events.put(f"id: {token}\ndata: {frame}\n\n")

    async def close_with(self, code: int, retry_ms: int | None) -> None:
        if retry_ms is not None:
            await self.events.put(f"retry: {retry_ms}\n\n")
        await self.events.put(None)

    async def chunks(self) -> AsyncGenerator[str, None]:
        """What is sent, until the client goes or is sent away."""
        try:
            yield f"retry: {RETRY_MS}\n\n"
            inbox = await self.follow(self.principal)
            if self.after is None:
                # The queue has room: nobody waits for what is not read yet.
                await self.send_counts(inbox, Ready)
            else:
                self.resume(self.after)
            self.open()
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        event = await self.events.get()
                except TimeoutError:
                    event = HEARTBEAT
                if event is None:
                    return
                yield event
        finally:
            self.leave_hub()
            if self.writer is not None:
                self.writer.cancel()


class EventStreamResponse(StreamingHttpResponse):
    """Ends the stream as soon as its client is gone, rather than when it is collected."""

    def __init__(self, stream: EventStream) -> None:
        headers = {"Cache-Control": "no-store"}
        super().__init__(content_type="text/event-stream", headers=headers)
        self.stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        let_thread_go()
        async with contextlib.aclosing(self.stream.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk.encode()


class Waiter:
    """A request that waits until there is something after its token."""

    waits_since: float | None = None
    place: Place | None = None

    def __init__(self, principal: Principal) -> None:
        self.user_id, self.session_id = principal.user_id, principal.session_id
        self.woken = asyncio.Event()
        self.ended = False

    def deliver(self, hint: Hint) -> None:
        self.woken.set()

    def catch_up_to(self, newest: SyncToken) -> None:
        self.woken.set()

    def end(self, code: int) -> None:
        self.ended = True
        self.woken.set()

    async def restart(self, code: int, retry_ms: int) -> None:
        self.end(code)


async def changes_within(
    principal: Principal, after: SyncToken, wait_s: float
) -> selectors.Changes:
    """What is after the token: at once if there is something, else as soon as there is, or nothing
    after `wait_s`. No thread waits. Raises TooManySockets for one who would wait."""
    waiter, hub = Waiter(principal), this_hub()
    deadline = asyncio.get_running_loop().time() + wait_s
    await hub.join(waiter)
    try:
        if wait_s:
            with contextlib.suppress(RedisError):
                # Without a place it is not hinted, and found by the hub's sweep.
                waiter.place = await in_thread(take_place)(principal.user_id)
        while True:
            waiter.woken.clear()
            changes = await in_database(read_changes, principal.user_id, after)
            if changes.items or changes.reset or waiter.ended:
                return changes
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await waiter.woken.wait()
                    continue
            return changes
    finally:
        hub.leave(waiter)
        hub.give_back(waiter)
