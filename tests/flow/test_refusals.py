"""What clients of the WebSocket are refused, row by row of the table that the documents show."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
import redis
from playwright.sync_api import Page
from websockets import Subprotocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from deploy.demo import Person
from tests.flow.support import Toby
from toby.common import tokens
from toby.notifications.frames import MAX_FRAME_BYTES, SUBPROTOCOL
from toby.notifications.places import PLACES_A_USER
from toby.notifications.protocol import FRAMES_AT_ONCE, FRAMES_IN_VAIN
from toby.notifications.refusals import FLOODING, REFUSED, SESSION_GONE, UNKNOWN_VERSION

pytestmark = pytest.mark.flow

PING = json.dumps({"type": "ping"})


class Client:
    """Somebody with sockets, which are closed in the end."""

    def __init__(self, toby: Toby, person: Person, sockets: ExitStack) -> None:
        self.toby, self.person, self.sockets = toby, person, sockets

    def another(self) -> Person:
        return self.toby.person("another")

    def ticket(self, person: Person | None = None) -> str:
        return str((person or self.person).call("POST", "notifications/tickets")["ticket"])

    def open(
        self, *, token: str = "", offers: Sequence[str] = (), **headers: str
    ) -> ClientConnection:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.sockets.enter_context(
            connect(
                self.person.origin.replace("http", "ws", 1) + "/ws/notifications",
                additional_headers=headers,
                subprotocols=[Subprotocol(name) for name in offers] or None,
                compression=None,
                ping_interval=None,
                # Else what nobody reads would hold up the close.
                max_queue=None,
            )
        )

    def log_in(self) -> ClientConnection:
        connection = self.open(token=self.person.token)
        assert json.loads(connection.recv(10))["type"] == "ready"
        return connection

    def send(self, *texts: str) -> ClientConnection:
        return self.send_raw(*(Frame(Opcode.TEXT, text.encode()) for text in texts))

    def send_raw(self, *frames: Frame) -> ClientConnection:
        """All in one go, past what the client's library would object to."""
        connection = self.log_in()
        connection.socket.sendall(b"".join(frame.serialize(mask=True) for frame in frames))
        return connection


def token_that_has_expired(client: Client) -> ClientConnection:
    person = client.another()
    with redis.Redis.from_url(client.toby.stack.addresses["REDIS_URL"]) as server:
        # As when its time is up: Redis forgets it.
        assert server.delete(f"at:{tokens.digest(person.token)}")
    return client.open(token=person.token)


def token_whose_session_has_ended(client: Client) -> ClientConnection:
    person = client.another()
    person.call("POST", "auth/logout")
    return client.open(token=person.token)


def ticket_that_was_used(client: Client) -> ClientConnection:
    offers = (SUBPROTOCOL, client.ticket())
    assert json.loads(client.open(offers=offers).recv(10))["type"] == "ready"
    return client.open(offers=offers)


def ticket_whose_session_has_ended(client: Client) -> ClientConnection:
    person = client.another()
    ticket = client.ticket(person)
    person.call("POST", "auth/logout")
    return client.open(offers=(SUBPROTOCOL, ticket))


def ticket_of_another(client: Client) -> ClientConnection:
    ticket = client.ticket(client.another())
    return client.open(token=client.person.token, offers=(SUBPROTOCOL, ticket))


def one_socket_too_many(client: Client) -> ClientConnection:
    client.person = client.another()
    for _ in range(PLACES_A_USER):
        client.log_in()
    return client.open(token=client.person.token)


