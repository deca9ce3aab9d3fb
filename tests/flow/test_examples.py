"""The clients of docs/examples, as one would copy them: on a line that is cut they end with what
one holds who asks afresh."""

import asyncio
import importlib.util
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocket, WebSocketRoute
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from deploy.demo import Person
from tests.flow.support import PATIENCE_S, Line, Toby, eventually, items_of
from tests.house.support import ROOT

pytestmark = pytest.mark.flow

EXAMPLES = ROOT / "docs" / "examples"
SCRIPT = (EXAMPLES / "feed.js").read_text()
CUTS = 20
# More than the exponent of a float.
FAILURES = 1100
READY = json.dumps({"type": "ready", "token": "one.3", "unread": 0, "unseen": 0})
RESTART = json.dumps({"type": "restart", "retry_ms": 10})
CAME_LATE = [
    {
        "type": "item",
        "token": f"one.{seq}",
        "prev": "",
        "item": {"id": id, "seq": seq, "state": state},
    }
    for id, seq, state in [("a", 4, "unseen"), ("a", 7, "gone"), ("a", 5, "seen"), ("b", 8, "seen")]
]
Held = dict[str, tuple[int, str]]


def fresh(person: Person) -> Held:
    return {item["id"]: (item["seq"], item["state"]) for item in items_of(person)}


def live_through(toby: Toby, line: Line, ana: Person, settled: Callable[[], bool]) -> None:
    """Things come, are read on another device and are taken back, and the line is cut."""
    ben, post = toby.person("ben"), toby.live_post(ana)
    eventually(partial(items_of, ana))
    for number in range(CUTS):
        toby.mention(ben, ana, f"before cut {number}")
        line.cut()
        ben.call("PUT" if number % 2 == 0 else "DELETE", f"profiles/{ana.name}/follow")
        ben.call("PUT" if number % 3 else "DELETE", f"posts/{post['slug']}/like")
        if number % 5 == 0:
            newest = items_of(ana)[-1]
            ana.call("POST", "notifications/read", {"up_to": newest["content_seq"]})
        if number % 7 == 0:
            deed = "archive" if number % 2 else "unarchive"
            ana.call("POST", f"notifications/{deed}", {"up_to": items_of(ana)[0]["content_seq"]})
    eventually(lambda: len(items_of(ana)) >= CUTS)
    toby.reconcile()
    eventually(settled, within_s=60)


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: in the tests' own runs Playwright's loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, scenario).result()


def test_the_python_client(toby: Toby, line: Line) -> None:
    example, ana = load("feed"), toby.person("ana")
    origin = f"http://127.0.0.1:{line.port}"
    feed = example.Feed(origin, lambda: ana.token)

    def held() -> Held:
        return {id: (item["seq"], item["state"]) for id, item in feed.items.items()}

    async def scenario() -> None:
        following = asyncio.create_task(feed.follow())
        settled = partial(lambda: held() == fresh(ana))
        await asyncio.to_thread(live_through, toby, line, ana, settled)
        counts = ana.call("GET", "notifications/counts")
        await asyncio.to_thread(eventually, lambda: feed.unread == counts["unread"])
        assert feed.unseen == counts["unseen"]
        ana.call("POST", "auth/logout")
        with pytest.raises(example.SessionEnded):
            async with asyncio.timeout(20):
                await following

    run(scenario())


def test_the_javascript_client(toby: Toby, line: Line, blank_page: Page) -> None:
    ana = toby.person("ana")
    follow(blank_page, ana)
    live_through(toby, line, ana, partial(is_settled, blank_page, ana))
    counts = ana.call("GET", "notifications/counts")
    eventually(lambda: blank_page.evaluate("window.feed.unread") == counts["unread"])
    ana.call("POST", "auth/logout")
    assert why_it_ended(blank_page) == "session ended"


def follow(page: Page, person: Person, script: str = SCRIPT, **settings: int) -> None:
    assert len(script.splitlines()) < 100
    page.add_script_tag(content=script)
    page.evaluate(
        """([token, settings]) => {
          window.feed = Object.assign(new Feed(() => token), settings);
          window.done = window.feed.follow();
        }""",
        [person.token, settings],
    )


