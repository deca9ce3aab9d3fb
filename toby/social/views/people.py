"""What readers do: like, follow, and what follows from it."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import (
    Anyone,
    SignedIn,
    principal,
    principal_or_none,
)
from toby.social import selectors
from toby.social.serializers.people import ProfileOut
from toby.social.serializers.posts import PostOut


class Feed(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=Page[PostOut])
    def get(self, request: Request) -> Response:
        """Live posts of those you follow, the newest first."""
        caller = principal(request)
        rows = selectors.feed_of(caller)
        return Response(
            paginate(
                request,
                rows,
                name=f"feed:{caller.user_id}",
                by="live_order",
                render=PostOut.of_listed,
            )
        )


class OneProfile(APIView):
    permission_classes = (Anyone,)

    @extend_schema(responses=ProfileOut)
    def get(self, request: Request, username: str) -> Response:
        """What somebody is among others, and to you."""
        found = selectors.profile(username, seen_by=principal_or_none(request))
        return Response(ProfileOut.of(found))
