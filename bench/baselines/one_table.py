"""The newest 20 of one table: a list as the service makes them, of what one table has.

The same token, page, cursor and answer as the feed; a prepared list of the columns that posts have,
in the order of one index. No author is looked up, nor whether the reader likes, mutes or blocks.
"""

from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.pagination import paginate
from toby.common.permissions import SignedIn, principal
from toby.common.prepared import Prepared
from toby.common.renderers import timestamp
from toby.social.models import Post
from toby.social.serializers.people import AuthorOut
from toby.social.serializers.posts import PostOut

NEWEST = Prepared(
    lambda: Post.objects.live().values_list(
        "slug",
        "title",
        "tags",
        "cover_url",
        "comment_count",
        "like_count",
        "created_at",
        "published_at",
        "author_id",
        "live_order",
    )
)


class Newest(APIView):
    permission_classes = (SignedIn,)

    def get(self, request: Request) -> Response:
        principal(request)
        return Response(paginate(request, NEWEST.of(), name="one", by="live_order", render=shown))


def shown(row: Sequence[Any]) -> PostOut:
    slug, title, tags, cover_url, comments, likes, created_at, published_at, author_id, _ = row
    return PostOut(
        slug=slug,
        status="live",
        title=title,
        tags=tags,
        cover_url=cover_url,
        author=AuthorOut(id=author_id, username="", display_name="", picture_url=""),
        comment_count=comments,
        like_count=likes,
        liked_by_me=False,
        bookmarked_by_me=False,
        created_at=timestamp(created_at),
        published_at=timestamp(published_at),
    )
