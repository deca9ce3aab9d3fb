"""What readers like and keep, and lists of it, and of what they have said."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import Anyone, SignedIn, principal, principal_or_none
from toby.common.views import no_content
from toby.social import selectors
from toby.social.serializers.comments import MyCommentOut
from toby.social.serializers.posts import PostOut
from toby.social.serializers.relations import PersonOut
from toby.social.services import bookmarks, comment_likes, likes


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


class Likers(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=PAGING, responses=Page[PersonOut])
    def get(self, request: Request, slug: str) -> Response:
        """Who likes a post, whoever did last first."""
        reader = principal_or_none(request)
        post = selectors.post(slug, seen_by=reader)
        rows, name = selectors.likers_of(post, seen_by=reader), f"likers:{post.pk}"
        return Response(paginate(request, rows, name=name, by="id", render=PersonOut.of_listed))


class LikingComment(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, comment_id: int) -> Response:
        """Like a comment; liking it twice is liking it."""
        comment_likes.like_comment(comment_id=comment_id, by=principal(request))
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, comment_id: int) -> Response:
        """Like it no longer."""
        comment_likes.unlike_comment(comment_id=comment_id, by=principal(request))
        return no_content()


class CommentLikers(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=PAGING, responses=Page[PersonOut])
    def get(self, request: Request, comment_id: int) -> Response:
        """Who likes a comment, whoever did last first."""
        reader = principal_or_none(request)
        comment = selectors.live_comment(comment_id, seen_by=reader)
        rows = selectors.likers_of_comment(comment, seen_by=reader)
        name = f"comment-likers:{comment.pk}"
        return Response(paginate(request, rows, name=name, by="id", render=PersonOut.of_listed))


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


class MyComments(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=Page[MyCommentOut])
    def get(self, request: Request) -> Response:
        """Your comments but those that are deleted, the newest first."""
        caller = principal(request)
        rows, name = selectors.own_comments(caller), f"my-comments:{caller.user_id}"
        return Response(paginate(request, rows, name=name, by="id", render=MyCommentOut.of))
