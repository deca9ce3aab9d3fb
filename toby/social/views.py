"""The social service's endpoints."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from django.http import HttpResponse
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.errors import InvalidInput
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
from toby.common.renderers import Out
from toby.common.views import no_content, one_of, parsed
from toby.social import selectors
from toby.social.models import Act, TimelineEntry
from toby.social.rendering import render
from toby.social.serializers import (
    ActOut,
    AllDecidedOut,
    ApproveIn,
    ChangesIn,
    ClaimIn,
    CommentIn,
    CommentOut,
    DecidedOut,
    DecideIn,
    HistoryOut,
    LogOut,
    PostDetailOut,
    PostIn,
    PostOut,
    PreviewIn,
    PreviewOut,
    ProfileOut,
    QueueCountsOut,
    QueuedOut,
    ReadOut,
    ReasonIn,
    RejectIn,
    RevisionOut,
)
from toby.social.services import comments, follows, idempotency, moderation, posts

LOG_ACT = OpenApiParameter("act", str, description="Only this act.", enum=Act.values)
LOG_ACTOR = OpenApiParameter("actor", str, description="Only what this username did.")
LOG_POST = OpenApiParameter("post", str, description="Only what was done to the post of this slug.")


IF_MATCH = OpenApiParameter(
    "If-Match", str, "header", description="The ETag of what you saw: 412 if it has changed since."
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{0,100}$"},
    "header",
    description="Your own, for a day: what is asked again under it is done once.",
)
QUEUE_FILTERS = [
    OpenApiParameter("author", str, description="Only this username's."),
    OpenApiParameter("claimed", str, enum=["free", "mine", "others"], description="By claim."),
    OpenApiParameter("first_time", bool, description="Only of those of whom nothing is live yet."),
    OpenApiParameter("waiting_since", datetime, description="Only what was submitted before."),
]


def created(request: Request, work: Callable[[], Out]) -> HttpResponse:
    """201 with what `work` makes; made once for an Idempotency-Key."""
    asked = f"{request.method} {request.path}\n".encode() + msgspec.json.encode(request.data)
    answer, was_given = idempotency.once(
        key=request.headers.get("Idempotency-Key", ""),
        by=principal(request),
        fingerprint=hashlib.sha256(asked).hexdigest(),
        work=lambda: msgspec.json.encode(work()),
    )
    headers = {"Idempotency-Replayed": "true"} if was_given else None
    return HttpResponse(answer, status=201, content_type="application/json", headers=headers)


def queue_filters(request: Request) -> dict[str, Any]:
    """Raises InvalidInput for what is none."""
    given = request.query_params
    found: dict[str, Any] = {"author": given.get("author", "")}
    found["claimed"] = one_of(request, "claimed", ("", "free", "mine", "others"))
    found["first_time"] = one_of(request, "first_time", ("", "false", "true")) == "true"
    if (since := given.get("waiting_since")) is not None:
        try:
            moment = parse_datetime(since)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise InvalidInput(("waiting_since", "invalid", "A moment with its time zone."))
        found["waiting_since"] = moment
    return found


class Posts(APIView):
    permission_classes = (SignedInToWrite,)

    @extend_schema(parameters=PAGING, responses=Page[PostOut])
    def get(self, request: Request) -> Response:
        """Live posts, the newest first."""
        rows = selectors.live_posts()
        return Response(paginate(request, rows, name="posts", by="live_order", render=PostOut.of))

    @extend_schema(request=PostIn, responses={201: PostDetailOut}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request) -> HttpResponse:
        """Write a post: a draft that only you see."""
        caller, given = principal(request), parsed(PostIn, request)

        def work() -> PostDetailOut:
            draft = posts.create_post(by=caller, **given)
            return PostDetailOut.of_post(draft.post, draft)

        return created(request, work)


class Preview(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=PreviewIn, responses=PreviewOut)
    def post(self, request: Request) -> Response:
        """What a body will look like; nothing is kept."""
        rendered = render(parsed(PreviewIn, request)["body"])
        return Response(PreviewOut(html=rendered.html, mentions=list(rendered.mentions)))


class OnePost(APIView):
    permission_classes = (SignedInToWrite,)

    @extend_schema(responses=PostDetailOut)
    def get(self, request: Request, slug: str) -> Response:
        """One post; what is not live, to its author and moderators only."""
        caller = principal_or_none(request)
        post = selectors.post(slug, seen_by=caller)
        proposed = selectors.open_revision(post, seen_by=caller)
        tag = {"ETag": selectors.etag(post, proposed)}
        return Response(PostDetailOut.of_post(post, proposed), headers=tag)

    @extend_schema(request=PostIn, responses=RevisionOut, parameters=[IF_MATCH])
    def put(self, request: Request, slug: str) -> Response:
        """Change your draft, or propose a change of what is live."""
        revision = posts.propose_edit(
            slug=slug,
            by=principal(request),
            if_match=request.headers.get("If-Match", ""),
            **parsed(PostIn, request),
        )
        tag = {"ETag": selectors.etag(revision.post, revision)}
        return Response(RevisionOut.of(revision), headers=tag)

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
                acts=[ActOut.of(row) for row in selectors.history(post)],
            )
        )


class Withdraw(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses=RevisionOut)
    def post(self, request: Request, slug: str) -> Response:
        """Take back what you proposed; what is live stays."""
        return Response(RevisionOut.of(posts.withdraw_post(slug=slug, by=principal(request))))


class Submit(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses=RevisionOut)
    def post(self, request: Request, slug: str) -> Response:
        """Ask the moderators for approval."""
        return Response(RevisionOut.of(posts.submit_post(slug=slug, by=principal(request))))


class Comments(APIView):
    permission_classes = (SignedInToWrite,)

    @extend_schema(parameters=PAGING, responses=Page[CommentOut])
    def get(self, request: Request, slug: str) -> Response:
        """Comments on a post, the newest first."""
        post = selectors.post(slug, seen_by=principal_or_none(request))
        rows = selectors.comments_on(post)
        return Response(
            paginate(request, rows, name=f"comments:{post.pk}", by="id", render=CommentOut.of)
        )

    @extend_schema(request=CommentIn, responses={201: CommentOut}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Comment on a live post."""
        caller, given = principal(request), parsed(CommentIn, request)

        def work() -> CommentOut:
            return CommentOut.of(comments.add_comment(slug=slug, by=caller, **given))

        return created(request, work)


