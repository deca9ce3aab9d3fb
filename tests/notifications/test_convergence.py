"""Whatever happens, and whatever is lost on the way: who follows ends with what one holds who asks
afresh. By WebSocket, by server-sent events and by asking for changes.

One thread and one transaction a schedule, so that what is found is found again; the clients are
docs/examples/feed.py, on lines that end in this process.
"""

import asyncio
import json
from asyncio.events import _get_running_loop, _set_running_loop
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIRequestFactory, force_authenticate

from tests.common.support import SCHEDULES
from tests.events.support import incoming
from tests.flow.test_examples import load
from tests.notifications.support import (
    assert_counts_are_right,
    consume,
    consume_chunks,
    followed,
    person,
    process,
)
from tests.notifications.test_groups import ANA, BEN, CLEO, DEEDS, NAMES, liked, unliked
from toby.common.kafka import Incoming
from toby.common.principals import Principal
from toby.events import Event, UserRegistered
from toby.notifications import hub, live, pruning, selectors
from toby.notifications.frames import Ready, Resume, received
from toby.notifications.hints import Hint
from toby.notifications.hub import in_database
from toby.notifications.inboxes import inbox_of
from toby.notifications.live import LiveFeed
from toby.notifications.models import Inbox, Item, ReadAll, State, new_epoch
from toby.notifications.places import Place
from toby.notifications.serializers import ChangesOut, CountsOut
from toby.notifications.services import mark, read_all, undo_read_all
from toby.notifications.streams import EventStream, changes_within
from toby.notifications.sync_tokens import SyncToken
from toby.notifications.views import Items

pytestmark = pytest.mark.django_db

# Of the loop, until all has come that is on its way.
MOST_TURNS = 20_000
PRINCIPAL = Principal(user_id=ANA, username="ana", session_id="one")
example: Any = load("feed")


