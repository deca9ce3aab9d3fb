"""A real browser, Node, and a line that can be cut."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from deploy.local.provision import BROWSERS, find_node
from deploy.local.servers.base import find_program
from tests.flow.support import PATIENCE_S, Line, Toby
from tests.servers import IN_CI


@pytest.fixture(scope="module")
def browser(toby: Toby) -> Iterator[Browser]:
    program = find_program(*BROWSERS)
    if program is None and toby.stack.mode == "embedded":
        pytest.skip("there is no Chromium or Chrome on PATH; `make test` installs it")
    assert program, "no Chromium or Chrome on PATH, which `make test` installs"
    expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_playwright() as playwright:
        # As root Chromium runs without its sandbox only, which is Playwright's default.
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def node() -> str:
    """The program; the packages that it runs are in `node_packages()`."""
    program = find_node()
    if program is None and not IN_CI:
        pytest.skip("there is no Node with its packages here; `make test` installs them")
    assert program, "no Node with its packages, which `make test` installs"
    return program


@pytest.fixture
def line(toby: Toby) -> Iterator[Line]:
    line = Line(toby.stack.ports["nginx"])
    yield line
    line.close()


@pytest.fixture
def blank_page(line: Line, browser: Browser) -> Iterator[Page]:
    """Of the site's origin as it is at the end of the line."""
    window = browser.new_context(base_url=f"http://127.0.0.1:{line.port}")
    page = window.new_page()
    page.goto("/healthz")
    yield page
    window.close()
