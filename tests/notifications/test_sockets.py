"""The WebSocket protocol, frame by frame, in one process. tests/flow goes through real ones."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from functools import partial
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.exceptions import StopConsumer
from django.conf import settings
from django.test import AsyncClient

from tests.factories import access_token, make_user
from tests.notifications.support import approved, consume
from toby.accounts.models import User
from toby.common import session_store, tokens
from toby.common.web_socket_protocol import WRITE_AT_ONCE
from toby.notifications import hub, places
from toby.notifications.frames import SUBPROTOCOL
from toby.notifications.hints import Hint, announce, the_layer
from toby.notifications.inboxes import inbox_of
from toby.notifications.models import Item
from toby.notifications.places import PLACES_A_USER
from toby.notifications.routing import route
from toby.notifications.services import mark
from toby.notifications.sockets import NotificationsSocket
from toby.notifications.stream_cookie import PATH as STREAM
from toby.notifications.sync_tokens import SyncToken

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

Scenario = Callable[[], Awaitable[None]]


def play(scenario: Scenario) -> None:
    """Runs a scenario in a loop of its own, whose hub and layer end with it."""

    async def whole() -> None:
        try:
            await scenario()
        finally:
            ours = hub.this_hub()
            for task in ours.tasks:
                task.cancel()
            await asyncio.gather(*ours.tasks, return_exceptions=True)
            await the_layer().flush()
            hub._hubs.pop(asyncio.get_running_loop())

    asyncio.run(whole())


class Socket(ApplicationCommunicator):
    """What an ASGI server does for a client. Channels' own wants Daphne to be there."""

    async def connect(self) -> tuple[bool, str | None]:
        """Whether it was accepted, and with which subprotocol."""
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(5)
        return answer["type"] == "websocket.accept", answer.get("subprotocol")

    async def send_to(self, **message: str | bytes) -> None:
        """`text` or `bytes`."""
        await self.send_input({"type": "websocket.receive", **message})

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(5)

    async def frame(self, *, of: str = "") -> dict[str, Any]:
        """The next frame; with `of`, the next of that type."""
        while True:
            message = await self.receive_output(5)
            assert message["type"] == "websocket.send", message
            frame = json.loads(message["text"])
            if not of or frame["type"] == of:
                return dict(frame)

    async def is_silent(self) -> bool:
        return bool(await self.receive_nothing())

    async def say(self, **frame: Any) -> None:
        await self.send_to(text=json.dumps(frame))

    async def close_code(self) -> int:
        """The code with which the server closes, next."""
        while True:
            output = await self.receive_output(5)
            if output["type"] == "websocket.close":
                return int(output["code"])


def scope_of(
    headers: dict[str, str], offered: Sequence[str] = (), path: str = "/ws/notifications"
) -> dict[str, Any]:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {"type": "websocket", "path": path, "headers": pairs, "subprotocols": list(offered)}


@asynccontextmanager
async def connected(*, ticket: str = "", **headers: str) -> AsyncIterator[Socket]:
    socket = Socket(route, scope_of(headers, [SUBPROTOCOL, ticket] if ticket else []))
    accepted, chosen = await socket.connect()
    assert accepted
    assert chosen == (SUBPROTOCOL if ticket else None)
    try:
        yield socket
    finally:
        await socket.disconnect()


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token(user)}"}


def ticket_of(user: User) -> str:
    principal = session_store.principal_of(access_token(user))
    assert principal is not None
    return session_store.issue_ticket(principal)


in_thread = sync_to_async(thread_sensitive=False)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110  what it waits for is no event
            await asyncio.sleep(0.01)


def test_ready_tells_the_token_and_the_counts(ana: User) -> None:
    consume(approved(ana.pk))
    headers = bearer(ana)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            ready = await socket.frame()
            assert ready["type"] == "ready"
            assert (ready["unread"], ready["unseen"]) == (1, 1)
            assert ready["token"].endswith("-1")

    play(scenario)


