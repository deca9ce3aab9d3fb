"""What posts are about."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, page_size, paginate
from toby.common.permissions import Anyone
from toby.social import selectors
from toby.social.serializers.tags import TagDetailOut, TagOut, TagsOut
from toby.social.tagging import normal_prefix

PREFIX = OpenApiParameter("prefix", str, description="How a tag begins; none begins with nothing.")
LIMIT = next(parameter for parameter in PAGING if parameter.name == "limit")


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


class PopularTags(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=PAGING, responses=Page[TagOut])
    def get(self, request: Request) -> Response:
        """The most popular first: those with many posts, of which the newer count more."""
        rows = selectors.popular_tags()
        return Response(
            paginate(request, rows, name="popular_tags", by="popular_order", render=TagOut.of)
        )


class Tags(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=[PREFIX, LIMIT], responses=TagsOut)
    def get(self, request: Request) -> Response:
        """Tags of live posts that begin so, however it is written, the most used first."""
        prefix, size = normal_prefix(request.query_params.get("prefix", "")), page_size(request)
        found = selectors.tags_beginning_with(prefix, size) if prefix else []
        return Response(TagsOut(results=[TagOut.of(tag) for tag in found]))


class OneTag(APIView):
    permission_classes = (Anyone,)

    @extend_schema(responses=TagDetailOut)
    def get(self, request: Request, name: str) -> Response:
        """A tag that live posts have, with those that often go with it."""
        found = selectors.tag(name)
        return Response(TagDetailOut.of_tag(found, selectors.related_tags(found)))
