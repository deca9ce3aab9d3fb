"""The endpoints of all three services, from their URL configurations, and calls to them."""

import json
import re
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, get_resolver
from rest_framework.views import APIView

UUID = "018f3a1c-0000-7000-8000-000000000001"
SERVICES = ("accounts", "social", "notifications")
# Documents, health and Django admin, which has its own login: not views of the API.
NOT_API = ("healthz", "readyz", "admin/", "api/docs/", "api/v1/openapi")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Endpoint(NamedTuple):
    """`path` leads to nothing that is there."""

    method: str
    route: str
    view: type[APIView]
    service: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.route}"

    @property
    def path(self) -> str:
        path = re.sub(r"<uuid:\w+>", UUID, self.route)
        path = re.sub(r"<id:\w+>", "999999999", path)
        return "/" + path.replace("<slug:slug>", "nothing").replace("<slug:username>", "nobody-x")

    @property
    def documented_path(self) -> str:
        return "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", self.route)

    @property
    def operation(self) -> dict[str, Any]:
        """What docs/openapi says of it; test_endpoints tells if it does not know it."""
        found: dict[str, Any] = DOCUMENT["paths"].get(self.documented_path, {})
        return dict(found.get(self.method.lower(), {}))

    @property
    def input(self) -> dict[str, Any] | None:
        """The schema of its body, if it takes one."""
        body = self.operation.get("requestBody")
        if body is None:
            return None
        name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        found: dict[str, Any] = DOCUMENT["components"]["schemas"][name]
        return found

    @property
    def is_paged(self) -> bool:
        return "cursor" in {each["name"] for each in self.operation.get("parameters", [])}


def endpoints() -> list[Endpoint]:
    found = []
    for service in SERVICES:
        for pattern in get_resolver(f"toby.{service}.urls").url_patterns:
            route = str(pattern.pattern)
            if route.startswith(NOT_API):
                continue
            assert isinstance(pattern, URLPattern), f"{route}: nested, teach this module"
            view: type[APIView] = vars(pattern.callback)["view_class"]
            found += [
                Endpoint(method, route, view, service)
                for method in METHODS
                if hasattr(view, method.lower())
            ]
    return found


ROOT = settings.ROOT
DOCUMENT = json.loads((ROOT / "docs" / "openapi" / "toby.json").read_text())
ENDPOINTS = endpoints()


def each_of(chosen: list[Endpoint]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("endpoint", chosen, ids=[e.name for e in chosen])


every_endpoint = each_of(ENDPOINTS)


def call(endpoint: Endpoint, token: str = "", *, body: Any = None, **headers: str) -> Any:
    """Its answer, as of a server: what is not caught there is raised here."""
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return Client().generic(
        endpoint.method,
        endpoint.path,
        data=json.dumps({} if body is None else body),
        content_type="application/json",
        headers=headers,
    )


def code(answer: Any) -> str:
    """Of a problem; "" if it is none."""
    if answer.status_code < 400:
        return ""
    return str(json.loads(answer.content)["code"])


def references(node: object) -> set[str]:
    """All that a document refers to."""
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(references, node.values()))
    if isinstance(node, list):
        return set().union(*map(references, node))
    return set()