def test_an_item_arrives_with_the_token_before_it_and_then_the_counts(ana: User) -> None:
    headers = bearer(ana)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            ready = await socket.frame()
            await in_thread(consume)(approved(ana.pk))
            item, counts = await socket.frame(), await socket.frame()
            assert (item["type"], item["prev"]) == ("item", ready["token"])
            assert item["item"]["title"] == "Your post was approved"
            assert (counts["type"], counts["unread"]) == ("counts", 1)
            assert item["token"] == counts["token"]

    play(scenario)


def test_resume_brings_what_was_missed_and_ends_with_counts(ana: User) -> None:
    headers = bearer(ana)
    consume(approved(ana.pk, 1), approved(ana.pk, 2))
    epoch = SyncToken.parse(str(mark(user_id=ana.pk, state="read", up_to=1)[0].epoch + "-0")).epoch

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            await socket.say(type="resume", after=f"{epoch}-1")
            frames = [await socket.frame() for _ in range(3)]
            assert [frame["type"] for frame in frames] == ["item", "item", "counts"]
            assert [frame["item"]["state"] for frame in frames[:2]] == ["unseen", "read"]
            assert [frame["prev"] for frame in frames[:2]] == [f"{epoch}-1", frames[0]["token"]]
            await socket.say(type="resume", after=frames[-1]["token"])
            assert (await socket.frame())["type"] == "counts"

    play(scenario)


def newer(user: User) -> Hint:
    """As of an item that comes now."""
    inbox = inbox_of(user.pk)
    return Hint(
        user_id=user.pk,
        epoch=inbox.epoch,
        prev=inbox.last_seq,
        seq=inbox.last_seq + 1,
        unread=0,
        unseen=0,
        frames=[(inbox.last_seq + 1, '{"type": "item"}')],
    )


@pytest.mark.parametrize("first", ["hint", "resume"])
def test_nothing_newer_comes_between_a_resume_and_its_answer(ana: User, first: str) -> None:
    headers = bearer(ana)
    consume(approved(ana.pk, 1), approved(ana.pk, 2))
    hint = newer(ana)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            (ours,) = hub.this_hub().sockets()
            assert isinstance(ours, NotificationsSocket)
            # At one moment, each way round.
            deeds = [partial(ours.deliver, hint), partial(ours.resume, SyncToken(hint.epoch, 0))]
            for deed in deeds if first == "hint" else deeds[::-1]:
                deed()
            frames = [await socket.frame() for _ in range(3)]
            assert [frame["token"] for frame in frames] == [
                f"{hint.epoch}-{seq}" for seq in (1, 2, 2)
            ]

    play(scenario)


def test_a_foreign_token_gets_a_reset_with_a_token_to_go_on_from(ana: User) -> None:
    headers = bearer(ana)
    consume(approved(ana.pk))

    async def scenario() -> None:
        async with connected(**headers) as socket:
            ready = await socket.frame(of="ready")
            await socket.say(type="resume", after="000000000000-7")
            reset = await socket.frame()
            assert (reset["type"], reset["token"]) == ("reset", ready["token"])

    play(scenario)


def test_what_is_archived_on_one_device_leaves_the_list_on_the_other_and_comes_back(
    ana: User,
) -> None:
    headers, others = bearer(ana), bearer(ana)
    consume(approved(ana.pk))

    async def scenario() -> None:
        async with connected(**headers) as phone, connected(**others) as laptop:
            await phone.frame(of="ready")
            await laptop.frame(of="ready")
            for say, state in (("archive", "archived"), ("unarchive", "read")):
                await phone.say(type=say, up_to=1)
                for socket in (phone, laptop):
                    item, counts = await socket.frame(of="item"), await socket.frame(of="counts")
                    assert item["item"]["state"] == state
                    assert (counts["unread"], counts["unseen"]) == (0, 0)

    play(scenario)


def test_marking_on_one_device_shows_on_the_other(ana: User) -> None:
    headers, others = bearer(ana), bearer(ana)
    consume(approved(ana.pk))

    async def scenario() -> None:
        async with connected(**headers) as phone, connected(**others) as laptop:
            await phone.frame(of="ready")
            await laptop.frame(of="ready")
            await phone.say(type="read", up_to=1)
            for socket in (phone, laptop):
                item, counts = await socket.frame(of="item"), await socket.frame(of="counts")
                assert item["item"]["state"] == "read"
                assert counts["unread"] == 0

    play(scenario)


