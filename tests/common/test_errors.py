"""Every exception becomes a problem with a stable code; a bug tells nobody how it came about."""

import json
import logging
from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.http import Http404, HttpResponse
from django.test import Client
from django.urls import path
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rest_framework import exceptions
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.factories import access_token, make_moderator, make_user
from toby.common.errors import InvalidInput, NotFound, Refused, Unavailable, field_errors
from toby.common.permissions import Anyone, Moderator, SignedIn, SignedInToWrite
from toby.common.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500"]

pytestmark = pytest.mark.urls(__name__)


class Failing(APIView):
    """Raises `error`, which a test sets."""

    permission_classes: Any = (Anyone,)
    authentication_classes: Any = ()
    error: Exception

    def post(self, request: Request) -> Response:
        str(request.data)
        raise self.error


class ForMembers(Failing):
    permission_classes: Any = (SignedIn,)
    authentication_classes = APIView.authentication_classes


class ForModerators(ForMembers):
    permission_classes = (Moderator,)


class ForAllToRead(ForMembers):
    permission_classes = (SignedInToWrite,)

    def get(self, request: Request) -> Response:
        return Response({"read": True})


class Undeclared(APIView):
    def get(self, request: Request) -> Response:
        return Response({"served": True})


def plain(request: object) -> HttpResponse:
    """Not a view of DRF's."""
    raise Failing.error


urlpatterns = [
    path("failing", Failing.as_view()),
    path("members", ForMembers.as_view()),
    path("moderators", ForModerators.as_view()),
    path("all", ForAllToRead.as_view()),
    path("undeclared", Undeclared.as_view()),
    path("plain", plain),
]


class Broken(Refused):
    """The thing is broken.

    What else the docstring says is not told.
    """

    status, code = 409, "thing_broken"
    headers = {"X-Why": "so"}


class Answer:
    def __init__(self, response: Any) -> None:
        self.status, self.headers, self.text = (
            response.status_code,
            response.headers,
            response.content.decode(),
        )
        assert self.headers["Content-Type"] == "application/problem+json"
        self.body: dict[str, Any] = json.loads(self.text)
        assert self.body["status"] == self.status
        assert set(self.body) >= {"type", "title", "status", "code", "detail", "request_id"}
        assert self.body["request_id"]


def answer(path: str = "/failing", method: str = "POST", **options: Any) -> Answer:
    client = Client(raise_request_exception=False)
    options = {"content_type": "application/json", "data": b"{}", **options}
    return Answer(client.generic(method, path, **options))


def answer_to(error: Exception, monkeypatch: pytest.MonkeyPatch, path: str = "/failing") -> Answer:
    monkeypatch.setattr(Failing, "error", error, raising=False)
    return answer(path)


