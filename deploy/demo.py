"""Plays Toby's story as real clients would: through nginx, with one WebSocket kept open.

Prints each step, and for each frame how long after the click it arrived. Exit code 1 if a frame
that should have come did not, 2 if there is no Toby to play against.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from websockets import Subprotocol
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

PATIENCE_S = 10.0
HERE = Path(__file__).resolve().parents[1]


class Failed(Exception):
    """The story went otherwise than it should; the message says how."""


class Person:
    """Somebody with an account, who calls the API."""

    def __init__(self, origin: str, name: str) -> None:
        self.origin, self.name = origin, name
        self.token = self.refresh_token = self.password = ""
        self.last_headers: Mapping[str, str] = {}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON. Raises Failed for any but 2xx."""
        status, answer = self.try_to(method, path, body)
        if not 200 <= status < 300:
            raise Failed(f"{method} {path} answered {status}: {answer}")
        return answer

    def try_to(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"{self.origin}/api/v1/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"},
        )
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                content, status = response.read(), response.status
                self.last_headers = dict(response.headers)
        except urllib.error.HTTPError as error:
            content, status = error.read(), error.code
            self.last_headers = dict(error.headers)
        return status, json.loads(content) if content else None

    def register(self, password: str, mail: str = "") -> None:
        """Registers and logs in; `mail` is where the code is found, if the site asks for one."""
        self.password = password
        email = f"{self.name}@toby.example"
        answer = self.call(
            "POST",
            "auth/register",
            {
                "email": email,
                "username": self.name,
                "password": password,
                "display_name": self.name.split("-")[0].capitalize(),
            },
        )
        if "registration_id" in answer:
            code = mailed_code(mail, email)
            shown = {"registration_id": answer["registration_id"], "code": code}
            self.call("POST", "auth/verify-email", shown)
        self.log_in(email, password)

    def log_in(self, email: str, password: str) -> None:
        tokens = self.call("POST", "auth/login", {"email": email, "password": password})
        self.token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]

    def refresh(self) -> bool:
        """Trades the refresh token; whether that worked."""
        status, tokens = self.try_to("POST", "auth/refresh", {"refresh_token": self.refresh_token})
        if status == 200:
            self.token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]
        return status == 200

    def write_and_submit(self, title: str) -> dict[str, Any]:
        """A pending revision: {id, slug, version, ...}."""
        post = self.call("POST", "posts", {"title": title, "body": f"# {title}\n\nA demo post."})
        return dict(self.call("POST", f"posts/{post['slug']}/submit"))