class AtOnce(ThreadPoolExecutor):
    """Runs all in the caller's thread: one connection sees what is not committed, and the same
    schedule goes the same way."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        loop = _get_running_loop()
        # As in a thread of its own: else Django opens another connection for the loop.
        _set_running_loop(None)
        try:
            done.set_result(work(*args, **named))
        except Exception as error:
            done.set_exception(error)
        finally:
            _set_running_loop(loop)
        return done


class Hub(hub.Hub):
    """Gets no hints but those that a schedule lets through, and sweeps when it says."""

    async def _listen_to(self, *groups: str) -> None:
        pass

    def give_back(self, socket: hub.Connected) -> None:
        pass


class Socket(LiveFeed):
    """The server's end of a WebSocket; a `slow` client has to be waited for. The other end has
    `recv` and `send`, as the `websockets` library has."""

    def __init__(self, *, slow: bool, is_heard: bool) -> None:
        super().__init__()
        self.slow, self.is_heard = slow, is_heard
        self.sent: asyncio.Queue[str] = asyncio.Queue()

    async def put(self, token: SyncToken, frame: str) -> None:
        await asyncio.sleep(0)
        self.sent.put_nowait(frame)

    def put_at_once(self, frames: Sequence[str]) -> bool:
        if self.slow:
            return False
        for frame in frames:
            self.sent.put_nowait(frame)
        return True

    async def close_with(self, code: int, retry_ms: int | None) -> None:
        raise AssertionError("no schedule ends a session")

    async def recv(self) -> str:
        return await self.sent.get()

    async def send(self, text: str) -> None:
        said = received(text)
        assert isinstance(said, Resume)
        if self.is_heard:
            self.resume(SyncToken.parse(said.after))


class Client(example.Feed):  # type: ignore[misc]  # it is not installed, and so has no types
    """One device, which is on a line or off it."""

    def __init__(self) -> None:
        super().__init__("http://toby.example", lambda: "")
        self.line: asyncio.Task[None] | None = None
        self.feed: LiveFeed | None = None
        self.is_taking = False

    def get(self, path: str) -> Any:
        return answer_of(path)

    def go_on(self) -> None:
        if self.line is None:
            self.line = asyncio.create_task(self.run())

    async def cut(self) -> None:
        if self.line is not None:
            self.line.cancel()
            await asyncio.gather(self.line, return_exceptions=True)
            self.line = self.feed = None
            self.is_taking = False

    async def run(self) -> None:
        async with aclosing(self.frames()) as frames:
            async for frame in frames:
                self.is_taking = True
                await self.take(frame)
                self.is_taking = False

    def rests(self) -> bool:
        """Whether nothing is on its way to it."""
        if self.line is not None and self.line.done():
            self.line.result()
        return not self.is_taking and self.feed is not None and self.feed.rests

    @property
    def held(self) -> tuple[dict[str, Any], int, int]:
        return self.items, self.unread, self.unseen


class BySocket(Client):
    def __init__(self, *, slow: bool) -> None:
        super().__init__()
        self.slow, self.is_heard = slow, True

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Socket]:
        socket = self.feed = Socket(slow=self.slow, is_heard=self.is_heard)
        try:
            inbox = await socket.follow(PRINCIPAL)
            await socket.send_counts(inbox, Ready)
            socket.open()
            yield socket
        finally:
            socket.leave_hub()
            if socket.writer is not None:
                socket.writer.cancel()

    async def frames(self) -> Any:
        example.connect = lambda *_, **__: self.connect()
        async with aclosing(super().frames()) as frames:
            async for frame in frames:
                yield frame

    def rests(self) -> bool:
        return super().rests() and isinstance(self.feed, Socket) and self.feed.sent.empty()


class ByStream(Client):
    """As an EventSource: what it remembers is the id of the last event."""

    last_id = ""

    async def frames(self) -> Any:
        after = SyncToken.parse(self.last_id) if self.last_id else None
        stream = self.feed = EventStream(PRINCIPAL, after, Place(ANA, "one"))
        async with aclosing(stream.chunks()) as chunks:
            async for chunk in chunks:
                self.is_taking = False
                if not chunk.startswith("id: "):
                    continue
                id_line, data_line = chunk.rstrip("\n").split("\n")
                frame = json.loads(data_line.removeprefix("data: "))
                if frame["type"] == "ready":
                    frame["type"] = "reset"
                yield frame
                self.last_id = id_line.removeprefix("id: ")

    def rests(self) -> bool:
        return super().rests() and isinstance(self.feed, EventStream) and self.feed.events.empty()


class ByChanges(Client):
    """Asks, and is told where to go on. On its line it asks once."""

    async def run(self) -> None:
        if not self.token:
            counts = msgspec.to_builtins(CountsOut.of(await in_database(inbox_of, ANA)))
            await self.take({"type": "reset", **counts})
        more = True
        while more:
            changes = await changes_within(PRINCIPAL, SyncToken.parse(self.token), 0)
            found = msgspec.to_builtins(ChangesOut.of(changes))
            items, more = found.pop("items"), found["more"]
            if found["reset"]:
                await self.take({"type": "reset", **found})
            for item in items:
                await self.take({"type": "item", "token": found["token"], "item": item})
            await self.take({"type": "counts", **found})

    def rests(self) -> bool:
        if self.line is not None and self.line.done():
            self.line.result()
            return True
        return False


def answer_of(path: str) -> Any:
    """What the view of the list answers."""
    request = APIRequestFactory().get(path)
    force_authenticate(request, user=PRINCIPAL)  # type: ignore[arg-type]  # no user of Django's
    answer = Items.as_view()(request)
    assert answer.status_code == 200
    return json.loads(msgspec.json.encode(answer.data))


def afresh() -> tuple[str, tuple[dict[str, Any], int, int]]:
    """The token, and what one holds who asks for all."""
    items: dict[str, Any] = {}
    inbox, path = inbox_of(ANA), "/api/v1/notifications?limit=100"
    while path:
        page = answer_of(path)
        items |= {item["id"]: item for item in page["results"]}
        path = page["next"]
    return str(SyncToken(inbox.epoch, inbox.last_seq)), (items, inbox.unread, inbox.unseen)


class World:
    """One inbox, four devices, and what is on its way between them."""

    def __init__(self, capture: Callable[..., Any]) -> None:
        self.capture, self.hub = capture, Hub()
        self.clients = [BySocket(slow=False), BySocket(slow=True), ByStream(), ByChanges()]
        self.batches: list[list[Incoming]] = []
        self.comments: list[int] = []
        self.late: deque[Hint] = deque()
        self.operation: ReadAll | None = None

    async def play(self, schedule: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
        hub._hubs[asyncio.get_running_loop()] = self.hub
        asyncio.get_running_loop().set_default_executor(AtOnce())
        try:
            for client in self.clients:
                client.go_on()
            await self.until_all_rest()
            for turns, (what, *how) in schedule:
                await getattr(self, what)(*how)
                await self.turn(turns)
            await self.all_is_well()
        finally:
            for client in self.clients:
                await client.cut()
            del hub._hubs[asyncio.get_running_loop()]

    async def all_is_well(self) -> None:
        """Once all devices are on their lines, and the hub has swept."""
        for client in self.clients:
            if isinstance(client, ByChanges):
                await client.cut()
            client.go_on()
        await self.until_all_rest()
        await self.sweep()
        await self.until_all_rest()
        await in_database(assert_counts_are_right, ANA)
        token, there = await in_database(afresh)
        for client in self.clients:
            assert client.held == there, type(client)
            assert client.token == token, type(client)

    async def until_all_rest(self) -> None:
        await self.until_they_rest(*self.clients)

    async def until_they_rest(self, *clients: Client) -> None:
        for _ in range(MOST_TURNS):
            await asyncio.sleep(0)
            if all(client.rests() for client in clients):
                return
        raise AssertionError("something goes on and on")

    # What can happen

    async def turn(self, count: int) -> None:
        """The devices, and what serves them, do a little of what they have to."""
        for _ in range(count):
            await asyncio.sleep(0)

    async def handle(self, deeds: Sequence[Callable[[list[int]], Event]], fate: str) -> None:
        self.batches.append([incoming(deed(self.comments)) for deed in deeds])
        await self.consume(self.batches[-1], fate)

    async def handle_again(self, which: int, fate: str) -> None:
        """As after a consumer's restart: what is known, and perhaps something new."""
        if self.batches:
            await self.consume(self.batches[-1 - which % len(self.batches)], fate)

    async def consume(self, messages: list[Incoming], fate: str) -> None:
        def consume() -> list[Hint]:
            with self.capture() as callbacks:
                consume_chunks(process(messages))
            return [inbox.hint() for callback in callbacks for inbox in callback.__self__.touched]

        await self.send(await in_database(consume), fate)

    async def mark(self, state: str, place: int, one: bool, fate: str) -> None:
        """On a device that is none of these, or on one of them."""

        def marked() -> list[Hint]:
            items = Item.objects.filter(recipient_id=ANA).order_by("content_seq")
            ids = list(items.values_list("id", flat=True)[place : place + 1])
            if one:
                return mark(user_id=ANA, state=state, ids=ids)[1]
            return mark(user_id=ANA, state=state, up_to=place)[1]

        await self.send(await in_database(marked), fate)

    async def read_all(self, fate: str) -> None:
        self.operation, _, hints = await in_database(partial(read_all, user_id=ANA))
        await self.send(hints, fate)

    async def undo_read_all(self, fate: str) -> None:
        if self.operation is not None:
            undo = partial(undo_read_all, user_id=ANA, operation_id=self.operation.id)
            await self.send((await in_database(undo))[1], fate)

    async def send(self, hints: Sequence[Hint], fate: str) -> None:
        """Hints arrive, or are lost, or come later than others."""
        theirs = [hint for hint in hints if hint.user_id == ANA]
        if fate == "late":
            self.late += theirs
        elif fate == "sent":
            for hint in theirs:
                for socket in list(self.hub.by_user.get(ANA, ())):
                    socket.deliver(hint)

    async def overtake(self, which: int, deeds: Sequence[Callable[[list[int]], Event]]) -> None:
        """News comes to a device that is back on its line, and the line is cut, before what it says
        has arrived."""
        client = self.clients[which % 2]
        assert isinstance(client, BySocket)
        await client.cut()
        client.is_heard = False
        client.go_on()
        await self.until_they_rest(client)
        await self.handle(deeds, "sent")
        await self.until_they_rest(client)
        await client.cut()
        client.is_heard = True

    async def come_late(self) -> None:
        if self.late:
            await self.send([self.late.popleft()], "sent")

    async def cut(self, which: int) -> None:
        await self.clients[which].cut()

    async def go_on(self, which: int) -> None:
        self.clients[which].go_on()

    async def sweep(self) -> None:
        await self.hub.sweep_positions()

    async def prune(self) -> None:
        """A long time passes: who has been away for all of it has to start afresh."""

        def delete() -> None:
            gone = Item.objects.filter(recipient_id=ANA, state=State.GONE)
            pruning.delete(gone.all, dict.fromkeys(gone.values_list("pk", flat=True), ANA))

        await in_database(delete)

    async def rebuild(self) -> None:
        """As after a restore: no token is good any more."""
        inbox = Inbox.objects.filter(user_id=ANA)
        await in_database(partial(inbox.update, epoch=new_epoch()))


