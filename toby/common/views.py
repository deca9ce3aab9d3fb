"""What views share: parsing input, and the caller's address."""

from ipaddress import ip_address
from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response

from toby.common.serializers import In


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


def no_content() -> Response:
    return Response(status=204)