def mailed_code(mail: str, to: str) -> str:
    """The six digits mailed to `to`: from a folder of mails, or from Mailpit at an address."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for text in mails_to(mail, to):
            found = re.search(r"^ {4}(\d{6})\s*$", text, re.MULTILINE)
            if found:
                return found[1]
        time.sleep(0.1)
    raise Failed(f"no code was mailed to {to} within {PATIENCE_S:.0f} s")


def mails_to(mail: str, to: str) -> Iterator[str]:
    if mail.startswith("http"):
        query = urllib.parse.urlencode({"query": f'to:"{to}"'})
        with urllib.request.urlopen(f"{mail}/api/v1/search?{query}", timeout=5) as response:
            found = json.load(response)["messages"]
        for one in found:
            with urllib.request.urlopen(
                f"{mail}/api/v1/message/{one['ID']}", timeout=5
            ) as response:
                yield json.load(response)["Text"]
    else:
        for path in sorted(Path(mail).glob("*"), key=lambda path: path.stat().st_mtime)[::-1]:
            # Django writes a line of dashes after each mail of a file.
            for text in path.read_text(errors="replace").split(f"\n{'-' * 79}\n")[::-1]:
                if f"To: {to}" in text:
                    yield text


class Screen:
    """What a reader sees: a WebSocket, and the last token that came over it."""

    def __init__(self, reader: Person) -> None:
        self.reader, self.token, self.ticket = reader, "", ""
        self.patience_s = PATIENCE_S
        self.seen: dict[str, int] = {}
        # It waits for the answer.
        self.resumes = False
        self.socket: ClientConnection | None = None

    def open(self) -> None:
        self.ticket = self.reader.call("POST", "notifications/tickets")["ticket"]
        url = f"{self.reader.origin.replace('http', 'ws', 1)}/ws/notifications"
        offered = [Subprotocol("toby.notifications.v1"), Subprotocol(self.ticket)]
        # The server asks whether we are there; a thread that did so as well would outlive us.
        self.socket = connect(
            url, subprotocols=offered, open_timeout=PATIENCE_S, ping_interval=None
        ).__enter__()
        ready = self.frame("ready")
        if self.token:
            self.socket.send(json.dumps({"type": "resume", "after": self.token}))
            self.resumes = True
        else:
            self.token = ready["token"]

    def cut(self) -> None:
        """As when a train enters a tunnel: without a word."""
        if self.socket is not None:
            self.socket.socket.close()
            self.socket = None

    def close_code(self) -> int:
        """The code with which the server closes; Failed if it does not."""
        try:
            while True:
                self.next_frame()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def frame(self, type: str) -> dict[str, Any]:
        """The next frame of that type; Failed if it does not come."""
        deadline = time.monotonic() + self.patience_s
        while True:
            frame = self.next_frame(deadline - time.monotonic(), wanted=type)
            if frame["type"] == type:
                return frame

    def next_frame(self, within_s: float | None = None, *, wanted: str = "") -> dict[str, Any]:
        """The next frame, whichever it is; Failed if none comes."""
        if self.socket is None:
            raise Failed("the WebSocket is closed")
        within_s = self.patience_s if within_s is None else max(0.0, within_s)
        try:
            text = self.socket.recv(timeout=within_s)
        except TimeoutError:
            raise Failed(f"no {wanted} frame within {self.patience_s:.0f} s") from None
        frame = dict(json.loads(text))
        if "token" in frame and frame["type"] != "ready":
            is_next = frame["type"] == "reset" or frame.get("prev", frame["token"]) == self.token
            if self.resumes and not is_next:
                # It has overtaken the answer, and comes again by it.
                return self.next_frame(within_s, wanted=wanted)
            self.resumes = False
            self.token = frame["token"]
        if frame["type"] == "item":
            item = frame["item"]
            # What came live just before a resume comes again by it: the greater seq wins.
            if item["seq"] <= self.seen.get(item["id"], 0):
                return self.next_frame(within_s, wanted=wanted)
            self.seen[item["id"]] = item["seq"]
        return frame


def expect(screen: Screen, kind: str, click: Callable[[], object], what: str) -> None:
    """Clicks, then waits for the item of that kind; prints what came, and when."""
    step(what)
    began = time.perf_counter()
    click()
    answered_ms = (time.perf_counter() - began) * 1000
    item = screen.frame("item")["item"]
    arrived_ms = (time.perf_counter() - began) * 1000
    if item["kind"] != kind:
        raise Failed(f"expected {kind}, got {item['kind']}")
    shown = " ".join(filter(None, (item["title"], item["text"])))
    print(
        f"      frame {kind}: {shown}  [{arrived_ms:.0f} ms after the click, "
        f"{arrived_ms - answered_ms:+.0f} ms after its answer]"
    )


def step(what: str) -> None:
    print(f"  * {what}", flush=True)


def play(origin: str, moderator: Person, mail: str = "") -> None:
    mark, password = secrets.token_hex(3), secrets.token_urlsafe(12)
    ana, ben, cleo = people = [Person(origin, f"{name}-{mark}") for name in ("ana", "ben", "cleo")]
    for person in people:
        person.register(password, mail)
    step("Ana, Ben and Cleo have registered, shown their codes and logged in")
    ben.call("PUT", f"profiles/{ana.name}/follow")
    step("Ben follows Ana, and opens his notifications")
    screen = Screen(ben)
    screen.open()

    def approve(revision: dict[str, Any]) -> Any:
        path = f"moderation/revisions/{revision['id']}/approve"
        return moderator.call("POST", path, {"version": revision["version"]})

    def reject(revision: dict[str, Any], reason: str) -> Any:
        path = f"moderation/revisions/{revision['id']}/reject"
        return moderator.call("POST", path, {"version": revision["version"], "reason": reason})

    first = ana.write_and_submit("What the tide left behind")
    step("Ana has written a post and submitted it")
    status, _ = ben.try_to("GET", f"posts/{first['slug']}")
    if status != 404:
        raise Failed(f"Ben can see what is not approved: {status}")
    step("Ben cannot see it: 404")
    expect(screen, "post_published", lambda: approve(first), "the moderator approves it")

    screen.cut()
    step("Ben's connection is cut")
    second = ana.write_and_submit("Notes on lighthouses")
    approve(second)
    step("Ana's second post is approved while he is away")
    expect(screen, "post_published", screen.open, "Ben comes back and resumes after his last token")

    his = ben.write_and_submit("A reader writes")
    expect(screen, "post_approved", lambda: approve(his), "Ben wrote one too; it is approved")
    expect(
        screen,
        "comment_added",
        lambda: cleo.call(
            "POST", f"posts/{his['slug']}/comments", {"body": "More of this, please."}
        ),
        "Cleo comments on it",
    )
    expect(
        screen,
        "followed",
        lambda: cleo.call("PUT", f"profiles/{ben.name}/follow"),
        "Cleo follows Ben",
    )
    dull = ben.write_and_submit("Buy my lighthouse")
    expect(
        screen,
        "post_rejected",
        lambda: reject(dull, "This is an advertisement."),
        "his next one is rejected",
    )
    counts = ben.call("GET", "notifications/counts")
    if counts["unread"] != 6:
        raise Failed(f"Ben should have 6 unread, and has {counts['unread']}")
    listed = ben.call("GET", "notifications")["results"]
    for one in (ana, ben, cleo):
        one.call("POST", "auth/logout")
    step(f"Ben has {counts['unread']} unread, {len(listed)} listed; all log out")


def running() -> dict[str, str]:
    """What the newest `make run` or `make stack` has left for us: origin, email, password."""
    found = sorted(HERE.glob("var/**/running.json"), key=lambda path: path.stat().st_mtime)
    return dict(json.loads(found[-1].read_text())) if found else {}


def main(arguments: Sequence[str]) -> int:
    known = running()
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__)
    parser.add_argument("--origin", default=known.get("origin", "http://127.0.0.1:8000"))
    parser.add_argument("--moderator-email", default=known.get("email"))
    parser.add_argument("--moderator-password", default=known.get("password"))
    parser.add_argument(
        "--mail", default=known.get("mail", ""), help="a folder of mails, or Mailpit's address"
    )
    options = parser.parse_args(arguments)
    if not options.moderator_email or not options.moderator_password:
        print("demo: no Toby runs here; start one with make run", file=sys.stderr)
        return 2
    moderator = Person(options.origin, "moderator")
    print(f"Toby at {options.origin}")
    try:
        moderator.log_in(options.moderator_email, options.moderator_password)
        play(options.origin, moderator, options.mail)
    except urllib.error.URLError as error:
        print(f"demo: nothing answers at {options.origin}: {error.reason}", file=sys.stderr)
        return 2
    except (Failed, WebSocketException, OSError) as error:
        print(f"demo: FAILED: {error}", file=sys.stderr)
        return 1
    print("the story went as it should")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