class MyPosts(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=Page[PostOut])
    def get(self, request: Request) -> Response:
        """Your posts, live or not, the newest first."""
        caller = principal(request)
        rows = selectors.posts_of(caller)
        return Response(
            paginate(request, rows, name=f"mine:{caller.user_id}", by="id", render=PostOut.of)
        )


class Feed(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=Page[PostOut])
    def get(self, request: Request) -> Response:
        """Live posts of those you follow, the newest first."""
        caller = principal(request)

        def render(entry: TimelineEntry) -> PostOut:
            return PostOut.of(entry.post)

        rows = selectors.feed_of(caller)
        return Response(
            paginate(request, rows, name=f"feed:{caller.user_id}", by="live_order", render=render)
        )


class OneProfile(APIView):
    permission_classes = (Anyone,)

    @extend_schema(responses=ProfileOut)
    def get(self, request: Request, username: str) -> Response:
        """What somebody is among others."""
        profile = selectors.profile(username)
        followed = selectors.follows(principal_or_none(request), profile.pk)
        return Response(ProfileOut.of(profile, followed_by_me=followed))


class Following(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, username: str) -> Response:
        """Follow somebody; following twice is following."""
        follows.follow(username=username, by=principal(request))
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        """Follow somebody no longer."""
        follows.unfollow(username=username, by=principal(request))
        return no_content()


class Queue(APIView):
    permission_classes = (Moderator,)

    @extend_schema(parameters=[*PAGING, *QUEUE_FILTERS], responses=Page[QueuedOut])
    def get(self, request: Request) -> Response:
        """Revisions that wait for a decision, those that wait longest first."""
        given = queue_filters(request)
        rows = selectors.queue(seen_by=principal(request), **given)
        page = paginate(
            request,
            rows,
            name=f"queue:{given}",
            by="queue_order",
            render=QueuedOut.of_queued,
            oldest_first=True,
        )
        return Response(page)


