"""The commands run, stack, manage, servers and more, for people and for the Makefile."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from deploy.local import virtualenv
from deploy.local.console import Console
from deploy.local.ports import port_from
from deploy.local.provision import provision, provision_browser, provision_node
from deploy.local.servers import ServerFailed, Unavailable
from deploy.local.servers.base import REPOSITORY
from deploy.local.stack import Mode, Stack

FAILED, NOT_POSSIBLE = 1, 2
RUNNING = "running.json"


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 1 if something failed, 2 if this machine does not allow it."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("run", help="Toby with embedded servers; needs Python only")
    commands.add_parser("stack", help="Toby with MariaDB or MySQL, Redis, Kafka and nginx")
    commands.add_parser("servers", help="only the real servers, and their addresses")
    making = commands.add_parser("venv", help="only make .venv")
    making.add_argument("purpose", nargs="?", default="tests", choices=sorted(virtualenv.SETS))
    testing = commands.add_parser("tests", help="all that the tests need, short of running them")
    testing.add_argument("--on", default="mariadb", choices=["mariadb", "mysql", "embedded"])
    installing = commands.add_parser("provision", help="only install the real servers")
    installing.add_argument("--mysql", action="store_true", help="MySQL too, not only MariaDB")
    managing = commands.add_parser("manage", help="manage.py of the Toby that runs here")
    managing.add_argument("service", choices=["accounts", "social", "notifications"])
    managing.add_argument("arguments", nargs=argparse.REMAINDER, help="as for manage.py")
    options = parser.parse_args(arguments)
    try:
        if options.command == "venv":
            virtualenv.ensure(options.purpose)
        elif options.command == "tests":
            _prepare_tests(options.on)
        elif options.command == "provision":
            provision(mysql=options.mysql)
        elif options.command == "manage":
            _manage(options.service, options.arguments)
        else:
            _Foreground(options.command).run()
    except Unavailable as problem:
        print(f"toby: {problem}", file=sys.stderr)
        return NOT_POSSIBLE
    except ServerFailed as problem:
        print(f"toby: {problem}\n{problem.log_tail}".rstrip(), file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _prepare_tests(on: str) -> None:
    """Installs the real servers; where that is not possible, says so and leaves the embedded ones.

    With CI=true the tests may not fall back, and neither does this.
    """
    purpose = "tests"
    try:
        provision(real=on != "embedded", mysql=on == "mysql")
    except Unavailable as problem:
        if os.environ.get("CI") == "true":
            raise
        print(f"toby: the tests fall back to embedded servers: {problem}", flush=True)
        purpose = "tests-embedded"
    else:
        if on != "embedded":
            prepare_clients()
    virtualenv.ensure("tests-embedded" if on == "embedded" else purpose)


def _manage(service: str, arguments: Sequence[str]) -> None:
    """Becomes manage.py, in the environment of whichever Toby runs here. Raises Unavailable."""
    for command in ("run", "stack"):
        stack = _Foreground(command).new_stack()
        if (stack.home / RUNNING).exists():
            python = str(virtualenv.PYTHON)
            os.chdir(REPOSITORY)
            os.execve(python, [python, "manage.py", *arguments], stack.env_for(service))
    raise Unavailable("no Toby runs here: `make run` starts one")


def prepare_clients() -> None:
    """Where Chromium or Node cannot be installed, says so and leaves the tests that need it to fail
    or to be skipped."""
    for provide, needs in (
        (provision_browser, "the test of the desk needs Chromium or Chrome on PATH"),
        (provision_node, "a test of the stream needs Node and npm on PATH"),
    ):
        try:
            provide()
        except (Unavailable, ServerFailed) as problem:
            if os.environ.get("CI") == "true":
                raise
            print(f"toby: {needs}: {problem}", flush=True)


class _Foreground:
    """A stack that runs until Ctrl-C or SIGTERM."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._mode: Mode = "embedded" if command == "run" else "real"
        self._database = os.environ.get("TOBY_DATABASE") or "mariadb"
        self._port = port_from(os.environ.get("TOBY_PORT") or "8000")
        self._console: Console | None = None
        self._stack: Stack | None = None
        self._is_stopping = False

    def run(self) -> None:
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGTERM, self._interrupt)
        stack = self._stack = self.new_stack()
        try:
            stack.claim()
            self._provide()
            self._start(stack)
            while True:
                signal.pause()
        except KeyboardInterrupt:
            (stack.home / RUNNING).unlink(missing_ok=True)
            stack.stop()
            self._say("everything has ended")
        except BaseException:
            stack.stop()
            raise
        finally:
            if self._console:
                self._console.stop()

    def new_stack(self) -> Stack:
        color = {"TOBY_LOG_COLOR": "1"} if sys.stdout.isatty() else {}
        return Stack(
            self._mode,
            self._home(),
            self._port,
            database=self._database,
            python=virtualenv.PYTHON,
            env=color,
            say=self._say,
        )

    def _provide(self) -> None:
        if self._mode == "real":
            provision(mysql=self._database == "mysql")
        if self._command != "servers":
            virtualenv.ensure(self._command)

    def _home(self) -> Path:
        # One for each database: what Kafka and Redis hold belongs to its rows.
        below = ["run"] if self._mode == "embedded" else ["stack", self._database]
        return REPOSITORY.joinpath("var", *below)

    def _start(self, stack: Stack) -> None:
        if self._command == "servers":
            stack.start_servers()
            for name, value in sorted(stack.addresses.items()):
                print(f"{name}={value}")
            sys.stdout.flush()
            return
        self._console = Console(stack.log_paths())
        self._console.start()
        moderator: dict[str, str] = {}
        stack.start(alongside=lambda: moderator.update(_moderator(stack)))
        _tell_the_demo(stack, moderator)
        self._say(_banner(stack, moderator))

    def _say(self, line: str) -> None:
        if self._console:
            self._console.say(line)
        else:
            print(line, flush=True)

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._say("stopping; once more to end at once")
            raise KeyboardInterrupt
        if self._stack:
            self._stack.kill()
        os._exit(128 + signal.SIGINT)


def _moderator(stack: Stack) -> dict[str, str]:
    """The login of a moderator, with a password that is new at each start."""
    who = ("--username", "moderator", "--email", "moderator@toby.example", "--role", "moderator")
    printed = stack.manage("accounts", "create_user", *who, "--reset-password", "--json")
    return dict(json.loads(printed.strip().splitlines()[-1]))


def _tell_the_demo(stack: Stack, moderator: Mapping[str, str]) -> None:
    """Where `make demo` finds this Toby and its moderator; for the owner's eyes only."""
    path = stack.home / RUNNING
    path.touch(mode=0o600)
    path.write_text(
        json.dumps({"origin": stack.origin, "mail": str(stack.home / "mail"), **moderator})
    )


def _banner(stack: Stack, moderator: Mapping[str, str]) -> str:
    origin = stack.origin
    body = json.dumps(
        {"username": "ana", "email": "ana@toby.example", "password": "a-Long-passw0rd"}
    )
    return f"""

  Toby is up: {origin}

    API documentation   {origin}/api/docs/
    admin               {origin}/admin/
    moderator           {moderator["email"]}, password {moderator["password"]}
    mail lands in       {stack.home / "mail"}
    logs                {stack.home / "logs"}

  Three things to try:

    make demo
    curl -i {origin}/api/v1/auth/register -H 'Content-Type: application/json' \\
         -d '{body}'
    the moderator's queue in the admin

  Ctrl-C stops everything.
"""
