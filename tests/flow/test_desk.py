"""A moderator at the desk: in a real browser, through nginx, and mostly by keyboard.

With TOBY_SCREENSHOTS=1 it takes the pictures of docs/screenshots/ on its way.
"""

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from deploy.demo import Person
from tests.flow.support import PATIENCE_S, Toby

pytestmark = pytest.mark.flow

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
HARBOUR = """# The harbour at night

The ferries stop at *ten*, and then it is quiet. Ropes creak, gulls sleep on the masts, and
somebody always leaves a radio on.

- Bring a lamp.
- Do not bring a dog.
"""
PASSWORD = "a long passphrase"


@pytest.fixture
def page(toby: Toby, browser: Browser) -> Iterator[Page]:
    """A window of its own, logged in nowhere; what it complains of on its console is a failure."""
    complaints: list[str] = []
    window = browser.new_context(
        base_url=toby.stack.origin, viewport={"width": 1280, "height": 800}
    )
    page = window.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda told: complaints.extend(complaint_of(told)))
    yield page
    window.close()
    assert complaints == []


def complaint_of(told: ConsoleMessage) -> list[str]:
    """But for the icon of the site, which has none."""
    where = told.location["url"]
    is_one = told.type == "error" and not where.endswith("/favicon.ico")
    return [f"{where}: {told.text}"] if is_one else []