class QueueCounts(APIView):
    permission_classes = (Moderator,)

    @extend_schema(responses=QueueCountsOut)
    def get(self, request: Request) -> Response:
        """How much waits."""
        return Response(QueueCountsOut.of(selectors.queue_counts(seen_by=principal(request))))


class OneRevision(APIView):
    permission_classes = (Moderator,)

    @extend_schema(responses=ReadOut)
    def get(self, request: Request, revision_id: int) -> Response:
        """A revision to be read: what it changes, and how it will look."""
        found = selectors.revision(revision_id, seen_by=principal(request))
        return Response(ReadOut.of_read(found))


class Claim(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=ClaimIn, responses=QueuedOut)
    def post(self, request: Request, revision_id: int) -> Response:
        """Say that you are reading it: for 15 minutes nobody else decides on it."""
        caller = principal(request)
        moderation.claim_revision(revision_id=revision_id, by=caller, **parsed(ClaimIn, request))
        return Response(QueuedOut.of_queued(selectors.revision(revision_id, seen_by=caller)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, revision_id: int) -> Response:
        """Leave it to others."""
        moderation.release_revision(revision_id=revision_id, by=principal(request))
        return no_content()


class Decide(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=DecideIn, responses=AllDecidedOut)
    def post(self, request: Request) -> Response:
        """Decide on up to 100 at once, with one reason; the answer says what became of each."""
        given = parsed(DecideIn, request)
        if given["act"] != "approve" and not given.get("reason", "").strip():
            raise moderation.ReasonMissing
        decided = moderation.decide_on_many(
            act=given["act"],
            revisions=[(row["id"], row["version"]) for row in given["revisions"]],
            by=principal(request),
            reason=given.get("reason", ""),
        )
        results = [
            DecidedOut(
                id=one.revision_id,
                ok=one.refused is None,
                code=one.refused.code if one.refused else None,
                detail=one.refused.detail if one.refused else None,
            )
            for one in decided
        ]
        return Response(AllDecidedOut(results=results))


class Approve(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=ApproveIn, responses=PostOut)
    def post(self, request: Request, revision_id: int) -> Response:
        """Make a revision live."""
        given = parsed(ApproveIn, request)
        post = moderation.approve_revision(revision_id=revision_id, by=principal(request), **given)
        return Response(PostOut.of(post))


class Reject(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=RejectIn, responses={204: None})
    def post(self, request: Request, revision_id: int) -> Response:
        """Refuse a revision, with a reason for its author."""
        given = parsed(RejectIn, request)
        moderation.reject_revision(revision_id=revision_id, by=principal(request), **given)
        return no_content()


class RequestChanges(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=ChangesIn, responses={204: None})
    def post(self, request: Request, revision_id: int) -> Response:
        """Give a pending revision back to its author, who can change it and submit it again."""
        moderation.request_changes(
            revision_id=revision_id, by=principal(request), **parsed(ChangesIn, request)
        )
        return no_content()


class HidePost(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=ReasonIn, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Take a live post out of sight of all but its author."""
        moderation.hide_post(slug=slug, by=principal(request), **parsed(ReasonIn, request))
        return no_content()


class UnhidePost(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Put a hidden post back into sight."""
        moderation.unhide_post(slug=slug, by=principal(request))
        return no_content()


class RemovePost(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=ReasonIn, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Delete somebody's post; for 30 days it can be restored."""
        moderation.remove_post(slug=slug, by=principal(request), **parsed(ReasonIn, request))
        return no_content()


class RestorePost(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Bring a deleted post back, as it was."""
        moderation.restore_post(slug=slug, by=principal(request))
        return no_content()


class Log(APIView):
    permission_classes = (Moderator,)

    @extend_schema(parameters=[*PAGING, LOG_ACT, LOG_ACTOR, LOG_POST], responses=Page[LogOut])
    def get(self, request: Request) -> Response:
        """Who did what, when and why, the newest first."""
        given = {name: request.query_params.get(name, "") for name in ("act", "actor", "post")}
        rows = selectors.log(**given)
        name = f"log:{given}"
        return Response(paginate(request, rows, name=name, by="id", render=LogOut.of))
