"""Gives a request its id and logs it once."""

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase, UnreadablePostError
from django.utils.decorators import sync_and_async_middleware

from toby.common.logging import log
from toby.common.request_id import accept_or_make, request_id

logger = logging.getLogger("toby.request")

Handler = Callable[[HttpRequest], HttpResponseBase]
AsyncHandler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
READ_BYTES = 64 * 1024
QUIET_PATHS = {"/healthz", "/readyz"}


@sync_and_async_middleware
def request_context(get_response: Handler | AsyncHandler) -> Handler | AsyncHandler:
    if iscoroutinefunction(get_response):
        async_inner: AsyncHandler = get_response

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            with request_id(accept_or_make(request.headers.get("X-Request-ID", ""))):
                started = time.perf_counter()
                return finished(request, await async_inner(request), started)

        return async_middleware

    sync_inner: Handler = get_response  # type: ignore[assignment]  # told apart just above

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with request_id(accept_or_make(request.headers.get("X-Request-ID", ""))):
            started = time.perf_counter()
            response = sync_inner(request)
            read_to_its_end(request)
            return finished(request, response, started)

    return middleware


def read_to_its_end(request: HttpRequest) -> None:
    """What was refused unread. gunicorn gives up a connection with more than it would throw away,
    on which nginx may have sent somebody's next request. nginx limits how much it is."""
    with suppress(UnreadablePostError):
        while request.read(READ_BYTES):
            pass


def finished(request: HttpRequest, response: HttpResponseBase, started: float) -> HttpResponseBase:
    if request.path not in QUIET_PATHS:
        user = getattr(request, "principal_id", None)
        fields = {"user": user} if user else {}
        log(
            logger,
            f"{request.method} {request.path}",
            status=response.status_code,
            ms=round((time.perf_counter() - started) * 1000, 1),
            **fields,
        )
    return response
