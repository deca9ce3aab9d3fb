"""The clients of docs/examples, as one would copy them: on a line that is cut they end with what
one holds who asks afresh."""

import asyncio
import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page

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
    script = (EXAMPLES / "feed.js").read_text()
    assert len(script.splitlines()) < 100
    blank_page.add_script_tag(content=script)
    blank_page.evaluate(
        "(token) => { window.feed = new Feed(() => token); window.done = window.feed.follow(); }",
        ana.token,
    )

    def settled() -> bool:
        found = blank_page.evaluate(
            "[...window.feed.items.values()].map((item) => [item.id, item.seq, item.state])"
        )
        return {id: (seq, state) for id, seq, state in found} == fresh(ana)

    live_through(toby, line, ana, settled)
    counts = ana.call("GET", "notifications/counts")
    eventually(lambda: blank_page.evaluate("window.feed.unread") == counts["unread"])
    ana.call("POST", "auth/logout")
    eventually(lambda: blank_page.evaluate("window.feed.ended"))
