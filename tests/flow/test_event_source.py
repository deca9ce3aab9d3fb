"""The stream in a real browser and in Node: their stock EventSources, through nginx, on a line that
is cut."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page

from deploy.demo import Person
from deploy.local.provision import node_packages
from tests.flow.support import Line, Toby, eventually, items_of

pytestmark = pytest.mark.flow

CUTS = 20
LISTEN = """async (token) => {
    const answer = await fetch("/api/v1/notifications/tickets", {
        method: "POST", headers: {Authorization: `Bearer ${token}`},
    });
    window.held = {}; window.frames = []; window.opened = 0;
    window.source = new EventSource("/api/v1/notifications/stream");
    window.source.onopen = () => { window.opened += 1; };
    window.source.onmessage = (event) => {
        const frame = JSON.parse(event.data);
        window.frames.push(frame.type);
        if (frame.type === "item") {
            const there = window.held[frame.item.id];
            if (!there || there.seq < frame.item.seq) window.held[frame.item.id] = frame.item;
        }
    };
    return answer.status;
}"""


def test_a_stock_event_source_that_is_cut_twenty_times_misses_nothing(
    toby: Toby, line: Line, blank_page: Page
) -> None:
    ana = toby.person("ana")
    assert blank_page.evaluate(LISTEN, ana.token) == 201
    eventually(lambda: blank_page.evaluate("window.frames.length") > 0)
    told = cut_often(toby, line, ana, lambda: int(blank_page.evaluate("window.opened")))
    eventually(lambda: held(blank_page) == told)
    assert "reset" not in blank_page.evaluate("window.frames")


def test_so_does_the_one_of_node(toby: Toby, line: Line, node: str) -> None:
    ana = toby.person("ana")
    with listening(node, line, ana) as frames:
        eventually(lambda: count_of(frames)["ready"])
        told = cut_often(toby, line, ana, lambda: count_of(frames)["opened"])
        eventually(lambda: held_after(frames) == told)
        assert count_of(frames)["cut"] >= CUTS
        assert count_of(frames)["reset"] == 0
        ana.call("POST", "auth/logout")
        eventually(lambda: count_of(frames)["given up"] == 1)


def cut_often(toby: Toby, line: Line, ana: Person, opened: Callable[[], int]) -> dict[str, int]:
    """Mentions her before and after each of CUTS cuts. `opened` is how often what listens has
    opened its stream. Returns the items that she has by then, with their seq."""
    ben = toby.person("ben")
    for number in range(CUTS):
        toby.mention(ben, ana, f"before cut {number}")
        before = opened()
        line.cut()
        toby.mention(ben, ana, f"after cut {number}")
        eventually(partial(has_opened_again, opened, before))
    eventually(lambda: len(items_of(ana)) == 2 * CUTS)
    return {item["id"]: item["seq"] for item in items_of(ana)}


def has_opened_again(opened: Callable[[], int], before: int) -> bool:
    return opened() > before


def held(page: Page) -> dict[str, int]:
    found: dict[str, int] = page.evaluate(
        "Object.fromEntries(Object.values(window.held).map((item) => [item.id, item.seq]))"
    )
    return found


@contextmanager
def listening(node: str, line: Line, person: Person) -> Iterator[list[dict[str, Any]]]:
    """The frames that have come to Node, and what it says of its stream."""
    frames: list[dict[str, Any]] = []
    url = f"http://127.0.0.1:{line.port}/api/v1/notifications/stream"
    told = {
        "STREAM": url,
        "TOKEN": person.token,
        "NODE_PATH": str(node_packages() / "node_modules"),
    }
    script = str(Path(__file__).with_name("event_source.cjs"))
    with subprocess.Popen([node, script], env=os.environ | told, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        reading = Thread(
            target=lambda out: frames.extend(map(json.loads, out)), args=[process.stdout]
        )
        reading.start()
        try:
            yield frames
        finally:
            process.terminate()
            reading.join()


def count_of(frames: list[dict[str, Any]]) -> Counter[str]:
    return Counter(frame["type"] for frame in frames)


def held_after(frames: list[dict[str, Any]]) -> dict[str, int]:
    seqs: dict[str, int] = {}
    for item in (frame["item"] for frame in list(frames) if frame["type"] == "item"):
        seqs[item["id"]] = max(item["seq"], seqs.get(item["id"], 0))
    return seqs


def test_the_stream_ends_with_the_session_and_is_not_asked_for_again(
    toby: Toby, blank_page: Page
) -> None:
    ana: Person = toby.person("ana")
    assert blank_page.evaluate(LISTEN, ana.token) == 201
    eventually(lambda: blank_page.evaluate("window.opened") == 1)
    ana.call("POST", "auth/logout")
    # It tries again, is refused with 401, and gives up for good.
    eventually(lambda: blank_page.evaluate("window.source.readyState") == 2)
