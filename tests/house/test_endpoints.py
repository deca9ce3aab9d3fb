"""Every endpoint, from the URL configuration: who may call it. One that is not listed fails."""

import json
import re
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from tests.factories import access_token, make_moderator, make_user
from toby.accounts import services
from toby.common.principals import SCOPES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

ANYONE, SIGNED_IN, IN_PERSON, MODERATOR = "anyone", "signed in", "in person", "moderator"
UUID = "018f3a1c-0000-7000-8000-000000000001"

# Who may call it; what is whose is tested beside each service.
ALLOWED = {
    "POST api/v1/auth/register": ANYONE,
    "POST api/v1/auth/verify-email": ANYONE,
    "POST api/v1/auth/resend-code": ANYONE,
    "POST api/v1/auth/login": ANYONE,
    "POST api/v1/auth/refresh": ANYONE,
    "POST api/v1/auth/logout": SIGNED_IN,
    "POST api/v1/auth/logout-all": IN_PERSON,
    "GET api/v1/auth/sessions": IN_PERSON,
    "DELETE api/v1/auth/sessions": IN_PERSON,
    "DELETE api/v1/auth/sessions/<uuid:session_id>": IN_PERSON,
    "POST api/v1/auth/password/forgot": ANYONE,
    "POST api/v1/auth/password/reset": ANYONE,
    "POST api/v1/auth/password/change": IN_PERSON,
    "GET api/v1/auth/tokens": IN_PERSON,
    "POST api/v1/auth/tokens": IN_PERSON,
    "DELETE api/v1/auth/tokens/<uuid:token_id>": IN_PERSON,
    "POST api/v1/auth/tokens/trade": ANYONE,
    "POST api/v1/auth/email/undo": ANYONE,
    "POST api/v1/users/me/email": IN_PERSON,
    "POST api/v1/users/me/email/confirm": IN_PERSON,
    "GET api/v1/users/me": SIGNED_IN,
    "PATCH api/v1/users/me": SIGNED_IN,
    "GET api/v1/users/<slug:username>": ANYONE,
    "GET api/v1/posts": ANYONE,
    "POST api/v1/posts": SIGNED_IN,
    "GET api/v1/posts/<slug:slug>": ANYONE,
    "PUT api/v1/posts/<slug:slug>": SIGNED_IN,
    "POST api/v1/posts/<slug:slug>/submit": SIGNED_IN,
    "GET api/v1/posts/<slug:slug>/comments": ANYONE,
    "POST api/v1/posts/<slug:slug>/comments": SIGNED_IN,
    "GET api/v1/me/posts": SIGNED_IN,
    "GET api/v1/feed": SIGNED_IN,
    "GET api/v1/profiles/<slug:username>": ANYONE,
    "PUT api/v1/profiles/<slug:username>/follow": SIGNED_IN,
    "DELETE api/v1/profiles/<slug:username>/follow": SIGNED_IN,
    "GET api/v1/moderation/queue": MODERATOR,
    "POST api/v1/moderation/revisions/<id:revision_id>/approve": MODERATOR,
    "POST api/v1/moderation/revisions/<id:revision_id>/reject": MODERATOR,
    "GET api/v1/notifications": SIGNED_IN,
    "GET api/v1/notifications/<uuid:item_id>": SIGNED_IN,
    "GET api/v1/notifications/counts": SIGNED_IN,
    "POST api/v1/notifications/read": SIGNED_IN,
    "POST api/v1/notifications/unread": SIGNED_IN,
    "POST api/v1/notifications/seen": SIGNED_IN,
    "POST api/v1/notifications/tickets": SIGNED_IN,
}
# Documents, health and Django admin, which has its own login: not views of the API.
NOT_API = ("healthz", "readyz", "admin/", "api/docs/", "api/v1/openapi")


class Endpoint(NamedTuple):
    method: str
    route: str
    view: type[APIView]

    @property
    def name(self) -> str:
        return f"{self.method} {self.route}"

    @property
    def path(self) -> str:
        path = re.sub(r"<uuid:\w+>", UUID, self.route)
        path = path.replace("<id:revision_id>", "999999999")
        return "/" + path.replace("<slug:slug>", "nothing").replace("<slug:username>", "nobody-x")


def endpoints() -> list[Endpoint]:
    found: dict[str, Endpoint] = {}
    for pattern in get_resolver("tests.urls").url_patterns:
        route = str(pattern.pattern)
        if route.startswith(NOT_API):
            continue
        assert isinstance(pattern, URLPattern), f"{route}: nested, teach this test"
        view: type[APIView] = vars(pattern.callback)["view_class"]
        for method in view.http_method_names:
            if method not in {"head", "options", "trace"} and hasattr(view, method):
                endpoint = Endpoint(method.upper(), route, view)
                found[endpoint.name] = endpoint
    return list(found.values())


