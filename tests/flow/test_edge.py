"""What nginx and the services answer to what is malformed, too much, or nobody's business."""

import json
import socket
from collections import Counter
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import Person
from deploy.local.servers import Nginx
from tests.flow.support import Toby

pytestmark = pytest.mark.flow

# One endpoint of each service that takes a body.
POSTS = ("auth/login", "posts", "notifications/read")


class Raw(BytesIO):
    """Enough of a socket for HTTPResponse."""

    def makefile(self, mode: str) -> BytesIO:
        return self


def exchange(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Sends bytes as they are and reads the one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        # Refused before all was sent, perhaps; the answer is there.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except ConnectionResetError:
            pass
    response = HTTPResponse(Raw(received))  # type: ignore[arg-type]  # it only reads
    response.begin()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()


def problem(port: int, request: bytes) -> tuple[int, str]:
    """The status and the code of an answer, which must be a problem of that status."""
    status, headers, body = exchange(port, request)
    assert headers["content-type"] == "application/problem+json"
    told = json.loads(body)
    assert told["status"] == status
    assert told["request_id"] == headers["x-request-id"]
    return status, told["code"]


def ask(path: str, *, method: str = "GET", headers: str = "", body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}"
    if body:
        head += f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n"
    return head.encode("latin-1") + b"\r\n" + body


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"NONSENSE\r\n\r\n", 400, "bad_request"),
        (ask("/elsewhere"), 404, "not_found"),
        (ask("/api/v1/nothing"), 404, "not_found"),
        (ask("/api/v1/auth/nothing"), 404, "not_found"),
        (ask("/api/v1/notifications/nothing"), 404, "not_found"),
        (ask("/api/v1/posts/%00"), 400, "bad_request"),
        (ask("/api/v1/posts/%ff%fe"), 404, "not_found"),
        (ask("/api/v1/posts", method="TRACE"), 405, "method_not_allowed"),
        (ask("/api/v1/posts", method="DELETE"), 401, "not_authenticated"),
        (ask("/api/v1/" + "x" * 20_000), 414, "uri_too_long"),
        (ask("/api/v1/posts", headers=f"X-Long: {'x' * 40_000}\r\n"), 431, "headers_too_large"),
        (ask("/api/v1/posts?cursor=forged"), 400, "invalid_input"),
        (ask("/api/v1/posts?limit=0"), 400, "invalid_input"),
        (ask("/api/v1/posts", headers="Authorization: Bearer x\r\n"), 401, "invalid_token"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_as_a_problem(
    toby: Toby, request_bytes: bytes, status: int, code: str
) -> None:
    assert problem(toby.stack.ports["nginx"], request_bytes) == (status, code)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed"),
        (b"\xff\xfe", 400, "malformed"),
        (b"[" * 100_000, 400, "malformed"),
        (b'{"a": NaN}', 400, "malformed"),
        (b"[]", 400, "invalid_input"),
        (b'"text"', 400, "invalid_input"),
        (b'{"unknown": 1}', 400, "invalid_input"),
        (b'{"email": {}, "title": [], "ids": {}, "up_to": "x"}', 400, "invalid_input"),
        (b"{" + b" " * 5_000_000 + b"}", 413, "payload_too_large"),
    ],
    ids=["cut off", "not UTF-8", "deep", "NaN", "list", "string", "unknown", "types", "5 MB"],
)
def test_a_bad_body_is_refused_by_every_service(
    toby: Toby, path: str, body: bytes, status: int, code: str
) -> None:
    someone = shared_person(toby)
    request = ask(
        f"/api/v1/{path}",
        method="POST",
        headers=f"Authorization: Bearer {someone.token}\r\n",
        body=body,
    )
    assert problem(toby.stack.ports["nginx"], request) == (status, code)


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_not_json_is_415(toby: Toby, path: str) -> None:
    someone = shared_person(toby)
    headers = (
        f"Authorization: Bearer {someone.token}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n"
    )
    request = ask(f"/api/v1/{path}", method="POST", headers=headers) + b"a=b"
    assert problem(toby.stack.ports["nginx"], request) == (415, "unsupported_media_type")


def test_over_its_limits_an_address_gets_429_with_retry_after(toby: Toby, tmp_path: Path) -> None:
    port = toby.stack.ports["nginx"] + 99
    services = ("auth", "social", "notifications")
    upstreams = {service: toby.stack.ports.copies_of(service) for service in services}
    limited = Nginx(tmp_path, port, upstreams=upstreams, limits=True)
    limited.start()
    try:
        answers: Counter[int] = Counter()
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        for _ in range(400):
            connection.request("GET", "/api/v1/nothing")
            response = connection.getresponse()
            response.read()
            answers[response.status] += 1
        connection.close()
        assert answers[404] >= 200
        assert answers[429] > 0
        # One is let through now and then, as time passes.
        tries = (exchange(port, ask("/api/v1/nothing")) for _ in range(50))
        status, headers, body = next(answer for answer in tries if answer[0] == 429)
        assert (status, headers["retry-after"]) == (429, "1")
        assert json.loads(body)["code"] == "rate_limited"
    finally:
        limited.stop()


def test_a_forged_request_id_or_address_is_not_taken_over(toby: Toby) -> None:
    forged = "X-Request-ID: forged-request-id\r\nX-Forwarded-For: 203.0.113.7\r\n"
    _, headers, _ = exchange(toby.stack.ports["nginx"], ask("/api/v1/posts", headers=forged))
    assert headers["x-request-id"] != "forged-request-id"
    logs = toby.stack.log("social-1") + toby.stack.log("social-2")
    assert headers["x-request-id"] in logs
    assert "forged-request-id" not in logs


_shared: dict[str, Any] = {}


def shared_person(toby: Toby) -> Person:
    """Registering costs a hash: these tests change nothing of hers."""
    if "person" not in _shared:
        _shared["person"] = toby.person("robust")
    person: Person = _shared["person"]
    if person.try_to("GET", "users/me")[0] != 200:
        person.refresh()
    return person
