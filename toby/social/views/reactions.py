"""What readers think of posts: likes and bookmarks."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import SignedIn, principal
from toby.common.views import no_content
from toby.social import selectors
from toby.social.serializers.posts import PostOut
from toby.social.services import bookmarks, likes


class Liking(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, slug: str) -> Response:
        """Like a live post; liking it twice is liking it."""
        likes.like_post(slug=slug, by=principal(request))
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Like it no longer."""
        likes.unlike_post(slug=slug, by=principal(request))
        return no_content()


class Bookmarking(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, slug: str) -> Response:
        """Keep a live post among your bookmarks, which only you see."""
        bookmarks.bookmark_post(slug=slug, by=principal(request))
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Keep it no longer."""
        bookmarks.remove_bookmark(slug=slug, by=principal(request))
        return no_content()


class MyLikes(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=Page[PostOut])
    def get(self, request: Request) -> Response:
        """Live posts that you like, what you liked last first."""
        caller = principal(request)
        rows, name = selectors.liked_by(caller), f"my-likes:{caller.user_id}"
        return Response(paginate(request, rows, name=name, by="id", render=PostOut.of_listed))


class MyBookmarks(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=Page[PostOut])
    def get(self, request: Request) -> Response:
        """Live posts that you have bookmarks of, the newest bookmark first."""
        caller = principal(request)
        rows, name = selectors.bookmarked_by(caller), f"my-bookmarks:{caller.user_id}"
        return Response(paginate(request, rows, name=name, by="id", render=PostOut.of_listed))
