"""What posts are about."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import Anyone
from toby.social import selectors
from toby.social.serializers.tags import TagDetailOut, TagOut


class FeaturedTags(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=PAGING, responses=Page[TagOut])
    def get(self, request: Request) -> Response:
        """What the moderators have pinned, in their order."""
        rows = selectors.featured_tags()
        return Response(
            paginate(
                request,
                rows,
                name="featured_tags",
                by="featured_place",
                render=TagOut.of,
                oldest_first=True,
            )
        )


class OneTag(APIView):
    permission_classes = (Anyone,)

    @extend_schema(responses=TagDetailOut)
    def get(self, request: Request, name: str) -> Response:
        """A tag that live posts have, with those that often go with it."""
        found = selectors.tag(name)
        return Response(TagDetailOut.of_tag(found, selectors.related_tags(found)))
