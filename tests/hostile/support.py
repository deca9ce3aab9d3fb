"""Requests as no client of ours would send them, and what their answers must be."""

import json
from asyncio import Event
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.test import Client

from tests.house.support import UUID, Endpoint
from toby.common.asgi import with_readable_query

# Valid input, by the field's name: a test makes one of them wrong.
VALID: dict[str, Any] = {
    "act": "approve",
    "bio": "Somebody",
    "body": "A text",
    "code": "123456",
    "cover_url": "https://toby.example/cover.jpg",
    "days": 7,
    "device_name": "A telephone",
    "display_name": "Ana",
    "email": "ana@toby.example",
    "ids": [UUID],
    "language": "de",
    "digest": "daily",
    "time_zone": "Europe/Berlin",
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "kinds": [{"kind": "post_liked", "channel": "off"}],
    "name": "A script",
    "names": ["tides"],
    "new_password": "correct horse battery",
    "old_password": "correct horse battery",
    "password": "correct horse battery",
    "picture_url": "https://toby.example/ana.png",
    "reason": "Too short.",
    "note": "It is an advertisement.",
    "remarks": "Name your sources.",
    "refresh_token": "toby_rt_x",
    "reply_to": 1,
    "override": False,
    "registration_id": UUID,
    "revisions": [{"id": 1, "version": 1}],
    "scopes": ["read"],
    "template": "",
    "slugs": ["tides-23456789"],
    "tags": ["tides", "moon"],
    "title": "A title",
    "token": "x",
    "until": "2999-12-31T23:59:59Z",
    "username": "ana",
    "version": 1,
}
# Of two fields that exclude each other, the one that is not in VALID.
ALTERNATIVES = {"up_to": 1}


def valid_body(endpoint: Endpoint) -> dict[str, Any]:
    assert endpoint.input is not None
    fields: dict[str, Any] = endpoint.input["properties"]
    return {
        name: schema["enum"][0] if "enum" in schema else VALID[name]
        for name, schema in fields.items()
        if name not in ALTERNATIVES
    }


def body_with(endpoint: Endpoint, field: str, value: Any) -> dict[str, Any]:
    """A valid body but for this field."""
    body = valid_body(endpoint)
    if field in ALTERNATIVES:
        body.clear()
    return {**body, field: value}


def send(
    endpoint: Endpoint,
    token: str = "",
    body: bytes = b"",
    *,
    method: str = "",
    path: str = "",
    content_type: str = "application/json",
    **environ: Any,
) -> Any:
    """The answer, by WSGI or ASGI as the endpoint's service is served."""
    if token:
        environ.setdefault("HTTP_AUTHORIZATION", f"Bearer {token}")
    method, path = method or endpoint.method, path or endpoint.path
    if endpoint.service == "notifications":
        if body:
            environ = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body)), **environ}
        return by_asgi(method, path, body, **environ)
    return Client().generic(method, path, body, content_type, **environ)


@async_to_sync
async def by_asgi(method: str, path: str, body: bytes, **environ: str) -> HttpResponse:
    """What Django answers to Uvicorn. Headers are given as WSGI calls them."""
    query = environ.pop("QUERY_STRING", "")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        # As Uvicorn decodes it.
        "path": unquote(path),
        "query_string": query.encode("latin-1"),
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        "headers": [(header_name(name), text.encode("latin-1")) for name, text in environ.items()],
    }
    waiting: list[dict[str, Any]] = [{"type": "http.request", "body": body}]
    sent: list[Any] = []
    gone = Event()

    async def receive() -> dict[str, Any]:
        if not waiting:
            await gone.wait()
            return {"type": "http.disconnect"}
        return waiting.pop()

    async def take(message: Any) -> None:
        if gone.is_set():
            await Event().wait()
        sent.append(message)
        if b"text/event-stream" in dict(message.get("headers", ())).values():
            # It has no end.
            gone.set()

    with the_tests_own_connection():
        # `handle`, since the handler itself would go to a thread of its own, and so a transaction.
        await with_readable_query(ASGIHandler().handle)(scope, receive, take)
    answer = HttpResponse(
        b"".join(message["body"] for message in sent[1:]), status=sent[0]["status"]
    )
    del answer.headers["Content-Type"]
    for name, value in sent[0]["headers"]:
        answer.headers[name.decode("latin-1")] = value.decode("latin-1")
    return answer


@contextmanager
def the_tests_own_connection() -> Iterator[None]:
    """Requests neither begin nor end by closing it, as with Django's test client."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


def header_name(name: str) -> bytes:
    return name.removeprefix("HTTP_").replace("_", "-").lower().encode()


def send_json(endpoint: Endpoint, token: str, body: Any, **environ: Any) -> Any:
    return send(endpoint, token, json.dumps(body).encode(), **environ)


def problem_in(answer: Any, status: int, code: str = "", about: object = "") -> dict[str, Any]:
    """The problem that the answer must be; `about` is shown where it is not."""
    told = f"{answer.status_code} {answer.content[:300]!r} to {str(about)[:200]!r}"
    assert answer.status_code == status, told
    assert answer.headers["Content-Type"] == "application/problem+json", told
    problem: dict[str, Any] = json.loads(answer.content)
    assert {"type", "title", "status", "code", "detail", "request_id"} <= set(problem), told
    assert problem["status"] == status, told
    assert not code or problem["code"] == code, told
    return problem


def is_in_order(answer: Any, about: object = "") -> None:
    """Anything but a failure of ours; and what is refused is a problem."""
    told = f"{answer.status_code} {answer.content[:300]!r} to {str(about)[:200]!r}"
    assert answer.status_code < 500, told
    if answer.status_code >= 400:
        problem_in(answer, answer.status_code, about=about)


def fields_at_fault(problem: dict[str, Any]) -> set[str]:
    """Of a list, the list's name stands for its elements."""
    assert problem["errors"], problem
    return {error["field"].partition(".")[0] for error in problem["errors"]}
