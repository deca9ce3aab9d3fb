"""A client of Toby's notifications: follows the WebSocket, resumes, and holds what there is.

Copy it; it needs `websockets` and nothing of Toby. Or see it work:

    python feed.py http://127.0.0.1:8000 ACCESS_TOKEN
"""

import asyncio
import json
import random
import sys
import urllib.request
from collections.abc import Callable
from contextlib import aclosing
from http.client import HTTPException
from typing import Any

from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

SUBPROTOCOL = Subprotocol("toby.notifications.v1")
SESSION_ENDED, OUTDATED = 4401, 4406
# Of items that are no longer, or not now, in the list.
LEFT_THE_LIST = {"archived", "gone"}
# After the first failure in a row, and at most.
FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 30.0
# How often a line is asked whether it is alive, and how long that may take to be answered.
SILENCE_S = 20.0
# For an answer by HTTP, and for the close of a line.
PATIENCE_S = 10.0


class SessionEnded(Exception):
    """Somebody has logged out: log in again."""


class Outdated(Exception):
    """The server does not speak our version: copy its newer client."""


class Feed:
    """`items` are what is there, by id; `token` is up to where they are complete."""

    def __init__(
        self,
        origin: str,
        access_token: Callable[[], str],
        *,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`access_token` gives one that has not expired."""
        self.origin, self.access_token, self.changed = origin, access_token, changed
        self.items: dict[str, dict[str, Any]] = {}
        self.unread = self.unseen = 0
        self.token = ""
        # Of the newest change since the list. Up to it nothing is missing: no news is older.
        self.seq = 0
        self.socket: ClientConnection | None = None

    async def follow(self) -> None:
        """Goes on until it is cancelled. Raises SessionEnded, Outdated."""
        most_s = FIRST_PAUSE_S
        while True:
            told_s: float | None = None
            try:
                async with aclosing(self.frames()) as frames:
                    async for frame in frames:
                        if frame["type"] == "restart":
                            told_s = frame["retry_ms"] / 1000
                        await self.take(frame)
                        most_s = FIRST_PAUSE_S
            except (OSError, InvalidHandshake, ConnectionClosed) as error:
                if close_code(error) == SESSION_ENDED:
                    raise SessionEnded from error
                if close_code(error) == OUTDATED:
                    raise Outdated from error
            # Clients that were cut off together do not come back together.
            await asyncio.sleep(random.uniform(0.5, 1) * most_s if told_s is None else told_s)
            most_s = min(2 * most_s, LAST_PAUSE_S)

    async def read(self, *, ids: list[str] | None = None, up_to: int | None = None) -> None:
        """Marks as read on all devices: by at most 400 ids, or all with a `content_seq` of at most
        `up_to`. They come back as items. Raises ConnectionError or ConnectionClosed."""
        if self.socket is None:
            raise ConnectionError("There was no connection yet")
        await self.socket.send(json.dumps({"type": "read", "ids": ids, "up_to": up_to}))

    async def frames(self) -> Any:
        """Of one connection, from where we are."""
        url = self.origin.replace("http", "ws", 1) + "/ws/notifications"
        headers = {"Authorization": f"Bearer {self.access_token()}"}
        async with connect(
            url,
            additional_headers=headers,
            subprotocols=[SUBPROTOCOL],
            # By this a line is noticed on which nothing comes any more, and no close either:
            # the library pings, and ends a connection that does not answer.
            ping_interval=SILENCE_S,
            ping_timeout=SILENCE_S,
            close_timeout=PATIENCE_S,
        ) as socket:
            self.socket = socket
            ready = json.loads(await socket.recv())
            resumes = bool(self.token)
            if resumes:
                # Not to where the server is: what lies between is still to come.
                await socket.send(json.dumps({"type": "resume", "after": self.token}))
            else:
                yield {**ready, "type": "reset"}
            while True:
                frame = json.loads(await socket.recv())
                if resumes and "token" in frame:
                    if not self.is_next(frame):
                        # It has overtaken the answer, and comes again by it.
                        continue
                    resumes = False
                yield frame

    def is_next(self, frame: dict[str, Any]) -> bool:
        """Whether nothing is missing between where we are and this."""
        before: str = frame.get("prev", frame["token"])
        return self.token == before or frame["type"] == "reset"

    async def take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "reset":
            await self.read_list()
        elif frame["type"] == "item" and frame["item"]["seq"] > self.seq:
            self.seq = frame["item"]["seq"]
            self.take_item(frame["item"])
        if frame["type"] in {"reset", "item", "counts"}:
            self.token = frame["token"]
            self.unread = frame.get("unread", self.unread)
            self.unseen = frame.get("unseen", self.unseen)
            self.changed()

    def take_item(self, item: dict[str, Any]) -> None:
        if item["id"] in self.items and item["seq"] <= self.items[item["id"]]["seq"]:
            # The list had a newer one.
            return
        if item["state"] in LEFT_THE_LIST:
            self.items.pop(item["id"], None)
        else:
            self.items[item["id"]] = item

    async def read_list(self) -> None:
        """Frames that come meanwhile wait in the connection. If it fails, it is read anew."""
        self.items, self.seq, self.token = {}, 0, ""
        path = "/api/v1/notifications?limit=100"
        while path:
            page = await asyncio.to_thread(self.get, path)
            for item in page["results"]:
                self.take_item(item)
            path = page["next"]

    def get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.access_token()}"}
        request = urllib.request.Request(self.origin + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return json.load(answer)
        except (HTTPException, ValueError) as error:
            raise ConnectionError("The answer was cut") from error


def close_code(error: Exception) -> int:
    """With which the server closed; 0 for a line that was cut."""
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        return error.rcvd.code
    return 0


async def show(origin: str, access_token: str) -> None:
    def changed() -> None:
        titles = [item["title"] for item in feed.items.values()]
        print(f"{feed.unread} unread, {len(titles)} in all; the last: {titles[-1:]}", flush=True)

    feed = Feed(origin, lambda: access_token, changed=changed)
    await feed.follow()


if __name__ == "__main__":
    asyncio.run(show(*sys.argv[1:]))