def test_hints_that_were_lost_are_made_good_by_the_sweep(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = bearer(ana)
    monkeypatch.setattr("toby.notifications.inboxes.announce", lose)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            await in_thread(consume)(approved(ana.pk, 1), approved(ana.pk, 2))
            assert await socket.is_silent()
            await hub.this_hub().sweep_positions()
            assert [(await socket.frame())["type"] for _ in range(3)] == ["item", "item", "counts"]
            await hub.this_hub().sweep_positions()
            assert await socket.is_silent()

    play(scenario)


def test_a_gap_before_a_hint_is_filled_from_the_database(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = bearer(ana)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            with monkeypatch.context() as losing:
                losing.setattr("toby.notifications.inboxes.announce", lose)
                await in_thread(consume)(approved(ana.pk, 1))
            await in_thread(consume)(approved(ana.pk, 2))
            seqs = [(await socket.frame(of="item"))["item"]["seq"] for _ in range(2)]
            assert seqs == [1, 2]

    play(scenario)


def test_a_hint_that_comes_twice_or_late_is_sent_once(ana: User) -> None:
    headers = bearer(ana)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            await in_thread(consume)(approved(ana.pk))
            await socket.frame(of="counts")
            _, hints = await in_thread(mark)(user_id=ana.pk, state="read", up_to=1)
            await announce(hints)
            await announce(hints)
            await socket.frame(of="counts")
            assert await socket.is_silent()

    play(scenario)


def test_the_sockets_of_an_ended_session_are_closed_even_if_nobody_says_so(ana: User) -> None:
    headers = bearer(ana)
    token = headers["Authorization"].removeprefix("Bearer ")
    principal = session_store.principal_of(token)
    assert principal is not None

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            await in_thread(session_store.end_sessions)([principal.session_id])
            await hub.this_hub().sweep_sessions()
            assert await socket.close_code() == 4401

    play(scenario)


def test_the_socket_of_a_session_whose_token_has_expired_stays(ana: User) -> None:
    headers = bearer(ana)
    digest = tokens.digest(headers["Authorization"].removeprefix("Bearer "))

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            await in_thread(session_store.connection().delete)(f"at:{digest}")
            await hub.this_hub().sweep_sessions()
            await in_thread(consume)(approved(ana.pk))
            assert (await socket.frame())["type"] == "item"

    play(scenario)


def test_a_client_that_reads_nothing_is_passed_over_and_ended_and_one_that_is_late_misses_nothing(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = bearer(ana)
    monkeypatch.setattr("toby.notifications.live.WINDOW_BYTES", 1000)
    reads = asyncio.Event()
    sent: list[dict[str, Any]] = []

    async def scenario() -> None:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        await incoming.put({"type": "websocket.connect"})

        async def send(message: dict[str, Any]) -> None:
            """As an ASGI server whose client takes nothing after `ready`."""
            if len(sent) > 1:
                await reads.wait()
            sent.append(message)

        serving = asyncio.create_task(route(scope_of(headers), incoming.get, send))
        await until(lambda: len(sent) == 2)
        for number in range(9):
            await in_thread(consume)(approved(ana.pk, number))
        (socket,) = hub.this_hub().sockets()
        assert isinstance(socket, NotificationsSocket)
        await hub.this_hub().sweep_slow()
        assert not socket.ended
        reads.set()
        await until(lambda: sum('"item"' in each.get("text", "") for each in sent) == 9)
        assert socket.queued_bytes == 0
        reads.clear()
        await in_thread(consume)(approved(ana.pk, 9))
        await until(lambda: socket.waits_since is not None)
        monkeypatch.setattr(hub, "SLOW_AFTER_S", 0)
        await hub.this_hub().sweep_slow()
        assert socket.ended
        reads.set()
        await until(lambda: sent[-1]["type"] == "websocket.close")
        assert sent[-1]["code"] == 4408
        await incoming.put({"type": "websocket.disconnect", "code": 4408})
        with suppress(StopConsumer):
            await serving

    play(scenario)


def test_frames_are_in_order_whether_the_server_writes_them_at_once_or_has_to_wait(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in bearer(ana).items()]
    monkeypatch.setattr("toby.notifications.selectors.CHANGES_PAGE", 3)
    at_once: list[str] = []
    sent: list[str] = []
    # Whether there is no place to write at once, and whether `send` need not wait.
    is_full, reads = asyncio.Event(), asyncio.Event()

    def write(texts: Sequence[str]) -> bool:
        if is_full.is_set():
            return False
        at_once.extend(texts)
        sent.extend(texts)
        return True

    async def send(message: dict[str, Any]) -> None:
        await reads.wait()
        if "text" in message:
            sent.append(message["text"])

    def has_sent(count: int) -> bool:
        return len(sent) == count

    def tokens(first: int) -> list[str]:
        """Without epochs."""
        return [json.loads(text)["token"].partition("-")[2] for text in sent[first:]]

    async def scenario() -> None:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        await incoming.put({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": "/ws/notifications",
            "headers": headers,
            "subprotocols": [],
            "extensions": {WRITE_AT_ONCE: {"write": write}},
        }
        reads.set()
        serving = asyncio.create_task(route(scope, incoming.get, send))
        await until(lambda: len(sent) == 1)
        ready = json.loads(sent[0])
        await in_thread(consume)(approved(ana.pk, 1))
        await until(lambda: len(at_once) == 2)
        (socket,) = hub.this_hub().sockets()
        is_full.set()
        reads.clear()
        await in_thread(consume)(approved(ana.pk, 2))
        await until(lambda: socket.waits_since is not None)
        is_full.clear()
        await in_thread(consume)(approved(ana.pk, 3))
        await in_thread(consume)(approved(ana.pk, 4))
        reads.set()
        await until(lambda: len(sent) == 9)
        assert tokens(first=1) == ["1", "1", "2", "2", "3", "3", "4", "4"]
        assert len(at_once) == 2
        for refuses in (is_full.clear, is_full.set):
            refuses()
            already = len(sent)
            resume = {"type": "resume", "after": ready["token"]}
            await incoming.put({"type": "websocket.receive", "text": json.dumps(resume)})
            await until(partial(has_sent, already + 5))
            assert tokens(first=already) == ["1", "2", "3", "4", "4"]
        assert len(at_once) == 2 + 4
        await incoming.put({"type": "websocket.disconnect", "code": 1000})
        with suppress(StopConsumer):
            await serving

    play(scenario)


def test_a_client_that_goes_in_the_middle_of_an_answer_leaves_nothing_behind(ana: User) -> None:
    scope = scope_of(bearer(ana))

    async def scenario() -> None:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        await incoming.put({"type": "websocket.connect"})
        await incoming.put({"type": "websocket.receive", "text": '{"type": "ping"}'})

        async def send(message: dict[str, Any]) -> None:
            """As an ASGI server whose client is gone once it is ready."""
            if hub.this_hub().sockets() and "ready" not in message["text"]:
                await incoming.put({"type": "websocket.disconnect", "code": 1006})
                raise ConnectionError

        async with asyncio.timeout(5):
            await route(scope, incoming.get, send)
        assert incoming.empty()
        assert hub.this_hub().sockets() == []

    play(scenario)


def test_a_ticket_opens_one_socket_only(ana: User) -> None:
    ticket = ticket_of(ana)

    async def scenario() -> None:
        async with connected(ticket=ticket) as first:
            assert (await first.frame())["type"] == "ready"
        async with connected(ticket=ticket) as second:
            assert await second.close_code() == 4401

    play(scenario)


async def ready(stack: AsyncExitStack, headers: dict[str, str]) -> Socket:
    """One that is there until the stack is closed."""
    socket = await stack.enter_async_context(connected(**headers))
    await socket.frame(of="ready")
    return socket


def test_a_user_has_at_most_twenty_sockets_and_streams(ana: User) -> None:
    headers, others = bearer(ana), bearer(make_user("ben"))

    async def scenario() -> None:
        async with AsyncExitStack() as there:
            for _ in range(PLACES_A_USER - 1):
                await ready(there, headers)
            stream: Any = await AsyncClient().get(STREAM, headers=headers)
            async with aclosing(aiter(stream)) as chunks:
                await anext(chunks)
                async with connected(**headers) as socket:
                    assert await socket.close_code() == 4429
                refused = await AsyncClient().get(STREAM, headers=headers)
                told = json.loads(refused.content)
                assert (refused.status_code, told["code"]) == (429, "too_many_sockets")
                assert refused.headers["Retry-After"] == "20"
                await ready(there, others)
            # Of the one that has closed.
            await given_back()
            await ready(there, headers)

    play(scenario)


async def given_back() -> None:
    await until(lambda: hub.this_hub().giving_back is None)


def test_places_are_kept_as_long_as_their_sockets_live(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RENEW_S", 0.1)
    monkeypatch.setattr(places, "LAPSES_AFTER_S", 1)
    headers = bearer(ana)

    async def scenario() -> None:
        async with AsyncExitStack() as there:
            await ready(there, headers)
            # It lapses, being nobody's.
            lapsing = await in_thread(places.take_place)(ana.pk)
            await until(lambda: lapsing.name not in places_of(ana))
            (socket,) = hub.this_hub().sockets()
            assert socket.place is not None
            assert places_of(ana) == {socket.place.name}
        await given_back()
        assert places_of(ana) == set()

    play(scenario)


def test_places_are_given_back_before_a_copy_that_goes_sends_its_clients_to_another(
    ana: User,
) -> None:
    headers = bearer(ana)

    async def scenario() -> None:
        async with AsyncExitStack() as there:
            sockets = [await ready(there, headers) for _ in range(PLACES_A_USER)]
            draining = asyncio.create_task(hub.this_hub().drain(0.2))
            for number, socket in enumerate(sockets):
                assert await socket.close_code() == 1012
                assert places_of(ana) == set(), number
            await draining

    play(scenario)


def test_a_place_that_is_given_back_while_it_is_renewed_is_free(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = bearer(ana)

    async def scenario() -> None:
        async with AsyncExitStack() as there:
            await ready(there, headers)
            ours = hub.this_hub()
            (socket,) = ours.sockets()

            def slow(renewed: list[places.Place]) -> None:
                """Given back, and only then renewed."""
                asyncio.run_coroutine_threadsafe(give_back(), loop).result(5)
                places.renew_places(renewed)

            async def give_back() -> None:
                ours.give_back(socket)
                await given_back()

            loop = asyncio.get_running_loop()
            monkeypatch.setattr(hub, "renew_places", slow)
            await ours.renew_places()
            await given_back()
            assert places_of(ana) == set()

    play(scenario)


def places_of(user: User) -> set[str]:
    names = session_store.connection().zrangebyscore(
        f"sockets:{user.pk}", time.time() * 1000, "inf"
    )
    return {name.decode() for name in cast("list[bytes]", names)}


@pytest.mark.parametrize(
    ("ticket", "headers", "code"),
    [
        ("", {}, 4401),
        ("toby_wt_nonsense", {}, 4401),
        ("", {"Authorization": "Bearer nonsense"}, 4401),
        ("", {"Origin": "https://elsewhere.example"}, 4403),
    ],
    ids=["no token", "bad ticket", "bad token", "wrong origin"],
)
def test_who_may_not_is_refused_with_a_close_code(
    ticket: str, headers: dict[str, str], code: int
) -> None:
    async def scenario() -> None:
        async with connected(ticket=ticket, **headers) as socket:
            assert await socket.close_code() == code

    play(scenario)


def test_a_ticket_opens_the_inbox_of_its_own_user_and_no_other(ana: User) -> None:
    consume(approved(ana.pk))
    ben = make_user("ben")
    ticket = ticket_of(ben)

    async def scenario() -> None:
        async with connected(ticket=ticket) as socket:
            assert (await socket.frame())["unread"] == 0
            await in_thread(consume)(approved(ana.pk, 2))
            await in_thread(consume)(approved(ben.pk, 3))
            assert (await socket.frame(of="item"))["item"]["target"]["title"] == "Post 3"

    play(scenario)


def test_a_token_and_a_ticket_must_be_of_one_user(ana: User) -> None:
    headers = bearer(ana)
    own, of_another = ticket_of(ana), ticket_of(make_user("ben"))

    async def scenario() -> None:
        async with connected(ticket=own, **headers) as socket:
            assert (await socket.frame())["type"] == "ready"
        async with connected(ticket=of_another, **headers) as socket:
            assert await socket.close_code() == 4401

    play(scenario)


@pytest.mark.parametrize(
    ("offered", "accepted", "code"),
    [
        ([SUBPROTOCOL], SUBPROTOCOL, None),
        (["toby.notifications.v2", SUBPROTOCOL], SUBPROTOCOL, None),
        ([], None, None),
        # Accepted to be refused: a browser's script would not be told the code otherwise.
        (["toby.notifications.v2"], "toby.notifications.v2", 4406),
        (["toby.notifications"], "toby.notifications", 4406),
        (["graphql-ws"], None, 4406),
    ],
)
def test_the_subprotocol_is_the_version_and_one_that_is_not_spoken_is_refused(
    ana: User, offered: list[str], accepted: str | None, code: int | None
) -> None:
    headers = bearer(ana)

    async def scenario() -> None:
        socket = Socket(route, scope_of(headers, offered))
        assert await socket.connect() == (True, accepted)
        if code is None:
            assert (await socket.frame())["type"] == "ready"
        else:
            assert await socket.close_code() == code
        await socket.disconnect()

    play(scenario)


def test_a_ticket_is_not_used_up_by_one_whose_version_is_refused(ana: User) -> None:
    ticket = ticket_of(ana)

    async def scenario() -> None:
        outdated = Socket(route, scope_of({}, ["toby.notifications.v0", ticket]))
        await outdated.connect()
        assert await outdated.close_code() == 4406
        async with connected(ticket=ticket) as socket:
            assert (await socket.frame())["type"] == "ready"

    play(scenario)


def test_our_own_origin_is_let_in(ana: User) -> None:
    headers = {**bearer(ana), "Origin": settings.PUBLIC_ORIGIN}

    async def scenario() -> None:
        async with connected(**headers) as socket:
            assert (await socket.frame())["type"] == "ready"

    play(scenario)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "malformed"),
        ("[]", "malformed"),
        ("[" * 5000, "malformed"),
        ("{}", "unknown_type"),
        ('{"type": "dance"}', "unknown_type"),
        ('{"type": ["ping"]}', "unknown_type"),
        ('{"type": "resume"}', "invalid_frame"),
        ('{"type": "resume", "after": 7}', "invalid_frame"),
        ('{"type": "resume", "after": "7"}', "bad_token"),
        ('{"type": "read"}', "invalid_frame"),
        ('{"type": "read", "up_to": 0}', "invalid_frame"),
        ('{"type": "read", "up_to": 99999999999999999999}', "invalid_frame"),
        ('{"type": "read", "up_to": "all"}', "invalid_frame"),
        ('{"type": "read", "up_to": true}', "invalid_frame"),
        ('{"type": "read", "ids": []}', "invalid_frame"),
        ('{"type": "read", "ids": ["x"]}', "invalid_frame"),
        ('{"type": "read", "ids": 7}', "invalid_frame"),
    ],
)
def test_a_frame_that_is_none_gets_an_error_and_the_socket_lives(
    ana: User, text: str, code: str
) -> None:
    headers = bearer(ana)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            await socket.send_to(text=text)
            told = await socket.frame()
            assert (told["type"], told["code"]) == ("error", code)
            await socket.send_to(bytes=b"\x00")
            assert (await socket.frame())["code"] == "not_text"
            await socket.say(type="ping")
            assert await socket.frame() == {"type": "pong"}

    play(scenario)


def test_another_path_is_closed() -> None:
    async def scenario() -> None:
        socket = Socket(route, scope_of({}, path="/ws/elsewhere"))
        accepted, _ = await socket.connect()
        assert not accepted

    play(scenario)


def test_nothing_of_an_item_is_told_that_is_not_ones_own(ana: User) -> None:
    headers = bearer(ana)
    stranger = make_user("stranger")

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            await in_thread(consume)(approved(stranger.pk))
            assert await socket.is_silent()

    play(scenario)
    assert Item.objects.get().recipient_id == stranger.pk


async def lose(hints: object) -> None:
    """In place of `announce`: as when Redis drops what it was to carry."""