# Of few people and one post, so that much of it falls into one item and is undone.
LIKES: st.SearchStrategy[Callable[[list[int]], Event]] = st.builds(
    lambda deed, by: lambda _: deed(by),
    st.sampled_from([liked, liked, unliked]),
    st.sampled_from([BEN, CLEO]),
)
FATE = st.sampled_from(["sent", "sent", "lost", "late"])
WHICH, STATE = (
    st.integers(0, 3),
    st.sampled_from(["seen", "read", "unread", "archive", "unarchive"]),
)
HANDLE = st.tuples(st.just("handle"), st.lists(DEEDS, min_size=1, max_size=4), FATE)
# A strategy of its own: among all other deeds these would be one in twelve.
HANDLE_LIKES = st.tuples(st.just("handle"), st.lists(LIKES, min_size=1, max_size=4), FATE)
MARK = st.tuples(st.just("mark"), STATE, st.integers(0, 8), st.booleans(), FATE)
STEPS: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    HANDLE,
    HANDLE_LIKES,
    HANDLE_LIKES,
    MARK,
    st.tuples(st.just("handle_again"), WHICH, FATE),
    st.tuples(st.sampled_from(["read_all", "undo_read_all"]), FATE),
    st.tuples(st.sampled_from(["cut", "go_on", "go_on"]), WHICH),
    st.tuples(st.just("overtake"), WHICH, st.lists(DEEDS, min_size=1, max_size=4)),
    st.tuples(st.sampled_from(["come_late", "sweep", "prune", "rebuild"])),
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that pages and windows are full after a few items; all in one thread."""
    monkeypatch.setattr(hub, "_database", AtOnce())
    monkeypatch.setattr(selectors, "CHANGES_PAGE", 2)
    monkeypatch.setattr(live, "WINDOW_BYTES", 1500)
    monkeypatch.setattr(live, "AT_ONCE_BYTES", 1000)
    monkeypatch.setattr(example, "connect", None)
    consume(*(UserRegistered(user_id=w, user=person(w, n), version=1) for w, n in NAMES.items()))


@settings(
    max_examples=SCHEDULES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(schedule=st.lists(st.tuples(st.integers(0, 30), STEPS), max_size=14))
def test_who_follows_ends_with_what_one_holds_who_asks_afresh(
    small: None,
    django_capture_on_commit_callbacks: Callable[..., Any],
    schedule: list[tuple[int, tuple[Any, ...]]],
) -> None:
    with transaction.atomic():
        asyncio.run(World(django_capture_on_commit_callbacks).play(schedule))
        transaction.set_rollback(True)


@pytest.mark.parametrize("which", [0, 1], ids=["quick", "slow"])
def test_what_is_newer_than_the_answer_to_a_resume_that_never_comes_hides_nothing_that_is_missing(
    small: None, django_capture_on_commit_callbacks: Callable[..., Any], which: int
) -> None:
    missed, newer = [partial(liked_by, BEN), partial(liked_by, CLEO)], [partial(followed_by, BEN)]
    schedule = [(0, ("handle", missed, "lost")), (0, ("overtake", which, newer))]
    asyncio.run(World(django_capture_on_commit_callbacks).play(schedule))


def liked_by(who: int, _: list[int]) -> Event:
    return liked(who)


def followed_by(who: int, _: list[int]) -> Event:
    return followed(who, ANA)
