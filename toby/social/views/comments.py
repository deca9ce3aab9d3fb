"""What readers say on posts, and in answer to each other."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import (
    Anyone,
    Moderator,
    SignedIn,
    SignedInToWrite,
    principal,
    principal_or_none,
)
from toby.common.views import no_content, one_of, parsed
from toby.social import selectors
from toby.social.serializers.comments import (
    CommentDetailOut,
    CommentHistoryOut,
    CommentIn,
    CommentOut,
    EditCommentIn,
    ThreadOut,
)
from toby.social.services import closing, comments
from toby.social.views.creating import IDEMPOTENCY_KEY, created
from toby.social.views.posts import IF_MATCH

SORT = OpenApiParameter(
    "sort",
    str,
    enum=list(selectors.SORTS),
    description="oldest, as a conversation goes, if it is not given. top is by likes; of equals the"
    " older is first.",
)


def sort_of(request: Request) -> str:
    return one_of(request, "sort", list(selectors.SORTS)) or "oldest"


def page_of(request: Request, rows: QuerySet[Any], name: str, sort: str) -> Page[CommentOut]:
    column, index, oldest_first = selectors.SORTS[sort]
    return paginate(
        request,
        rows,
        name=f"{name}:{sort}",
        by=column,
        render=CommentOut.of,
        oldest_first=oldest_first,
        index=index,
    )


class Comments(APIView):
    permission_classes = (SignedInToWrite,)

    @extend_schema(parameters=[*PAGING, SORT], responses=Page[CommentOut])
    def get(self, request: Request, slug: str) -> Response:
        """Comments on a post that answer no other."""
        reader, sort = principal_or_none(request), sort_of(request)
        post = selectors.post(slug, seen_by=reader)
        rows = selectors.comments_on(post, seen_by=reader)
        return Response(page_of(request, rows, f"comments:{post.pk}", sort))

    @extend_schema(request=CommentIn, responses={201: CommentOut}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Comment on a live post, or answer a comment on it."""
        caller, given = principal(request), parsed(CommentIn, request)

        def work() -> CommentOut:
            comment = comments.add_comment(slug=slug, by=caller, **given)
            return CommentOut.of_written(comment, writer=caller)

        return created(request, work)


class CommentsClosed(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, slug: str) -> Response:
        """Let nobody comment on a post any more: its author and moderators decide that."""
        closing.close_comments(slug=slug, by=principal(request))
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Let people comment again. What moderators have closed only moderators open."""
        closing.open_comments(slug=slug, by=principal(request))
        return no_content()


class OneComment(APIView):
    permission_classes = (SignedInToWrite,)

    @extend_schema(responses=CommentDetailOut)
    def get(self, request: Request, comment_id: int) -> Response:
        """One comment."""
        found = selectors.comment(comment_id, seen_by=principal_or_none(request))
        tag = {"ETag": selectors.comment_etag(found.version)}
        return Response(CommentDetailOut.of_comment(found), headers=tag)

    @extend_schema(request=EditCommentIn, responses=CommentOut, parameters=[IF_MATCH])
    def patch(self, request: Request, comment_id: int) -> Response:
        """Change what your comment says; others see that it was edited."""
        caller = principal(request)
        comment = comments.edit_comment(
            comment_id=comment_id,
            by=caller,
            if_match=request.headers.get("If-Match", ""),
            **parsed(EditCommentIn, request),
        )
        tag = {"ETag": selectors.comment_etag(comment.version)}
        reactions = selectors.comment_reactions(comment.pk, seen_by=caller)
        written = CommentOut.of_written(comment, writer=caller, reactions=reactions)
        return Response(written, headers=tag)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, comment_id: int) -> Response:
        """Delete your comment, or take one off your post: then its author is told. Replies stay."""
        comments.delete_comment(comment_id=comment_id, by=principal(request))
        return no_content()


class History(APIView):
    permission_classes = (Moderator,)

    @extend_schema(responses=CommentHistoryOut)
    def get(self, request: Request, comment_id: int) -> Response:
        """What a comment says, whatever became of it, and what it said before."""
        comment = selectors.told_comment(comment_id)
        return Response(CommentHistoryOut.of(comment, selectors.earlier_texts(comment)))


class Replies(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=[*PAGING, SORT], responses=Page[CommentOut])
    def get(self, request: Request, comment_id: int) -> Response:
        """Comments that answer this one directly."""
        reader, sort = principal_or_none(request), sort_of(request)
        comment = selectors.comment(comment_id, seen_by=reader)
        rows = selectors.replies_to(comment, seen_by=reader)
        return Response(page_of(request, rows, f"replies:{comment.pk}", sort))


class Thread(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=[SORT], responses=ThreadOut)
    def get(self, request: Request, comment_id: int) -> Response:
        """A comment with all that answers it, directly or not, as far as there is room."""
        reader = principal_or_none(request)
        comment = selectors.comment(comment_id, seen_by=reader)
        found = selectors.thread(comment, seen_by=reader, sort=sort_of(request))
        return Response(ThreadOut.of(found))