def message_in_small_frames(client: Client) -> ClientConnection:
    parts = [Frame(Opcode.CONT, b"x" * (MAX_FRAME_BYTES // 4), fin=False)] * 4
    return client.send_raw(Frame(Opcode.TEXT, b'"', fin=False), *parts)


TRIED: dict[str, Callable[[Client], ClientConnection]] = {
    "no token": lambda client: client.open(),
    "a token that is none": lambda client: client.open(token=tokens.mint(tokens.ACCESS)),
    "a token that has expired": token_that_has_expired,
    "a token whose session has ended": token_whose_session_has_ended,
    "a ticket that was used": ticket_that_was_used,
    "a ticket whose session has ended": ticket_whose_session_has_ended,
    "a ticket of another user than the token": ticket_of_another,
    "a page of another origin": lambda client: client.open(
        token=client.person.token, Origin="https://elsewhere.example"
    ),
    "another subprotocol": lambda client: client.open(
        token=client.person.token, offers=("graphql-ws",)
    ),
    "a version that is not spoken": lambda client: client.open(
        offers=("toby.notifications.v9", client.ticket())
    ),
    "a 21st socket": one_socket_too_many,
    "a frame over 16 KiB": lambda client: client.send("x" * (MAX_FRAME_BYTES + 1)),
    "a message over 16 KiB in small frames": message_in_small_frames,
    "a text that is not UTF-8": lambda client: client.send_raw(Frame(Opcode.TEXT, b"\xff")),
    "the continuation of no message": lambda client: client.send_raw(Frame(Opcode.CONT, b"x")),
    "a binary frame": lambda client: client.send_raw(Frame(Opcode.BINARY, PING.encode())),
    "malformed JSON": lambda client: client.send("{"),
    "JSON that is no object": lambda client: client.send("[]"),
    "an unknown type": lambda client: client.send('{"type": "dance"}'),
    "a frame that lacks something": lambda client: client.send('{"type": "read"}'),
    "a resume after no token of ours": lambda client: client.send(
        '{"type": "resume", "after": "yesterday"}'
    ),
    "more than 50 frames at once": lambda client: client.send(*[PING] * (FRAMES_AT_ONCE + 10)),
    "more and more frames": lambda client: client.send(*[PING] * 1000),
    "more and more pings": lambda client: client.send_raw(*[Frame(Opcode.PING, b"")] * 1000),
}


def answer(connection: ClientConnection, *, expects_close: bool) -> int | str:
    """With what it is closed, or the code of the next error."""
    try:
        while True:
            frame: dict[str, Any] = json.loads(connection.recv(10))
            if frame["type"] == "error" and not expects_close:
                return str(frame["code"])
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


@pytest.fixture(autouse=True)
def no_traceback(toby: Toby) -> Iterator[None]:
    """Nobody fills the logs by what is refused."""
    copies = ("notifications-1", "notifications-2")
    before = {name: len(toby.stack.log(name)) for name in copies}
    yield
    for name in copies:
        logged = toby.stack.log(name)[before[name] :]
        assert "Traceback" not in logged
        assert "ERROR" not in logged


@pytest.fixture(scope="module")
def ana(toby: Toby) -> Person:
    return toby.person("ana")


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_is_refused_as_the_table_says(toby: Toby, ana: Person, what: str) -> None:
    expected = REFUSED[what]
    with ExitStack() as sockets:
        client = Client(toby, ana, sockets)
        connection = TRIED[what](client)
        assert answer(connection, expects_close=isinstance(expected, int)) == expected
        if isinstance(expected, str):
            # It lives, and so does its user's next one.
            connection.send(PING)
            while json.loads(connection.recv(10))["type"] != "pong":
                pass
        if client.person is ana:
            client.log_in()


def test_the_table_and_what_is_tried_are_the_same_rows() -> None:
    assert set(TRIED) == set(REFUSED)
    assert FRAMES_AT_ONCE + FRAMES_IN_VAIN < 1000


def test_what_is_held_by_others_is_not_touched_by_a_flood(toby: Toby, ana: Person) -> None:
    ben = toby.person("ben")
    with ExitStack() as sockets:
        quiet = Client(toby, ana, sockets).log_in()
        loud = Client(toby, ben, sockets).send(*[PING] * 1000)
        assert answer(loud, expects_close=True) == FLOODING
        ben.call("PUT", f"profiles/{ana.name}/follow")
        assert json.loads(quiet.recv(20))["item"]["title"] == "Ben follows you"


@pytest.mark.parametrize(
    ("offered", "code"),
    [
        ("toby.notifications.v9", UNKNOWN_VERSION),
        ("toby.notifications", UNKNOWN_VERSION),
        (SUBPROTOCOL, SESSION_GONE),
    ],
)
def test_a_browsers_script_is_told_the_close_code(
    blank_page: Page, offered: str, code: int
) -> None:
    told = blank_page.evaluate(
        """(offered) => new Promise((resolve) => {
            const url = location.origin.replace("http", "ws") + "/ws/notifications";
            const socket = new WebSocket(url, [offered, "toby_wt_none"]);
            socket.onclose = (event) => resolve(event.code);
        })""",
        offered,
    )
    assert told == code
