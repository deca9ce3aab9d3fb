"""What views share: parsing input, and the caller's address."""

import re
from asyncio import iscoroutine
from collections.abc import Callable, Sequence
from functools import wraps
from ipaddress import ip_address
from typing import Any

from asgiref.sync import SyncToAsync, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.errors import InvalidInput, problem
from toby.common.serializers import In


def let_thread_go() -> None:
    """Django keeps a thread for what is synchronous in a request, until that ends. What is about to
    wait gives it back; the next that is synchronous gets another."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is not None:
        executor = SyncToAsync.context_to_thread_executor.pop(context, None)
        if executor is not None:
            executor.shutdown(wait=False)


class AsyncView(APIView):
    """As APIView, with methods that are coroutines, but for `options`: what waits in them holds no
    thread."""

    async def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # DRF's is no coroutine
        self.args, self.kwargs = args, kwargs
        self.headers = self.default_response_headers
        self.request = self.initialize_request(request, *args, **kwargs)
        try:
            await sync_to_async(self.initial, thread_sensitive=False)(self.request, *args, **kwargs)
            method = str(self.request.method).lower()
            if method not in self.http_method_names or not hasattr(self, method):
                raise MethodNotAllowed(method.upper())
            response = getattr(self, method)(self.request, *args, **kwargs)
            if iscoroutine(response):
                let_thread_go()
                response = await response
        except Exception as error:
            response = self.handle_exception(error)
        return self.finalize_response(self.request, response, *args, **kwargs)


def parsed(serializer: type[In], request: Request) -> dict[str, Any]:
    """The body as `serializer` declares it; raises what becomes a 400."""
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def caller_address(request: Request) -> str | None:
    return address_of(request._request)


def address_of(request: HttpRequest) -> str | None:
    """The client's address, or None. nginx overwrites what a client says in X-Forwarded-For."""
    forwarded = request.headers.get("X-Forwarded-For") or request.META.get("REMOTE_ADDR") or ""
    try:
        return str(ip_address(str(forwarded).strip()))
    except ValueError:
        return None


def only_read(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """For a plain function: other methods than GET and HEAD get the 405 that views of ours give."""

    @csrf_exempt  # or social would answer with a page of Django's
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return view(request)
        detail = f'Method "{request.method}" not allowed.'
        return problem(405, "method_not_allowed", detail, headers={"Allow": "GET, HEAD"})

    return guarded


def no_content() -> Response:
    return Response(status=204)


def whole(request: Request, name: str, *, default: int, most: int) -> int:
    """A whole number of the query string, from 0. Raises InvalidInput."""
    given = request.query_params.get(name, str(default))
    if not re.fullmatch("[0-9]{1,9}", given) or int(given) > most:
        raise InvalidInput((name, "invalid", f"A whole number from 0 to {most}."))
    return int(given)


def one_of(request: Request, name: str, choices: Sequence[str]) -> str:
    """A word of the query string; "" if it is not given. Raises InvalidInput."""
    given = request.query_params.get(name)
    if given is None:
        return ""
    if given not in choices:
        raise InvalidInput((name, "invalid", f"One of {', '.join(choices)}."))
    return given
