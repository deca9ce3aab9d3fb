"""Which servers the tests run on: real ones, unless they cannot be had. A pytest plugin.

TOBY_TEST_ON is mariadb (the default), mysql or embedded. Addresses are known before the servers
run, so that settings can be read; the `stack` fixture starts them when a test needs one.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.provision import provision
from deploy.local.servers import Unavailable
from deploy.local.stack import Stack

WANTED = os.environ.get("TOBY_TEST_ON", "mariadb")
PORT = int(os.environ.get("TOBY_TEST_PORT", "18000"))
IN_CI = os.environ.get("CI") == "true"
# Two runs at a time need two ports, and so two homes.
# People register without mail, all come from one address, and have new accounts.
ENVIRONMENT = {
    "TOBY_REGISTRATION": "direct",
    "TOBY_THROTTLES": "0",
    "TOBY_NEW_ACCOUNT_FOR_S": "0",
}
HOME = Path(__file__).resolve().parents[1] / "var" / f"test-{PORT}"


def make_stack() -> tuple[Stack, str]:
    """The stack that was asked for; the embedded one, and why, where it cannot be had."""
    if WANTED == "embedded":
        return Stack("embedded", HOME / "embedded", PORT, limits=False, env=ENVIRONMENT), ""
    try:
        # Says what is missing; `make test` has installed it where that is possible.
        provision(mysql=WANTED == "mysql")
        return Stack(
            "real", HOME / WANTED, PORT, database=WANTED, fast=True, limits=False, env=ENVIRONMENT
        ), ""
    except Unavailable as problem:
        if IN_CI:
            pytest.exit(f"no real servers: {problem}", returncode=3)
        return Stack("embedded", HOME / "embedded", PORT, limits=False, env=ENVIRONMENT), str(
            problem
        )


STACK, FELL_BACK = make_stack()
os.environ.update(STACK.addresses)
# The unit tests' own: `stack` keeps 0 and 1 for the processes of the flow tests.
os.environ["REDIS_URL"] = STACK.addresses["REDIS_URL"].removesuffix("/0") + "/5"
os.environ["CACHE_URL"] = STACK.addresses["CACHE_URL"].removesuffix("/1") + "/6"
os.environ["TOBY_ALLOWED_HOSTS"] += ",testserver"


def note() -> str:
    if FELL_BACK:
        return f"NOT on real servers: {FELL_BACK}"
    return "on embedded servers, as asked" if WANTED == "embedded" else "on real servers"


def pytest_report_header() -> list[str]:
    return [f"toby: {note()}", f"servers: {', '.join(STACK.versions())}"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"toby: {note()}: {', '.join(STACK.versions())}")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The servers are up."""
    STACK.start_servers()
    yield STACK
    STACK.stop()
