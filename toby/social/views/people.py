"""What somebody's profile shows."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.permissions import (
    Anyone,
    principal_or_none,
)
from toby.social import selectors
from toby.social.serializers.people import ProfileOut


class OneProfile(APIView):
    permission_classes = (Anyone,)

    @extend_schema(responses=ProfileOut)
    def get(self, request: Request, username: str) -> Response:
        """What somebody is among others, and to you."""
        found = selectors.profile(username, seen_by=principal_or_none(request))
        return Response(ProfileOut.of(found))
