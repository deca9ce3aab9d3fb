"""The hub: one a process. It takes hints from the Channels layer and hands them to its sockets.

Joining a layer group for each socket would cost ten times as much. What the layer loses is made
good here: every SWEEP_S the hub compares its sockets' positions with their inboxes, and asks Redis
which of their sessions still live.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import msgspec
from asgiref.sync import sync_to_async
from django.db import connection

from toby.common import session_store
from toby.common.logging import log
from toby.common.sql import is_database_trouble, parts
from toby.notifications import selectors
from toby.notifications.hints import SESSIONS_GROUP, Hint, shard_group, the_layer
from toby.notifications.places import RENEW_S, Place, give_back_places, renew_places
from toby.notifications.refusals import RESTARTING, SESSION_GONE, TOO_SLOW
from toby.notifications.sync_tokens import SyncToken

logger = logging.getLogger(__name__)

SWEEP_S, SLOW_AFTER_S = 15.0, 30.0
RETRY_WITHIN_MS, LEAVE_WITHIN_S = 3000, 1.0
SWEPT_AT_ONCE = 500
T = TypeVar("T")
K = TypeVar("K", int, str)

in_thread = sync_to_async(thread_sensitive=False)

# Threads that keep their database connection: a request's thread would make one each time.
_database = ThreadPoolExecutor(max_workers=4, thread_name_prefix="database")


async def in_database(work: Callable[..., T], *args: Any) -> T:
    """Runs `work` in a thread with a lasting connection; once more if that has died meanwhile."""

    def run() -> T:
        try:
            return work(*args)
        except Exception as error:
            if not is_database_trouble(error):
                raise
            connection.close()
            return work(*args)

    return await sync_to_async(run, thread_sensitive=False, executor=_database)()


class Connected(Protocol):
    """A socket, as the hub sees it."""

    user_id: int
    session_id: str

    # Among those of its user; None for what takes none, or has given it back.
    place: Place | None

    # Since when, by the loop's clock, its client reads nothing of what was written.
    waits_since: float | None

    def deliver(self, hint: Hint) -> None:
        """Sends on what the hint brings, or reads it from the database; later, if need be."""

    def catch_up_to(self, newest: SyncToken) -> None:
        """The inbox is at `newest`: reads what is missing, if anything is."""

    def end(self, code: int) -> None:
        """Closes with this code."""

    async def restart(self, code: int, retry_ms: int) -> None:
        """Closes, having told the client when to come back. Waits for a slow one."""


class Hub:
    """Belongs to one event loop, and starts with the first socket."""

    def __init__(self) -> None:
        self.by_user: dict[int, set[Connected]] = defaultdict(set)
        self.by_session: dict[str, set[Connected]] = defaultdict(set)
        self.groups: set[str] = set()
        self.channel = ""
        self.tasks: list[asyncio.Task[None]] = []
        self.joining = asyncio.Lock()
        self.given_back: list[Place] = []
        self.giving_back: asyncio.Task[None] | None = None

    async def join(self, socket: Connected) -> None:
        """From its return on every hint for the socket's user reaches it, or is made good."""
        async with self.joining:
            await self._listen_to(SESSIONS_GROUP, shard_group(socket.user_id))
        self.by_user[socket.user_id].add(socket)
        self.by_session[socket.session_id].add(socket)

    def leave(self, socket: Connected) -> None:
        forget(self.by_user, socket.user_id, socket)
        forget(self.by_session, socket.session_id, socket)

    def give_back(self, socket: Connected) -> None:
        """Frees the socket's place at once, with those of all that close at that moment."""
        if socket.place is not None:
            self._give_back_soon([socket.place])
            socket.place = None

    def _give_back_soon(self, places: list[Place]) -> None:
        self.given_back += places
        if self.given_back and self.giving_back is None:
            self.giving_back = asyncio.create_task(self._give_back())

    async def _give_back(self) -> None:
        try:
            while self.given_back:
                some = self.given_back[:SWEPT_AT_ONCE]
                del self.given_back[:SWEPT_AT_ONCE]
                await in_thread(give_back_places)(some)
        except Exception as error:
            # They lapse by themselves.
            log(logger, "hub.give_back_failed", logging.WARNING, error=repr(error)[:200])
        finally:
            self.giving_back = None

    async def _listen_to(self, *groups: str) -> None:
        layer = the_layer()
        if not self.channel:
            self.channel = await layer.new_channel()
        for group in groups:
            if group not in self.groups:
                await layer.group_add(group, self.channel)
                self.groups.add(group)
        if not self.tasks:
            self.tasks = [
                asyncio.create_task(self._receive_forever()),
                asyncio.create_task(self._sweep_forever()),
                asyncio.create_task(self._renew_forever()),
            ]

    async def _receive_forever(self) -> None:
        layer = the_layer()
        while True:
            try:
                await self.take(await layer.receive(self.channel))
            except Exception as error:
                log(logger, "hub.receive_failed", logging.WARNING, error=repr(error)[:200])
                await asyncio.sleep(0.5)

    async def take(self, message: dict[str, Any]) -> None:
        """Hands a message of the layer to the sockets that it concerns."""
        if message["type"] == "hints":
            for hint in msgspec.msgpack.decode(message["hints"], type=list[Hint]):
                for socket in list(self.by_user.get(hint.user_id, ())):
                    socket.deliver(hint)
        elif message["type"] == "sessions_ended":
            for session_id in message["sessions"]:
                self.end_session(session_id)

    def end_session(self, session_id: str) -> None:
        for socket in list(self.by_session.get(session_id, ())):
            socket.end(SESSION_GONE)

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            for sweep in (self.sweep_positions, self.sweep_sessions, self.sweep_slow):
                try:
                    await sweep()
                except Exception as error:
                    log(logger, "hub.sweep_failed", logging.WARNING, error=repr(error)[:200])

    async def sweep_positions(self) -> None:
        """Lets every socket that is behind its inbox catch up."""
        for part in parts(sorted(self.by_user), SWEPT_AT_ONCE):
            newest = await in_database(selectors.positions, part)
            for user_id, token in newest.items():
                for socket in list(self.by_user.get(user_id, ())):
                    socket.catch_up_to(token)

    async def sweep_sessions(self) -> None:
        """Closes the sockets of sessions that ended without our hearing of it."""
        for part in parts(sorted(self.by_session), SWEPT_AT_ONCE):
            still_open = await in_thread(session_store.sessions_open)(part)
            for session_id, is_open in zip(part, still_open, strict=True):
                if not is_open:
                    self.end_session(session_id)

    async def sweep_slow(self) -> None:
        """Closes the sockets of clients that have read nothing for SLOW_AFTER_S."""
        before = asyncio.get_running_loop().time() - SLOW_AFTER_S
        for socket in self.sockets():
            if socket.waits_since is not None and socket.waits_since <= before:
                socket.end(TOO_SLOW)

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.renew_places()
            except Exception as error:
                log(logger, "hub.renew_failed", logging.WARNING, error=repr(error)[:200])

    async def renew_places(self) -> None:
        held = [(socket, socket.place) for socket in self.sockets() if socket.place is not None]
        for part in parts(held, SWEPT_AT_ONCE):
            await in_thread(renew_places)([place for _, place in part])
        # Whoever gave it back meanwhile may have it again now.
        self._give_back_soon([place for socket, place in held if socket.place is None])

    async def drain(self, over_s: float) -> None:
        """Sends every client away, in random order and evenly within `over_s`, each with a time of
        its own at which to come back: the copies that stay are not to be run over."""
        sockets, leaving = self.sockets(), []
        random.shuffle(sockets)
        for socket in sockets:
            self.give_back(socket)
        if self.giving_back is not None:
            # They come back at once, perhaps, and to another copy: there is to be room.
            await asyncio.wait([self.giving_back], timeout=LEAVE_WITHIN_S)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, socket in enumerate(sockets):
            retry_ms = random.randrange(RETRY_WITHIN_MS)
            leaving.append(asyncio.create_task(socket.restart(RESTARTING, retry_ms)))
            due = began + over_s * (number + 1) / len(sockets)
            if (early := due - loop.time()) > 0.01:
                await asyncio.sleep(early)
        if leaving:
            await asyncio.wait(leaving, timeout=LEAVE_WITHIN_S)

    def sockets(self) -> list[Connected]:
        return [socket for theirs in self.by_user.values() for socket in theirs]


def forget(index: dict[K, set[Connected]], key: K, socket: Connected) -> None:
    there = index.get(key, set())
    there.discard(socket)
    if not there:
        index.pop(key, None)


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def this_hub() -> Hub:
    """The hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
