"""What authors ask for, and what anyone reads of posts."""

from functools import partial

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import (
    Anyone,
    SignedIn,
    SignedInToWrite,
    principal,
    principal_or_none,
)
from toby.common.views import no_content, one_of, parsed
from toby.social import selectors
from toby.social.pages import page
from toby.social.rendering import render
from toby.social.serializers.posts import (
    ActOut,
    HistoryOut,
    MyPostOut,
    PostDetailOut,
    PostIn,
    PostOut,
    PreviewIn,
    PreviewOut,
    RevisionOut,
)
from toby.social.services import posts
from toby.social.views.creating import IDEMPOTENCY_KEY, created

IF_MATCH = OpenApiParameter(
    "If-Match", str, "header", description="The ETag of what you saw: 412 if it has changed since."
)


TAG = OpenApiParameter("tag", str, description="Only of this tag, as posts show it.")
OWN_STATES = ("draft", "pending", "live", "hidden")
STATE = OpenApiParameter("state", str, enum=OWN_STATES, description="Only what is in this state.")
AUTHOR = OpenApiParameter("author", str, description="Only this username's.")


class Posts(APIView):
    permission_classes = (SignedInToWrite,)

    @extend_schema(parameters=[*PAGING, TAG, AUTHOR], responses=Page[PostOut])
    def get(self, request: Request) -> Response:
        """Live posts, the newest first; of one tag or author, or both."""
        tag, author = (request.query_params.get(name, "") for name in ("tag", "author"))
        reader, name = principal_or_none(request), f"posts:{tag}:{author}"
        rows = selectors.live_posts(seen_by=reader, author=author, tag=tag)
        page = paginate(request, rows, name=name, by="live_order", render=PostOut.of_listed)
        return Response(page)

    @extend_schema(request=PostIn, responses={201: PostDetailOut}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request) -> HttpResponse:
        """Write a post: a draft that only you see."""
        caller, given = principal(request), parsed(PostIn, request)

        def work() -> PostDetailOut:
            draft = posts.create_post(by=caller, **given)
            return PostDetailOut.of_post(draft.post, draft, writer=caller)

        return created(request, work)


class FeaturedPosts(APIView):
    permission_classes = (Anyone,)

    @extend_schema(parameters=PAGING, responses=Page[PostOut])
    def get(self, request: Request) -> Response:
        """What the moderators have pinned, in their order."""
        rows = selectors.featured_posts(seen_by=principal_or_none(request))
        return Response(
            paginate(
                request,
                rows,
                name="featured",
                by="featured_place",
                render=PostOut.of_row,
                oldest_first=True,
            )
        )


class Preview(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=PreviewIn, responses=PreviewOut)
    def post(self, request: Request) -> Response:
        """What a body will look like; nothing is kept."""
        author = principal(request).user_id
        there = partial(selectors.mentionable, by=author, under=author)
        rendered = render(parsed(PreviewIn, request)["body"], linked=there)
        return Response(PreviewOut(html=rendered.html, mentions=list(rendered.mentions)))


class OnePost(APIView):
    permission_classes = (SignedInToWrite,)

    @extend_schema(responses=PostDetailOut)
    def get(self, request: Request, slug: str) -> Response:
        """One post; what is not live, to its author and moderators only."""
        found = page(slug, seen_by=principal_or_none(request))
        return Response(found, headers={"ETag": selectors.etag(found.version, found.proposed)})

    @extend_schema(request=PostIn, responses=RevisionOut, parameters=[IF_MATCH])
    def put(self, request: Request, slug: str) -> Response:
        """Change your draft, or propose a change of what is live."""
        caller = principal(request)
        revision = posts.propose_edit(
            slug=slug,
            by=caller,
            if_match=request.headers.get("If-Match", ""),
            **parsed(PostIn, request),
        )
        tag = {"ETag": selectors.etag(revision.post.version, revision)}
        return Response(RevisionOut.of(revision, writer=caller), headers=tag)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Delete your post. Others are told that it is gone; a moderator can bring it back."""
        posts.delete_post(slug=slug, by=principal(request))
        return no_content()


class History(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(responses=HistoryOut)
    def get(self, request: Request, slug: str) -> Response:
        """What became of your post: each text you proposed, and each decision."""
        caller = principal(request)
        post = selectors.own_post(slug, seen_by=caller)
        revisions = selectors.revisions_of(post, seen_by=caller)
        return Response(
            HistoryOut(
                revisions=[RevisionOut.of(row) for row in revisions],
                acts=[
                    ActOut.of(row, actor=selectors.actor_told(row, author_id=post.author_id))
                    for row in selectors.history(post)
                ],
            )
        )


class Withdraw(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses=RevisionOut)
    def post(self, request: Request, slug: str) -> Response:
        """Take back what you proposed; what is live stays."""
        caller = principal(request)
        revision = posts.withdraw_post(slug=slug, by=caller)
        return Response(RevisionOut.of(revision, writer=caller))


class Submit(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses=RevisionOut)
    def post(self, request: Request, slug: str) -> Response:
        """Ask the moderators for approval."""
        caller = principal(request)
        revision = posts.submit_post(slug=slug, by=caller)
        return Response(RevisionOut.of(revision, writer=caller))


class MyPosts(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=[*PAGING, STATE], responses=Page[MyPostOut])
    def get(self, request: Request) -> Response:
        """Your posts, live or not, the newest first."""
        caller, state = principal(request), one_of(request, "state", OWN_STATES)
        rows = selectors.posts_of(caller, state=state)
        name = f"mine:{caller.user_id}:{state}"
        return Response(paginate(request, rows, name=name, by="id", render=MyPostOut.of_own))
