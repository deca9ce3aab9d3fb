"""The stream in a real browser: its stock EventSource, through nginx, on a line that is cut."""

from functools import partial

import pytest
from playwright.sync_api import Page

from deploy.demo import Person
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
    ana, ben = toby.person("ana"), toby.person("ben")
    assert blank_page.evaluate(LISTEN, ana.token) == 201
    eventually(lambda: blank_page.evaluate("window.frames.length") > 0)
    for number in range(CUTS):
        toby.mention(ben, ana, f"before cut {number}")
        opened = blank_page.evaluate("window.opened")
        line.cut()
        toby.mention(ben, ana, f"after cut {number}")
        eventually(partial(has_come_back, blank_page, opened))
    eventually(lambda: len(items_of(ana)) == 2 * CUTS)
    told = {item["id"]: item["seq"] for item in items_of(ana)}
    eventually(lambda: held(blank_page) == told)
    assert "reset" not in blank_page.evaluate("window.frames")


def has_come_back(page: Page, opened_before: int) -> bool:
    return int(page.evaluate("window.opened")) > opened_before


def held(page: Page) -> dict[str, int]:
    found: dict[str, int] = page.evaluate(
        "Object.fromEntries(Object.values(window.held).map((item) => [item.id, item.seq]))"
    )
    return found


def test_the_stream_ends_with_the_session_and_is_not_asked_for_again(
    toby: Toby, blank_page: Page
) -> None:
    ana: Person = toby.person("ana")
    assert blank_page.evaluate(LISTEN, ana.token) == 201
    eventually(lambda: blank_page.evaluate("window.opened") == 1)
    ana.call("POST", "auth/logout")
    # It tries again, is refused with 401, and gives up for good.
    eventually(lambda: blank_page.evaluate("window.source.readyState") == 2)
