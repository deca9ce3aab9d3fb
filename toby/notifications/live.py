"""One client's copy of an inbox, kept in step: what WebSockets and streams have in common."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence

from toby.common.logging import log
from toby.common.principals import Principal
from toby.notifications import selectors
from toby.notifications.frames import Counts, Ready, Reset
from toby.notifications.hints import Hint, item_frames
from toby.notifications.hub import in_database, this_hub
from toby.notifications.inboxes import inbox_of
from toby.notifications.models import Inbox
from toby.notifications.places import Place
from toby.notifications.sync_tokens import SyncToken

logger = logging.getLogger(__name__)

# What waits in memory for a client that reads more slowly than things happen; beyond it the
# database keeps them.
WINDOW_BYTES = 64 * 1024
# Written in one go of what the database has.
AT_ONCE_BYTES = 16 * 1024


class LiveFeed(ABC):
    """`position` is the seq up to which all was sent or is queued to be, `counts_seq` the one its
    counts are of. One task at a time writes: first what is queued, then, while `behind`, what the
    database has. It waits for a slow client, and nobody waits for it. While it is `reading`, or a
    resume is due, or where more than WINDOW_BYTES would be queued, hints only say that there is
    more: nothing that is newer comes between a resume and its answer. What came live just before it
    comes again by it: of two frames the greater seq wins.
    """

    user_id: int
    session_id: str

    def __init__(self) -> None:
        super().__init__()
        self.epoch = ""
        self.position = self.counts_seq = 0
        self.queue: deque[tuple[SyncToken, str]] = deque()
        self.queued_bytes = 0
        self.opened = self.reading = self.behind = self.ended = self.joined = False
        self.resume_after: SyncToken | None = None
        self.writer: asyncio.Task[None] | None = None
        self.closing: asyncio.Task[None] | None = None
        self.waits_since: float | None = None
        self.place: Place | None = None

    @abstractmethod
    async def put(self, token: SyncToken, frame: str) -> None:
        """Sends a frame that leaves the client at `token`. Waits while it reads too slowly."""

    def put_at_once(self, frames: Sequence[str]) -> bool:
        """Sends frames now, if that takes no waiting; whether it has."""
        return False

    @abstractmethod
    async def close_with(self, code: int, retry_ms: int | None) -> None:
        """Tells the client to come back after `retry_ms`, if that is given, and closes."""

    async def follow(self, principal: Principal) -> Inbox:
        """Joins the hub before the inbox is read: nothing can fall between. Returns the inbox."""
        self.user_id, self.session_id = principal.user_id, principal.session_id
        await this_hub().join(self)
        self.joined = True
        inbox = await in_database(inbox_of, self.user_id)
        self.epoch, self.position, self.counts_seq = inbox.epoch, inbox.last_seq, inbox.last_seq
        return inbox

    def open(self) -> None:
        """From here on it writes by itself."""
        self.opened = True
        self.wake()

    def resume(self, after: SyncToken) -> None:
        self.resume_after, self.behind = after, True
        # The answer has it.
        self.queue.clear()
        self.queued_bytes = 0
        self.wake()

    def leave_hub(self) -> None:
        self.ended = True
        if self.joined:
            this_hub().leave(self)
        this_hub().give_back(self)

    # What the hub tells

    def deliver(self, hint: Hint) -> None:
        fits = hint.epoch == self.epoch and hint.prev <= self.position
        is_held_back = self.reading or self.resume_after is not None
        size_bytes = self.queued_bytes + sum(len(frame) for _, frame in hint.frames)
        if is_held_back or not fits or size_bytes > WINDOW_BYTES:
            self.behind = True
        else:
            news = self.news_of(hint)
            if self.rests and self.put_at_once([frame for _, frame in news]):
                return
            for token, frame in news:
                self.enqueue(token, frame)
        self.wake()

    @property
    def rests(self) -> bool:
        """Nobody writes, and nothing waits to be written."""
        return self.opened and self.writer is None and not (self.queue or self.behind or self.ended)

    def news_of(self, hint: Hint) -> list[tuple[SyncToken, str]]:
        """The frames that a hint brings, each with where it leaves the client: who calls sends
        them."""
        news = [
            (SyncToken(hint.epoch, seq), frame) for seq, frame in hint.frames if seq > self.position
        ]
        self.position = max(self.position, hint.seq)
        if hint.seq > self.counts_seq:
            self.counts_seq = hint.seq
            token = SyncToken(hint.epoch, hint.seq)
            counts = Counts(token=str(token), unread=hint.unread, unseen=hint.unseen)
            news.append((token, counts.encoded()))
        return news

    def catch_up_to(self, newest: SyncToken) -> None:
        is_behind = newest.seq > min(self.position, self.counts_seq)
        if newest.epoch != self.epoch or is_behind:
            self.behind = True
            self.wake()

    def end(self, code: int) -> None:
        if not self.ended:
            self.ended = True
            self.closing = asyncio.create_task(self.leave(code))

    async def restart(self, code: int, retry_ms: int) -> None:
        if not self.ended:
            self.ended = True
            await self.leave(code, retry_ms)

    async def leave(self, code: int, retry_ms: int | None = None) -> None:
        """After the frame that is being written; what else is queued is left."""
        if self.writer is not None:
            await asyncio.wait([self.writer])
        await self.close_with(code, retry_ms)

    # Writing

    def enqueue(self, token: SyncToken, frame: str) -> None:
        self.queue.append((token, frame))
        self.queued_bytes += len(frame)

    def wake(self) -> None:
        """There may be something to write."""
        if self.opened and self.writer is None and not self.ended:
            self.writer = asyncio.create_task(self.write_on())

    async def write_on(self) -> None:
        """Sends what is queued, then what is in the database, until there is no more."""
        try:
            while not self.ended:
                if self.queue:
                    token, frame = self.queue.popleft()
                    self.queued_bytes -= len(frame)
                    await self.transmit(token, frame)
                elif self.behind:
                    self.behind, self.reading = False, True
                    await self.read_changes()
                    self.reading = False
                else:
                    return
        except Exception as error:
            # The hub's next sweep finds this client behind, and it is read again.
            log(logger, "live.write_failed", logging.WARNING, error=repr(error)[:200])
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
                token = SyncToken(inbox.epoch, inbox.last_seq)
                self.epoch, self.position = token
                await self.transmit(token, Reset(token=str(token)).encoded())
                resumed = True
                break
            for part in in_parts(item_frames(inbox, self.position, changes.items)):
                await self.transmit_all(part)
        if not more:
            # Read before the items: all up to it was among them.
            self.position = max(self.position, inbox.last_seq)
        if resumed or inbox.last_seq > self.counts_seq:
            self.counts_seq = inbox.last_seq
            await self.send_counts(inbox, Counts)

    async def send_counts(self, inbox: Inbox, kind: type[Ready | Counts]) -> None:
        token = SyncToken(inbox.epoch, inbox.last_seq)
        frame = kind(token=str(token), unread=inbox.unread, unseen=inbox.unseen)
        await self.transmit(token, frame.encoded())

    async def transmit_all(self, items: list[tuple[int, str]]) -> None:
        """Items' frames, each with its seq: at once, or one by one as the client reads."""
        if not self.ended and self.put_at_once([frame for _, frame in items]):
            self.position = items[-1][0]
            return
        for seq, frame in items:
            await self.transmit(SyncToken(self.epoch, seq), frame)
            self.position = seq

    async def transmit(self, token: SyncToken, frame: str) -> None:
        if not self.ended:
            self.waits_since = asyncio.get_running_loop().time()
            await self.put(token, frame)
            self.waits_since = None


def in_parts(items: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Each of one frame, and of more as long as they come to AT_ONCE_BYTES."""
    part: list[tuple[int, str]] = []
    size = 0
    for item in items:
        if part and size + len(item[1]) > AT_ONCE_BYTES:
            yield part
            part, size = [], 0
        part.append(item)
        size += len(item[1])
    if part:
        yield part


def read_changes(user_id: int, token: SyncToken) -> selectors.Changes:
    return selectors.changes_after(inbox_of(user_id), token)