EACH = [
    (exceptions.ParseError(), 400, "malformed"),
    (exceptions.AuthenticationFailed(), 403, "invalid_token"),
    (exceptions.NotAuthenticated(), 403, "not_authenticated"),
    (exceptions.PermissionDenied(), 403, "permission_denied"),
    (exceptions.NotFound(), 404, "not_found"),
    (exceptions.MethodNotAllowed("POST"), 405, "method_not_allowed"),
    (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
    (exceptions.Throttled(wait=1.2), 429, "throttled"),
    (exceptions.ValidationError({"a": ["bad"]}), 400, "invalid_input"),
    (exceptions.APIException(), 500, "error"),
    (Http404("no such row of table x"), 404, "not_found"),
    (PermissionDenied("secret reason"), 403, "permission_denied"),
    (RequestDataTooBig("too big"), 413, "payload_too_large"),
    (BadRequest("bad"), 400, "bad_request"),
    (RedisConnectionError("10.0.0.5:6379 refused"), 503, "unavailable"),
    (RedisTimeoutError("10.0.0.5:6379 slow"), 503, "unavailable"),
    (OperationalError(2013, "Lost connection to db.internal"), 503, "unavailable"),
    (InterfaceError("db.internal"), 503, "unavailable"),
    (NotFound(), 404, "not_found"),
    (Unavailable(), 503, "unavailable"),
    (Broken(), 409, "thing_broken"),
    (InvalidInput(("a", "bad", "Bad.")), 400, "invalid_input"),
]


@pytest.mark.parametrize(
    ("error", "status", "code"), EACH, ids=[f"{type(error).__name__}" for error, *_ in EACH]
)
def test_each_exception_becomes_its_problem(
    error: Exception, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = answer_to(error, monkeypatch)
    assert (found.status, found.body["code"]) == (status, code)
    for inside in ("internal", "10.0.0.5", "secret", "table x"):
        assert inside not in found.text


@pytest.mark.parametrize("error", [RuntimeError("the password is x"), ProgrammingError(1064, "x")])
@pytest.mark.parametrize("path", ["/failing", "/plain"])
def test_a_bug_is_a_500_that_says_nothing_and_is_logged(
    error: Exception, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = answer_to(error, monkeypatch, path)
    assert (found.status, found.body["code"]) == (500, "internal_error")
    # Its request id is random, and may hold any number.
    told = found.text.replace(found.body["request_id"], "")
    for inside in ("Traceback", "password", type(error).__name__, ".py", "1064"):
        assert inside not in told
    assert any(
        record.exc_info and record.exc_info[1] is error
        for record in caplog.records
        if record.levelno == logging.ERROR
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Http404(), "not_found"),
        (PermissionDenied(), "permission_denied"),
        (BadRequest(), "bad_request"),
    ],
)
def test_what_djangos_own_views_raise_is_a_problem_too(
    error: Exception, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer_to(error, monkeypatch, "/plain").body["code"] == code


@pytest.mark.parametrize("error", [OperationalError(2006, "gone"), RedisConnectionError()])
def test_a_store_that_is_down_is_a_503_outside_drf_too(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = answer_to(error, monkeypatch, "/plain")
    assert (found.status, found.headers["Retry-After"]) == (503, "1")


def test_an_unknown_path_is_a_problem() -> None:
    found = answer("/nowhere", "GET")
    assert (found.status, found.body["code"]) == (404, "not_found")


def test_a_method_that_is_not_there_is_a_problem_that_names_those_that_are() -> None:
    found = answer("/failing", "DELETE")
    assert (found.status, found.body["code"]) == (405, "method_not_allowed")
    assert "POST" in found.headers["Allow"]


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/xml", "x"])
def test_another_media_type_is_refused(kind: str) -> None:
    assert answer(content_type=kind).status == 415


def test_a_body_that_is_no_json_is_malformed() -> None:
    assert answer(data=b"{").body["code"] == "malformed"


def test_a_body_that_is_too_large_is_refused() -> None:
    assert answer(data=b'"' + b"x" * 1024 * 1024 + b'"').status == 413


def test_a_host_that_is_not_ours_is_refused() -> None:
    found = answer("/failing", HTTP_HOST="evil.example")
    assert (found.status, found.body["code"]) == (400, "bad_request")
    assert "evil" not in found.text


def test_a_refusal_tells_its_docstrings_first_line_its_headers_and_its_members(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = answer_to(Broken(), monkeypatch)
    assert found.body["detail"] == "The thing is broken."
    assert found.headers["X-Why"] == "so"
    told = answer_to(Broken("It broke at noon.", part="left"), monkeypatch)
    assert (told.body["detail"], told.body["part"]) == ("It broke at noon.", "left")


def test_being_throttled_says_how_long_to_wait_rounded_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer_to(exceptions.Throttled(wait=0.2), monkeypatch).headers["Retry-After"] == "1"
    assert answer_to(exceptions.Throttled(wait=61), monkeypatch).headers["Retry-After"] == "61"


def test_the_errors_of_nested_input_are_told_by_path() -> None:
    required = ErrorDetail("Required.", code="required")
    detail = {
        "title": [required],
        "tags": {0: ["Too long."], 2: [required]},
        "links": [{"url": [required]}, {}],
        "non_field_errors": [ErrorDetail("They differ.", code="differ")],
    }
    assert list(field_errors(detail)) == [
        {"field": "title", "code": "required", "message": "Required."},
        {"field": "tags.0", "code": "invalid", "message": "Too long."},
        {"field": "tags.2", "code": "required", "message": "Required."},
        {"field": "links.0.url", "code": "required", "message": "Required."},
        {"field": "", "code": "differ", "message": "They differ."},
    ]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/members"), ("POST", "/moderators"), ("POST", "/all")]
)
def test_whoever_is_not_signed_in_is_told_how_to(method: str, path: str) -> None:
    found = answer(path, method)
    assert (found.status, found.body["code"]) == (401, "not_authenticated")
    assert found.headers["WWW-Authenticate"] == 'Bearer realm="toby"'


def test_who_is_signed_in_but_no_moderator_may_not_do_what_moderators_do(
    db: None, redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Failing, "error", Broken(), raising=False)
    for user, code in ((make_user(), "permission_denied"), (make_moderator(), "thing_broken")):
        found = answer("/moderators", HTTP_AUTHORIZATION=f"Bearer {access_token(user)}")
        assert found.body["code"] == code


def test_what_anyone_may_read_is_read_without_a_token() -> None:
    assert Client().get("/all").json() == {"read": True}


def test_a_view_that_declares_no_permission_is_not_served() -> None:
    found = answer("/undeclared", "GET")
    assert found.status == 500


def test_the_request_id_of_the_request_is_in_the_problem_unless_it_is_not_plain() -> None:
    assert answer(data=b"{", HTTP_X_REQUEST_ID="abcdef-123").body["request_id"] == "abcdef-123"
    for forged in ("short", "x" * 65, "abc def ghi", "abcdefgh\u00e9", 'abcdefgh"'):
        assert answer(data=b"{", HTTP_X_REQUEST_ID=forged).body["request_id"] != forged
