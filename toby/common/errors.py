"""What is refused, and how every refusal reads: problem+json (RFC 9457) with a stable `code`."""

import logging
import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
import redis.exceptions
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.views import set_rollback

from toby.common.request_id import current_request_id
from toby.common.tokens import CHALLENGE

logger = logging.getLogger(__name__)


class Refused(Exception):
    """What a service refuses. Subclasses stand beside the service, with `status` and `code`."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "refused"
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, detail: str = "", **members: Any) -> None:
        doc = (type(self).__doc__ or self.code).strip().splitlines()[0]
        super().__init__(detail or doc)
        self.detail = detail or doc
        self.members = members


class InvalidInput(Refused):
    """The input is not valid."""

    status, code = 400, "invalid_input"

    def __init__(self, *errors: tuple[str, str, str]) -> None:
        """`errors` are (field, code, message)."""
        super().__init__(
            errors=[{"field": field, "code": code, "message": text} for field, code, text in errors]
        )


class Unavailable(Refused):
    """Something this service needs does not answer; try again in a moment."""

    status, code = 503, "unavailable"
    headers = {"Retry-After": "1"}


class NotFound(Refused):
    """There is nothing here."""

    status, code = 404, "not_found"


def problem(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **members: Any
) -> HttpResponse:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": current_request_id(),
        **members,
    }
    response = HttpResponse(
        msgspec.json.encode(body),
        status=status,
        content_type="application/problem+json",
        headers=headers,
    )
    # The request's own line tells of it; Django would add an error for each 503.
    response._has_been_logged = status != HTTPStatus.INTERNAL_SERVER_ERROR  # type: ignore[attr-defined]
    return response


def refusal(refused: Refused) -> HttpResponse:
    headers = dict(refused.headers)
    if refused.status == HTTPStatus.UNAUTHORIZED:
        # RFC 9110 wants a challenge with every 401.
        headers["WWW-Authenticate"] = CHALLENGE
    return problem(refused.status, refused.code, refused.detail, headers=headers, **refused.members)


# DRF's exceptions by the code they are told by.
CODES = {
    exceptions.ParseError: "malformed",
    exceptions.AuthenticationFailed: "invalid_token",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.PermissionDenied: "permission_denied",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
}


def printable(text: object) -> str:
    """JSON may hold half a surrogate pair, which no answer can; what is echoed is cut short."""
    return str(text)[:300].encode(errors="replace").decode()


def field_errors(detail: Any, field: str = "") -> Iterator[dict[str, str]]:
    """DRF's nested error detail, flat: `tags.0`, `title`, or "" for the whole body."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            part = "" if name == "non_field_errors" else str(name)
            yield from field_errors(inner, ".".join(filter(None, (field, part))))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from field_errors(inner, f"{field}.{index}" if nested else field)
    else:
        code = getattr(detail, "code", "invalid")
        yield {"field": field, "code": code, "message": printable(detail)}


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's EXCEPTION_HANDLER: the one place where an exception becomes an answer."""
    set_rollback()
    answer = answer_to(error)
    if answer is not None and answer.status_code >= 500 and not isinstance(error, Refused):
        logger.warning("request.unavailable", extra={"fields": {"error": repr(error)[:300]}})
    return answer


def answer_to(error: Exception) -> HttpResponse | None:
    """The problem that tells of `error`, or None if it is nobody's fault but ours."""
    if isinstance(error, Refused):
        return refusal(error)
    if isinstance(error, exceptions.ValidationError):
        return problem(
            400, "invalid_input", "The input is not valid.", errors=list(field_errors(error.detail))
        )
    if isinstance(error, Http404):
        return refusal(NotFound())
    if isinstance(error, PermissionDenied):
        return problem(403, "permission_denied", "You may not do this.")
    if isinstance(error, RequestDataTooBig):
        return problem(413, "payload_too_large", "The body is larger than is accepted.")
    if isinstance(error, BadRequest | SuspiciousOperation):
        return problem(400, "bad_request", "The request cannot be read.")
    if isinstance(error, exceptions.APIException):
        code = CODES.get(type(error), getattr(error, "default_code", "refused"))
        headers = {}
        if scheme := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = scheme
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = str(int(wait))
        return problem(error.status_code, code, str(error.detail), headers=headers)
    if isinstance(error, redis.exceptions.RedisError | OperationalError | InterfaceError):
        return refusal(Unavailable())
    return None


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal(NotFound())


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    answer = answer_to(exception) if exception else None
    return answer or problem(400, "bad_request", "The request cannot be read.")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem(403, "permission_denied", "You may not do this.")


def server_error(request: HttpRequest) -> HttpResponse:
    error = sys.exc_info()[1]
    answer = answer_to(error) if isinstance(error, Exception) else None
    return answer or problem(500, "internal_error", "Something went wrong; it has been logged.")
