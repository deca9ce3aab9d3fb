"""How an answer is written: typed structs as JSON by msgspec, whatever Accept says."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

# Always with microseconds, which msgspec leaves out where they are zero.
Timestamp = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


def timestamp(moment: datetime) -> Timestamp:
    """UTC, ISO 8601 with microseconds."""
    # A tenth of what isoformat takes, and there are many in an answer.
    whole = msgspec.json.encode(moment.astimezone(UTC))[1:-1].decode()
    return whole if moment.microsecond else f"{whole[:-1]}.000000Z"


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """What a view answers with. Subclasses are what the OpenAPI document shows."""


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else msgspec.json.encode(data)


class AlwaysJSON(BaseContentNegotiation):
    """Accept is not consulted: there is one representation."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        content_type = (request.content_type or "").partition(";")[0].strip().lower()
        for parser in parsers:
            if parser.media_type == content_type:
                return parser
        return None

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)
