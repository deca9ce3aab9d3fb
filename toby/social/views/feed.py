"""What readers read of those they follow."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.errors import InvalidInput
from toby.common.openapi import PAGING
from toby.common.pagination import cursor, paginate, read_cursor
from toby.common.permissions import SignedIn, principal
from toby.social import selectors
from toby.social.serializers.posts import FeedPage, NewPostsOut, PostOut

AFTER = OpenApiParameter(
    "after", str, required=True, description="As the link `new` of your feed's first page has it."
)


class Feed(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=FeedPage)
    def get(self, request: Request) -> Response:
        """Live posts of those you follow, the newest first."""
        caller = principal(request)
        name, rows = f"feed:{caller.user_id}", selectors.feed_of(caller)
        page = paginate(request, rows, name=name, by="live_order", render=placed)
        posts = [post for post, _ in page.results]
        direction, edge = read_cursor(request, name)
        new = None
        if direction != "after" and page.previous is None:
            first = page.results[0][1] if posts else edge or 0
            new = f"{request.path}/new?after={quote(cursor(f'new:{name}', 'after', first))}"
        return Response(FeedPage(next=page.next, previous=page.previous, results=posts, new=new))


def placed(row: Sequence[Any]) -> tuple[PostOut, int]:
    return PostOut.of_listed(row), row[-1]


class NewInFeed(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=[AFTER], responses=NewPostsOut)
    def get(self, request: Request) -> Response:
        """How many posts have come into your feed since you read it; at most 100 are counted."""
        caller = principal(request)
        name = f"new:feed:{caller.user_id}"
        _, after = read_cursor(request, name, parameter="after")
        if after is None:
            raise InvalidInput(("after", "required", "From `new` of your feed's first page."))
        count = selectors.new_in_feed(caller, after=after)
        most = selectors.MOST_NEW
        return Response(NewPostsOut(count=min(count, most), more=count > most))
