"""Hints: what a commit changed, on its way to the sockets that want to know.

They go over the Channels layer in groups by shard of users, one message a batch and shard, and may
be lost: each names the seq before it, so that a socket notices, and the hub looks every 15 s.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from functools import cache
from threading import Lock
from typing import Any, Self

import msgspec
from channels.layers import BaseChannelLayer, get_channel_layer

from toby.common.logging import log
from toby.notifications.frames import ItemChanged
from toby.notifications.models import Inbox, Item
from toby.notifications.serializers import ItemOut
from toby.notifications.sync_tokens import SyncToken

logger = logging.getLogger(__name__)

SHARDS = 16
# More is read from the database. Messages stay far below what Redis lets wait for a subscriber.
FRAMES_A_HINT, FRAMES_A_MESSAGE = 100, 200
SESSIONS_GROUP = "toby.sessions"


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of one inbox by one commit. `frames` are (seq, frame as JSON), in order of seq;
    whoever is at `prev` and sends them all is at `seq`, with these counts. Of more than
    FRAMES_A_HINT there are none, and `prev` is `seq`: whoever is not there reads the database."""

    user_id: int
    epoch: str
    prev: int
    seq: int
    unread: int
    unseen: int
    frames: list[tuple[int, str]]

    @classmethod
    def of(cls, inbox: Inbox, prev: int, items: Sequence[Item]) -> Self:
        if len(items) > FRAMES_A_HINT:
            prev, items = inbox.last_seq, []
        return cls(
            user_id=inbox.user_id,
            epoch=inbox.epoch,
            prev=prev,
            seq=inbox.last_seq,
            unread=inbox.unread,
            unseen=inbox.unseen,
            frames=item_frames(inbox, prev, items),
        )


def item_frames(inbox: Inbox, prev: int, items: Sequence[Item]) -> list[tuple[int, str]]:
    """`item` frames as (seq, JSON): each names the token before it and its own."""
    frames, epoch, language = [], inbox.epoch, inbox.language
    before = str(SyncToken(epoch, prev))
    for item in items:
        token = str(SyncToken(epoch, item.seq))
        frame = ItemChanged(token=token, prev=before, item=ItemOut.of(item, language))
        frames.append((item.seq, frame.encoded()))
        before = token
    return frames


def shard_group(user_id: int) -> str:
    return f"toby.hints.{user_id % SHARDS}"


def the_layer() -> BaseChannelLayer:
    layer = get_channel_layer()
    assert layer is not None
    return layer


async def announce(hints: Iterable[Hint]) -> None:
    """Sends hints to every hub that has their users; logs what fails, since they may be lost."""
    by_group = defaultdict(list)
    for hint in hints:
        by_group[shard_group(hint.user_id)].append(hint)
    for group, theirs in by_group.items():
        for part in in_messages(theirs):
            await send(group, {"type": "hints", "hints": msgspec.msgpack.encode(part)})


def in_messages(hints: Iterable[Hint]) -> Iterator[list[Hint]]:
    """Each of at most FRAMES_A_MESSAGE frames; a hint without any counts as one."""
    part: list[Hint] = []
    size = 0
    for hint in hints:
        own = max(1, len(hint.frames))
        if part and size + own > FRAMES_A_MESSAGE:
            yield part
            part, size = [], 0
        part.append(hint)
        size += own
    if part:
        yield part


async def announce_ended_sessions(session_ids: Sequence[str]) -> None:
    """Tells every hub to close the sockets of these sessions."""
    if session_ids:
        await send(SESSIONS_GROUP, {"type": "sessions_ended", "sessions": list(session_ids)})


async def send(group: str, message: dict[str, Any]) -> None:
    """Once more, if it fails: a connection that died while idle is not an outage."""
    for is_last in (False, True):
        try:
            await the_layer().group_send(group, message)
        except Exception as error:
            if is_last:
                log(logger, "hint.lost", logging.WARNING, group=group, error=repr(error)[:200])
        else:
            return


@cache
def worker_loop() -> asyncio.Runner:
    """The event loop of a process that has none: kept, since the layer's connection lives in it."""
    return asyncio.Runner()


ONE_AT_A_TIME = Lock()


def run_in_worker(work: Coroutine[Any, Any, None]) -> None:
    """Runs `work` in that loop: threads wait for each other."""
    with ONE_AT_A_TIME:
        worker_loop().run(work)