def why_it_ended(page: Page) -> Any:
    late = f"new Promise((resolve) => setTimeout(resolve, {PATIENCE_S * 1000}))"
    return page.evaluate(f"Promise.race([window.done, {late}])")


def is_settled(page: Page, person: Person) -> bool:
    found = page.evaluate(
        "[...window.feed.items.values()].map((item) => [item.id, item.seq, item.state])"
    )
    return {id: (seq, state) for id, seq, state in found} == fresh(person)


def test_the_javascript_client_takes_nothing_after_a_list_that_could_not_be_read(
    toby: Toby, blank_page: Page
) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    toby.mention(ben, ana, "stands in the list")
    eventually(partial(items_of, ana))
    lists: list[Route] = []
    frames: list[str | bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: frames.append(frame))

    blank_page.route("**/notifications?limit=100", lambda route: lists.append(route), times=1)
    blank_page.on("websocket", listen)
    follow(blank_page, ana)
    pumped(blank_page, lambda: lists)
    toby.mention(ben, ana, "waits for its turn")
    pumped(blank_page, lambda: any('"item"' in str(frame) for frame in frames))
    lists[0].fulfill(status=500)
    eventually(partial(is_settled, blank_page, ana))


def test_the_javascript_client_leaves_alone_what_overtakes_the_answer_to_its_resume(
    toby: Toby, line: Line, blank_page: Page
) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    toby.wall_of(ben)
    sent: list[str | bytes] = []
    came: list[str | bytes] = []

    def hold_back(socket: WebSocketRoute) -> None:
        """What the page says first does not arrive."""
        server = socket.connect_to_server()
        if sent:
            return
        socket.on_message(lambda said: sent.append(said))

        def pass_on(frame: str | bytes) -> None:
            came.append(frame)
            socket.send(frame)

        server.on_message(pass_on)

    follow(blank_page, ana)
    eventually(lambda: blank_page.evaluate("window.feed.token"))
    tickets: list[Route] = []
    blank_page.route("**/notifications/tickets", lambda route: tickets.append(route), times=1)
    blank_page.route_web_socket("**/ws/notifications", hold_back)
    line.cut()
    pumped(blank_page, lambda: tickets)
    toby.mention(ben, ana, "is missed")
    eventually(partial(items_of, ana))
    tickets[0].continue_()
    pumped(blank_page, lambda: sent)
    toby.mention(ben, ana, "overtakes the answer")
    pumped(blank_page, lambda: any('"item"' in str(frame) for frame in came))
    assert '"resume"' in str(sent[0])
    line.cut()
    eventually(partial(is_settled, blank_page, ana))


def pumped(page: Page, is_so: Callable[[], Any]) -> None:
    """Waits while the page's own events are heard."""
    eventually(lambda: page.evaluate("true") and is_so())