ENDPOINTS = endpoints()
every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=[e.name for e in ENDPOINTS])


def call(endpoint: Endpoint, token: str = "", *, body: Any = None, **headers: str) -> Any:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return Client().generic(
        endpoint.method,
        endpoint.path,
        data=json.dumps({} if body is None else body),
        content_type="application/json",
        headers=headers,
    )


def test_every_endpoint_is_listed_and_none_that_is_gone() -> None:
    assert {endpoint.name for endpoint in ENDPOINTS} == set(ALLOWED)
    assert not [p for p in get_resolver("tests.urls").url_patterns if is_nested_api(p)]


def is_nested_api(pattern: URLPattern | URLResolver) -> bool:
    return isinstance(pattern, URLResolver) and not str(pattern.pattern).startswith(NOT_API)


@every_endpoint
def test_every_view_declares_its_permissions(endpoint: Endpoint) -> None:
    assert "permission_classes" in vars(endpoint.view)
    assert len(endpoint.view.permission_classes) == 1


@every_endpoint
def test_who_may_call_it(endpoint: Endpoint) -> None:
    allowed = ALLOWED[endpoint.name]
    nobody = call(endpoint)
    user = call(endpoint, access_token(make_user()))
    moderator = call(endpoint, access_token(make_moderator()))
    refused = {"not_authenticated", "permission_denied"}
    assert (code(nobody) in refused) == (allowed != ANYONE)
    assert (code(user) in refused) == (allowed == MODERATOR)
    assert code(moderator) not in refused
    if allowed != ANYONE:
        assert nobody.status_code == 401
    if allowed == MODERATOR:
        assert user.status_code == 403


@every_endpoint
def test_what_a_scripts_token_may_do(endpoint: Endpoint) -> None:
    """By its scopes, and never what concerns the account itself."""
    user = make_moderator()
    allowed = ALLOWED[endpoint.name]
    for scope in SCOPES:
        issued = services.issue_token(user_id=user.pk, name="test", scopes=[scope], days=1)
        token = services.trade_token(token=issued.token).access
        refused = code(call(endpoint, token)) == "permission_denied"
        if allowed == ANYONE:
            assert not refused
        elif allowed == IN_PERSON:
            assert refused
        elif allowed == MODERATOR:
            assert refused == (scope != "moderate")
        else:
            assert refused == (scope != ("read" if endpoint.method == "GET" else "write"))


@every_endpoint
@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer x", "Bearer toby_at_x", "Bearer é", "bearer \t"]
)
def test_a_token_that_is_none_lets_nobody_in(endpoint: Endpoint, header: str) -> None:
    answer = call(endpoint, Authorization=header)
    if endpoint.view.authentication_classes:
        assert answer.status_code == 401
    else:
        assert answer.status_code < 500


FIELDS = ("email", "username", "password", "title", "body", "version")
BODIES: list[Any] = [
    None,
    [],
    "text",
    7,
    {"unknown": 1},
    {key: [] for key in FIELDS},
    {key: {"a": 1} for key in FIELDS},
    dict.fromkeys(("email", "username", "password", "title", "body"), "\x00"),
    dict.fromkeys(("email", "username", "password", "title", "body"), "\ud800"),
    dict.fromkeys(("title", "body", "reason"), "x" * 300_000),
    {"version": 10**400, "up_to": 10**400, "reason": "r"},
    {"version": -1, "up_to": 1.5, "ids": ["x"], "registration_id": 7, "code": None},
]


@every_endpoint
@pytest.mark.parametrize("number", range(len(BODIES)))
def test_no_body_makes_it_fail(endpoint: Endpoint, number: int) -> None:
    answer = call(endpoint, access_token(make_moderator()), body=BODIES[number])
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"


@every_endpoint
def test_queries_that_are_nonsense_do_not_make_it_fail(endpoint: Endpoint) -> None:
    token = access_token(make_moderator())
    for query in ("cursor=%ff%00", "cursor=x:y", "limit=-1", "limit=1e9", "limit=%D9%A1", "a&&=b"):
        answer = Client().generic(
            endpoint.method,
            f"{endpoint.path}?{query}",
            data="{}",
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code < 500


@every_endpoint
def test_other_methods_are_405_and_told_which_there_are(endpoint: Endpoint) -> None:
    have = {other.method for other in ENDPOINTS if other.route == endpoint.route}
    other = next(m for m in ("DELETE", "PATCH", "PUT", "POST") if m not in have)
    token = access_token(make_moderator())
    answer = call(endpoint._replace(method=other), token)
    assert answer.status_code == 405
    assert code(answer) == "method_not_allowed"
    assert have <= {name.strip() for name in answer.headers["Allow"].split(",")}


def code(answer: Any) -> str:
    if answer.status_code < 400:
        return ""
    return str(json.loads(answer.content)["code"])
