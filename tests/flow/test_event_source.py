"""The stream in a real browser: its stock EventSource, through nginx, on a line that is cut."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest
from playwright.sync_api import Browser, Page

from deploy.demo import Person
from tests.flow.support import Toby, eventually, items_of

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


class Line:
    """Carries bytes to a port and back, until it is cut."""

    def __init__(self, port: int) -> None:
        self.far = port
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.calls: set[socket.socket] = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listening.accept()
                far = socket.create_connection(("127.0.0.1", self.far))
                self.calls |= {near, far}
                threading.Thread(target=self.carry, args=(near, far), daemon=True).start()

    def carry(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with suppress(OSError, ValueError):
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    carried = ready.recv(65536)
                    if not carried:
                        raise OSError
                    other[ready].sendall(carried)
        for end in (near, far):
            end.close()
            self.calls.discard(end)

    def cut(self) -> None:
        """All that is under way ends; who calls again gets through."""
        for end in list(self.calls):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listening.close()
        self.cut()


@pytest.fixture
def line(toby: Toby) -> Iterator[Line]:
    line = Line(toby.stack.ports["nginx"])
    yield line
    line.close()


@pytest.fixture
def page(line: Line, browser: Browser) -> Iterator[Page]:
    window = browser.new_context(base_url=f"http://127.0.0.1:{line.port}")
    page = window.new_page()
    page.goto("/healthz")
    yield page
    window.close()


def test_a_stock_event_source_that_is_cut_twenty_times_misses_nothing(
    toby: Toby, line: Line, page: Page
) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    post = toby.live_post(ana)
    assert page.evaluate(LISTEN, ana.token) == 201
    eventually(lambda: page.evaluate("window.frames.length") > 0)
    for number in range(CUTS):
        toby.comment(ben, post, f"before cut {number}")
        opened = page.evaluate("window.opened")
        line.cut()
        toby.comment(ben, post, f"after cut {number}")
        eventually(partial(has_come_back, page, opened))
    eventually(lambda: len(items_of(ana)) == 2 * CUTS + 1)
    # But for the approval, which was there before.
    told = {item["id"]: item["seq"] for item in items_of(ana) if item["kind"] == "comment_added"}
    eventually(lambda: held(page) == told)
    assert "reset" not in page.evaluate("window.frames")


def has_come_back(page: Page, opened_before: int) -> bool:
    return int(page.evaluate("window.opened")) > opened_before


def held(page: Page) -> dict[str, int]:
    found: dict[str, int] = page.evaluate(
        "Object.fromEntries(Object.values(window.held).map((item) => [item.id, item.seq]))"
    )
    return found


def test_the_stream_ends_with_the_session_and_is_not_opened_again(toby: Toby, page: Page) -> None:
    ana: Person = toby.person("ana")
    assert page.evaluate(LISTEN, ana.token) == 201
    eventually(lambda: page.evaluate("window.opened") == 1)
    ana.call("POST", "auth/logout")
    # It tries again, is refused with 401, and gives up for good.
    eventually(lambda: page.evaluate("window.source.readyState") == 2)
