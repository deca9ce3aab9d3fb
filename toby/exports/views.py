"""The endpoints of an export; the services mount them with the kind that is theirs."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.permissions import InPerson, principal
from toby.common.renderers import Out, Timestamp, timestamp
from toby.exports import services
from toby.exports.models import Export


class ExportOut(Out, frozen=True, kw_only=True):
    """`state` is preparing, ready or failed. Once it is ready a notification tells, and `file` is
    where it can be had until `expires_at`."""

    state: str
    asked_at: Timestamp
    ready_at: Timestamp | None
    expires_at: Timestamp
    size_bytes: int
    file: str | None

    @classmethod
    def of(cls, export: Export, path: str) -> "ExportOut":
        return cls(
            state=export.state,
            asked_at=timestamp(export.asked_at),
            ready_at=timestamp(export.ready_at) if export.ready_at else None,
            expires_at=timestamp(export.expires_at),
            size_bytes=export.size_bytes,
            file=f"{path}/file" if export.state == Export.State.READY else None,
        )


class OneExport(APIView):
    permission_classes = (InPerson,)
    kind = ""

    @extend_schema(responses=ExportOut)
    def get(self, request: Request) -> Response:
        """How far your export is."""
        export = services.export_of(kind=self.kind, user_id=principal(request).user_id)
        return Response(ExportOut.of(export, request.path))

    @extend_schema(request=None, responses={202: ExportOut})
    def post(self, request: Request) -> Response:
        """Have all that is known of you put into a ZIP of JSON; you are told when it is ready."""
        export = services.ask_for_export(kind=self.kind, user_id=principal(request).user_id)
        return Response(ExportOut.of(export, request.path), status=202)


class ExportFile(APIView):
    permission_classes = (InPerson,)
    kind = ""

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> StreamingHttpResponse:
        """Your export, once it is ready."""
        export = services.export_of(kind=self.kind, user_id=principal(request).user_id)
        content = services.content_of(export)
        streamed = in_turn(content) if isinstance(request._request, ASGIRequest) else content
        return StreamingHttpResponse(
            streamed,
            content_type="application/zip",
            headers={
                "Content-Length": str(export.size_bytes),
                "Content-Disposition": f'attachment; filename="toby-{self.kind}.zip"',
                "Cache-Control": "no-store",
            },
        )


async def in_turn(content: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same, read in the thread that has the database connection."""

    def following() -> bytes:
        return next(content, b"")

    while piece := await sync_to_async(following)():
        yield piece
