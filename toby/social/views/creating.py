"""Answers to what is made once, however often it is asked for."""

import hashlib
from collections.abc import Callable

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from toby.common.permissions import (
    principal,
)
from toby.common.renderers import Out
from toby.social.services import idempotency

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{0,100}$"},
    "header",
    description="Your own, for a day: what is asked again under it is done once.",
)


def created(request: Request, work: Callable[[], Out]) -> HttpResponse:
    """201 with what `work` makes; made once for an Idempotency-Key."""
    asked = f"{request.method} {request.path}\n".encode() + msgspec.json.encode(request.data)
    answer, was_given = idempotency.once(
        key=request.headers.get("Idempotency-Key", ""),
        by=principal(request),
        fingerprint=hashlib.sha256(asked).hexdigest(),
        work=lambda: msgspec.json.encode(work()),
    )
    headers = {"Idempotency-Replayed": "true"} if was_given else None
    return HttpResponse(answer, status=201, content_type="application/json", headers=headers)
