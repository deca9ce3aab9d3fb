"""Requests as no client of ours would send them, and what their answers must be."""

import json
from typing import Any

from django.test import Client

from tests.house.support import UUID, Endpoint

# Valid input, by the field's name: a test makes one of them wrong.
VALID: dict[str, Any] = {
    "bio": "Somebody",
    "body": "A text",
    "code": "123456",
    "days": 7,
    "device_name": "A telephone",
    "display_name": "Ana",
    "email": "ana@toby.example",
    "ids": [UUID],
    "name": "A script",
    "new_password": "correct horse battery",
    "old_password": "correct horse battery",
    "password": "correct horse battery",
    "picture_url": "https://toby.example/ana.png",
    "reason": "Too short.",
    "refresh_token": "toby_rt_x",
    "registration_id": UUID,
    "scopes": ["read"],
    "title": "A title",
    "token": "x",
    "username": "ana",
    "version": 1,
}
# Of two fields that exclude each other, the one that is not in VALID.
ALTERNATIVES = {"up_to": 1}


def valid_body(endpoint: Endpoint) -> dict[str, Any]:
    assert endpoint.input is not None
    return {name: VALID[name] for name in endpoint.input["properties"] if name not in ALTERNATIVES}


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
    """The answer. An exception that no server of ours would catch is raised."""
    if token:
        environ.setdefault("HTTP_AUTHORIZATION", f"Bearer {token}")
    return Client().generic(
        method or endpoint.method, path or endpoint.path, body, content_type, **environ
    )


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