class Desk:
    """What a moderator does in Django admin, with the posts of this test's authors only."""

    def __init__(self, toby: Toby, page: Page) -> None:
        self.toby, self.page = toby, page
        self.tag = secrets.token_hex(2)

    def author(self, name: str) -> Person:
        person = Person(self.toby.stack.origin, f"{name}-{self.tag}")
        person.register(PASSWORD)
        return person

    def log_in(self) -> None:
        login = self.toby.moderators_login
        self.page.goto("/admin/")
        self.page.locator("[name=username]").fill(login["email"])
        self.page.locator("[name=password]").fill(login["password"])
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("button", name="Log out")).to_be_visible()

    def open_queue(self) -> None:
        self.page.goto(f"/admin/social/revision/?q={self.tag}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def rows(self) -> Locator:
        return self.page.locator("#result_list tbody tr")

    @property
    def told(self) -> Locator:
        return self.page.locator(".messagelist li")

    def picture(self, name: str) -> None:
        """Where the test is made to take them."""
        if os.environ.get("TOBY_SCREENSHOTS") == "1":
            PICTURES.mkdir(exist_ok=True)
            self.page.screenshot(path=PICTURES / f"{name}.png")


@pytest.fixture
def desk(toby: Toby, page: Page) -> Desk:
    desk = Desk(toby, page)
    desk.log_in()
    return desk


def edit(by: Person, slug: str, title: str, body: str, **more: object) -> dict[str, Any]:
    """A pending revision of what is there."""
    by.call("PUT", f"posts/{slug}", {"title": title, "body": body, **more})
    return dict(by.call("POST", f"posts/{slug}/submit"))


def write(by: Person, title: str, body: str = HARBOUR, **more: object) -> dict[str, Any]:
    post = by.call("POST", "posts", {"title": title, "body": body, **more})
    return dict(by.call("POST", f"posts/{post['slug']}/submit"))


def state_of(by: Person, revision: dict[str, Any]) -> tuple[str, str]:
    rows = by.call("GET", f"posts/{revision['slug']}/revisions")["revisions"]
    return next((row["state"], row["reason"]) for row in rows if row["id"] == revision["id"])


def is_live(toby: Toby, revision: dict[str, Any]) -> bool:
    anybody = Person(toby.stack.origin, "anybody")
    return anybody.try_to("GET", f"posts/{revision['slug']}")[0] == 200


def test_a_moderator_reads_what_an_edit_changes_and_rejects_it_with_a_reason(
    toby: Toby, desk: Desk, page: Page
) -> None:
    ana = desk.author("ana")
    live = write(ana, "The harbour at night", tags=["sea"])
    toby.approve(live)
    later = HARBOUR.replace("*ten*", "*midnight*").replace("- Do not bring a dog.\n", "")
    title = "The harbour after midnight"
    revision = edit(ana, live["slug"], title, later, tags=["sea", "ships"])

    page.get_by_role("link", name="Revisions", exact=True).click()
    expect(page).to_have_url(re.compile("/admin/social/revision/$"))
    desk.open_queue()
    desk.press("j")
    expect(desk.rows.first).to_be_focused()
    desk.press("Enter")
    expect(page.locator("#content > h1")).to_have_text(title)
    expect(page.locator(".field-proposed_tags ins")).to_contain_text("ships")
    expect(page.locator(".field-proposed_text del").first).to_contain_text("ten")
    expect(page.locator(".field-proposed_text ins").first).to_contain_text("midnight")
    expect(page.locator(".field-shown em")).to_have_text("midnight")
    desk.picture("diff")

    desk.press("r")
    reason = page.get_by_label("Reason")
    expect(reason).to_be_focused()
    words = "A rumour: just ask Karl, or link to a source."
    page.keyboard.type(words)
    expect(reason).to_have_value(words)
    desk.picture("reject")
    page.get_by_role("button", name="Reject").click()
    expect(desk.told).to_have_text([f"Rejected: {revision['title']}"])
    assert state_of(ana, revision) == ("rejected", words)
    assert ana.call("GET", f"posts/{live['slug']}")["title"] == live["title"]


def test_three_are_approved_at_once_by_keyboard(toby: Toby, desk: Desk, page: Page) -> None:
    titles = ("Herring, three ways", "What the tide leaves", "A boat to let")
    authors = [desk.author(name) for name in ("ana", "ben", "cleo")]
    revisions = [write(by, title) for by, title in zip(authors, titles, strict=True)]
    fourth = write(authors[0], "Not this one")
    desk.open_queue()
    desk.press("j", "x", "j", "x", "j", "x", "j", "k")
    expect(desk.rows.nth(2)).to_be_focused()
    expect(page.locator(".action-counter")).to_have_text("3 of 4 selected")
    desk.picture("queue")
    desk.press("a")
    for title in titles:
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    desk.press("Enter")
    expect(desk.told).to_have_text([f"Approved: {title}" for title in titles])
    desk.picture("approved")
    assert [is_live(toby, one) for one in [*revisions, fourth]] == [True, True, True, False]


def test_what_has_changed_since_it_was_read_is_refused(toby: Toby, desk: Desk, page: Page) -> None:
    ben = desk.author("ben")
    changed, decided, unchanged = (write(ben, t) for t in ("Tides", "Currents", "Winds"))
    desk.open_queue()
    desk.press("j", "x", "j", "x", "j", "x", "a")
    button = page.get_by_role("button", name="Approve")
    expect(button).to_be_focused()
    # Meanwhile, at another desk.
    other = f"moderation/revisions/{changed['id']}/request-changes"
    toby.moderator.call("POST", other, {"version": changed["version"], "remarks": "Sources?"})
    edit(ben, changed["slug"], "Tides", "Something else")
    toby.approve(decided)
    button.click()
    expect(desk.told).to_have_text(
        [
            "Currents: Only a pending revision can be decided on.",
            "Approved: Winds",
            "Tides: The revision is not the one that was looked at.",
        ]
    )
    desk.picture("stale")
    assert [is_live(toby, one) for one in (changed, decided, unchanged)] == [False, True, True]


def test_from_a_revision_one_goes_to_the_next_and_back(desk: Desk, page: Page) -> None:
    ben = desk.author("ben")
    for title in ("First", "Second"):
        write(ben, title)
    desk.open_queue()
    desk.press("j", "o")
    shown = page.locator("#content > h1")
    expect(shown).to_have_text("First")
    desk.press("j")
    expect(shown).to_have_text("Second")
    desk.press("k")
    expect(shown).to_have_text("First")
    desk.press("a")
    expect(page.get_by_role("heading", name="First")).to_be_visible()


def test_keys_are_letters_where_one_types_and_the_browsers_with_control(
    desk: Desk, page: Page
) -> None:
    write(desk.author("ben"), "A title")
    desk.open_queue()
    search = page.get_by_role("textbox", name="Search")
    search.fill("")
    page.keyboard.type("jar")
    expect(search).to_have_value("jar")
    expect(desk.rows.first).not_to_be_focused()
    search.blur()
    desk.press("Control+j", "Control+a", "a", "r", "x")
    desk.press("j")
    expect(desk.rows.first).to_be_focused()
    expect(page.locator(".action-counter")).to_have_text("0 of 1 selected")
