"""The OpenAPI documents of the three services, joined; `make openapi` writes it."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from toby.common.views import only_read


@cache
def document() -> bytes:
    return (settings.ROOT / "docs" / "openapi" / "toby.json").read_bytes()


@only_read
def joined_document(request: HttpRequest) -> HttpResponse:
    return HttpResponse(document(), content_type="application/json")