@asynccontextmanager
async def followed(feed: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Waits in the end until its line is closed."""
    following = asyncio.create_task(feed.follow())
    try:
        yield following
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@asynccontextmanager
async def stub(
    example: Any, play: Callable[[ServerConnection], Awaitable[None]], *lists: Response
) -> AsyncIterator[tuple[Any, asyncio.Task[None]]]:
    """A client that follows a server which plays so on each connection, and answers with these
    lists before it has one that is empty: Toby's cannot be made to."""
    waiting = list(lists)

    def answer(_: ServerConnection, request: Request) -> Response | None:
        if request.path.startswith("/ws/"):
            return None
        empty = Response(200, "OK", Headers(), b'{"results": [], "next": null}')
        return waiting.pop(0) if waiting else empty

    protocols = [example.SUBPROTOCOL]
    async with serve(
        play, "127.0.0.1", 0, process_request=answer, subprotocols=protocols
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        feed = example.Feed(f"http://127.0.0.1:{port}", lambda: "")
        async with followed(feed) as following:
            yield feed, following


@pytest.mark.parametrize("headers", [{"Content-Length": "100"}, {}], ids=["short", "no JSON"])
def test_the_python_client_reads_a_list_anew_whose_answer_was_cut(headers: dict[str, str]) -> None:
    example = load("feed")
    example.FIRST_PAUSE_S = 0.01
    cut = Response(200, "OK", Headers(headers), b'{"results": [')

    async def play(socket: ServerConnection) -> None:
        await socket.send(READY)
        await socket.wait_closed()

    async def scenario() -> None:
        async with stub(example, play, cut) as (feed, following):
            await asyncio.to_thread(eventually, lambda: feed.token or following.done())
            assert feed.token

    run(scenario())


def test_the_python_client_comes_back_when_the_server_has_said() -> None:
    example = load("feed")
    example.FIRST_PAUSE_S = 600.0
    connections = []

    async def play(socket: ServerConnection) -> None:
        connections.append(socket)
        await socket.send(READY)
        if len(connections) == 1:
            await socket.send(RESTART)
            await socket.close(1012)
        await socket.wait_closed()

    async def scenario() -> None:
        async with stub(example, play):
            await asyncio.to_thread(eventually, lambda: len(connections) == 2)

    run(scenario())


def test_the_javascript_client_comes_back_when_the_server_has_said(
    toby: Toby, blank_page: Page
) -> None:
    sockets: list[WebSocketRoute] = []

    def play(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.send(READY)
        if len(sockets) == 1:
            socket.send(RESTART)
            socket.close(code=1012)

    blank_page.route_web_socket("**/ws/notifications", play)
    follow(blank_page, toby.person("ana"), pauseMs=600_000, mostMs=600_000)
    pumped(blank_page, lambda: len(sockets) == 2)


def test_the_python_client_ends_where_its_version_is_not_spoken(toby: Toby) -> None:
    example, ana = load("feed"), toby.person("ana")
    example.SUBPROTOCOL = "toby.notifications.v0"
    with pytest.raises(example.Outdated):
        run(asyncio.wait_for(example.Feed(ana.origin, lambda: ana.token).follow(), 20))


def test_the_javascript_client_ends_at_once_where_its_version_is_not_spoken(
    toby: Toby, blank_page: Page
) -> None:
    older = SCRIPT.replace("toby.notifications.v1", "toby.notifications.v0")
    follow(blank_page, toby.person("ana"), older, pauseMs=600_000, mostMs=600_000)
    assert why_it_ended(blank_page) == "outdated"


def test_the_python_client_pauses_longer_after_each_failure_and_not_as_long_as_others() -> None:
    example = load("feed")
    pauses: list[float] = []

    async def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 2 * FAILURES:
            raise example.SessionEnded

    async def frames() -> AsyncIterator[dict[str, Any]]:
        if len(pauses) == FAILURES:
            yield {"type": "pong"}
        raise ConnectionRefusedError

    example.asyncio = SimpleNamespace(sleep=sleep)
    feed = example.Feed("http://127.0.0.1:1", lambda: "")
    feed.frames = frames
    with pytest.raises(example.SessionEnded):
        run(feed.follow())
    assert_they_grow_and_differ(pauses[:FAILURES], 0.5, 30)
    # There was a connection.
    assert_they_grow_and_differ(pauses[FAILURES:], 0.5, 30)


def test_the_javascript_client_pauses_longer_after_each_failure_and_not_as_long_as_others(
    blank_page: Page,
) -> None:
    blank_page.add_script_tag(content=SCRIPT)
    pauses = blank_page.evaluate(
        """async (failures) => {
          const pauses = [], feed = new Feed(() => "");
          window.setTimeout = (go, pause) => { pauses.push(pause); go(); };
          feed.connection = async () => {
            if (pauses.length === failures) await feed.take({ type: "counts", token: "one.1" });
            if (pauses.length === 2 * failures) feed.ended = "enough";
            throw new Error("refused");
          };
          await feed.follow();
          return pauses;
        }""",
        FAILURES,
    )
    assert_they_grow_and_differ(pauses[:FAILURES], 500, 30_000)
    assert_they_grow_and_differ(pauses[FAILURES:], 500, 30_000)


def assert_they_grow_and_differ(pauses: list[float], first: float, last: float) -> None:
    most = [min(first * 2 ** min(number, 10), last) for number in range(len(pauses))]
    parts = [pause / longest for pause, longest in zip(pauses, most, strict=True)]
    assert min(parts) >= 0.5
    assert max(parts) <= 1
    assert max(parts) - min(parts) > 0.3


def test_the_python_client_leaves_a_line_on_which_nothing_answers(toby: Toby, line: Line) -> None:
    example, ana, ben = load("feed"), toby.person("ana"), toby.person("ben")
    example.SILENCE_S = example.PATIENCE_S = 0.5
    feed = example.Feed(f"http://127.0.0.1:{line.port}", lambda: ana.token)

    def live() -> None:
        eventually(lambda: feed.token)
        line.fall_silent()
        toby.mention(ben, ana, "reaches the next line")
        eventually(lambda: feed.items, within_s=15)

    async def scenario() -> None:
        async with followed(feed):
            await asyncio.to_thread(live)

    run(scenario())


def test_the_javascript_client_leaves_a_line_on_which_nothing_answers_and_no_other(
    toby: Toby, line: Line, blank_page: Page
) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    toby.wall_of(ben)
    sockets: list[WebSocket] = []
    frames: list[str | bytes] = []

    def listen(socket: WebSocket) -> None:
        sockets.append(socket)
        socket.on("framereceived", lambda frame: frames.append(frame))

    blank_page.on("websocket", listen)
    follow(blank_page, ana, silenceMs=1000)
    pumped(blank_page, lambda: sum('"pong"' in str(frame) for frame in frames) >= 2)
    assert len(sockets) == 1
    line.fall_silent()
    toby.mention(ben, ana, "reaches the next line")
    eventually(lambda: blank_page.evaluate("window.feed.items.size"), within_s=15)


def test_what_is_read_by_the_python_client_is_read(toby: Toby) -> None:
    example, ana, ben = load("feed"), toby.person("ana"), toby.person("ben")
    feed = example.Feed(ana.origin, lambda: ana.token)
    for number in range(3):
        toby.mention(ben, ana, f"number {number}")
    eventually(lambda: len(items_of(ana)) == 3)
    newest = items_of(ana)[-1]

    async def scenario() -> None:
        with pytest.raises(ConnectionError):
            await feed.read(up_to=1)
        async with followed(feed):
            await asyncio.to_thread(eventually, lambda: feed.unread == 3)
            await feed.read(ids=[newest["id"]])
            await asyncio.to_thread(eventually, lambda: feed.unread == 2)
            assert feed.items[newest["id"]]["state"] == "read"
            await feed.read(up_to=newest["content_seq"])
            await asyncio.to_thread(eventually, lambda: feed.unread == 0)

    run(scenario())
    assert {item["state"] for item in items_of(ana)} == {"read"}


def test_what_is_read_by_the_javascript_client_is_read(toby: Toby, blank_page: Page) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    for number in range(3):
        toby.mention(ben, ana, f"number {number}")
    eventually(lambda: len(items_of(ana)) == 3)
    newest = items_of(ana)[-1]
    follow(blank_page, ana)
    eventually(lambda: blank_page.evaluate("window.feed.unread") == 3)
    blank_page.evaluate("(id) => window.feed.read({ ids: [id] })", newest["id"])
    eventually(lambda: blank_page.evaluate("window.feed.unread") == 2)
    assert blank_page.evaluate("(id) => window.feed.items.get(id).state", newest["id"]) == "read"
    blank_page.evaluate("(up_to) => window.feed.read({ up_to })", newest["content_seq"])
    eventually(lambda: blank_page.evaluate("window.feed.unread") == 0)
    assert {item["state"] for item in items_of(ana)} == {"read"}


def test_to_the_python_client_an_older_version_that_comes_late_is_no_news() -> None:
    feed = load("feed").Feed("http://127.0.0.1:1", lambda: "")

    async def scenario() -> None:
        for frame in CAME_LATE:
            await feed.take(frame)

    run(scenario())
    assert list(feed.items) == ["b"]


def test_to_the_javascript_client_an_older_version_that_comes_late_is_no_news(
    blank_page: Page,
) -> None:
    blank_page.add_script_tag(content=SCRIPT)
    held = blank_page.evaluate(
        """async (frames) => {
          const feed = new Feed(() => "");
          for (const frame of frames) await feed.take(frame);
          return [...feed.items.keys()];
        }""",
        CAME_LATE,
    )
    assert held == ["b"]
