"""What every service serves beside its own: health, its OpenAPI document, errors as problems."""

from django.conf import settings
from django.urls import URLPattern, path, register_converter
from drf_spectacular.views import SpectacularJSONAPIView

from toby.common import health
from toby.common.permissions import Anyone

handler400 = "toby.common.errors.bad_request"
handler403 = "toby.common.errors.permission_denied"
handler404 = "toby.common.errors.not_found"
handler500 = "toby.common.errors.server_error"


class Id:
    """A row's id in a path: what does not fit a BIGINT is no path of ours."""

    regex = "[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(Id, "id")


def common_urls() -> list[URLPattern]:
    return [
        path("healthz", health.healthz),
        path("readyz", health.readyz),
        path(
            f"api/v1/openapi/{settings.SERVICE}.json",
            SpectacularJSONAPIView.as_view(permission_classes=[Anyone], authentication_classes=[]),
        ),
    ]
