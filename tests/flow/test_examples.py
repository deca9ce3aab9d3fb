"""The clients of docs/examples, as one would copy them: on a line that is cut they end with what
one holds who asks afresh."""

import asyncio
import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocket, WebSocketRoute

from deploy.demo import Person
from tests.flow.support import Line, Toby, eventually, items_of
from tests.house.support import ROOT

pytestmark = pytest.mark.flow

EXAMPLES = ROOT / "docs" / "examples"
CUTS = 20
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

    asyncio.run(scenario())


def test_the_javascript_client(toby: Toby, line: Line, blank_page: Page) -> None:
    ana = toby.person("ana")
    follow(blank_page, ana)
    live_through(toby, line, ana, partial(is_settled, blank_page, ana))
    counts = ana.call("GET", "notifications/counts")
    eventually(lambda: blank_page.evaluate("window.feed.unread") == counts["unread"])
    ana.call("POST", "auth/logout")
    eventually(lambda: blank_page.evaluate("window.feed.ended"))


def follow(page: Page, person: Person) -> None:
    script = (EXAMPLES / "feed.js").read_text()
    assert len(script.splitlines()) < 100
    page.add_script_tag(content=script)
    page.evaluate(
        "(token) => { window.feed = new Feed(() => token); window.done = window.feed.follow(); }",
        person.token,
    )


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
