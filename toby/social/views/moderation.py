"""The moderators' desk."""

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.errors import InvalidInput
from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import (
    Moderator,
    principal,
)
from toby.common.views import no_content, one_of, parsed
from toby.social import selectors
from toby.social.models import Act, State
from toby.social.serializers.moderation import (
    AllDecidedOut,
    ApproveIn,
    ChangesIn,
    ClaimIn,
    DecidedOut,
    DecideIn,
    FeaturePostsIn,
    FeatureTagsIn,
    LogOut,
    QueueCountsOut,
    QueuedOut,
    ReadOut,
    ReasonIn,
    ReasonTemplateOut,
    ReasonTemplatesOut,
    RejectIn,
)
from toby.social.serializers.posts import PostOut
from toby.social.services import comment_takedowns, featuring, moderation, takedowns

LOG_ACT = OpenApiParameter("act", str, description="Only this act.", enum=Act.values)

LOG_ACTOR = OpenApiParameter("actor", str, description="Only what this username did.")

LOG_POST = OpenApiParameter("post", str, description="Only what was done to the post of this slug.")

LOG_USER = OpenApiParameter("user", str, description="Only what was done to this username.")

LOG_FILTERS = [LOG_ACT, LOG_ACTOR, LOG_POST, LOG_USER]

STATES = ("pending", "approved", "rejected", "withdrawn")
QUEUE_FILTERS = [
    OpenApiParameter("state", str, enum=STATES, description="pending if not given."),
    OpenApiParameter("tag", str, description="Only what is to have this tag."),
    OpenApiParameter("author", str, description="Only this username's."),
    OpenApiParameter("claimed", str, enum=["free", "mine", "others"], description="By claim."),
    OpenApiParameter("first_time", bool, description="Only of those of whom nothing is live yet."),
    OpenApiParameter("waiting_since", datetime, description="Only what was submitted before."),
]


def queue_filters(request: Request) -> dict[str, Any]:
    """Raises InvalidInput for what is none."""
    given = request.query_params
    found: dict[str, Any] = {name: given.get(name, "") for name in ("author", "tag")}
    found["state"] = State(one_of(request, "state", STATES) or State.PENDING)
    found["claimed"] = one_of(request, "claimed", ("free", "mine", "others"))
    found["first_time"] = one_of(request, "first_time", ("false", "true")) == "true"
    if (since := given.get("waiting_since")) is not None:
        try:
            moment = parse_datetime(since)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise InvalidInput(("waiting_since", "invalid", "A moment with its time zone."))
        found["waiting_since"] = moment
    return found


class Queue(APIView):
    permission_classes = (Moderator,)

    @extend_schema(parameters=[*PAGING, *QUEUE_FILTERS], responses=Page[QueuedOut])
    def get(self, request: Request) -> Response:
        """Revisions that wait for a decision, those that wait longest first; of what was decided,
        the newest."""
        given = queue_filters(request)
        rows = selectors.queue(seen_by=principal(request), **given)
        page = paginate(
            request,
            rows,
            name=f"queue:{given}",
            by="queue_order",
            render=QueuedOut.of_queued,
            oldest_first=given["state"] == State.PENDING,
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
        revisions = [(row["id"], row["version"]) for row in given.pop("revisions")]
        decided = moderation.decide_on_many(revisions=revisions, by=principal(request), **given)
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


class ReasonTemplates(APIView):
    permission_classes = (Moderator,)

    @extend_schema(responses=ReasonTemplatesOut)
    def get(self, request: Request) -> Response:
        """What moderators often have to say; admins write it in Django admin."""
        rows = selectors.reason_templates()
        results = [ReasonTemplateOut(name=row.name, text=row.text) for row in rows]
        return Response(ReasonTemplatesOut(results=results))


class Approve(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=ApproveIn, responses=PostOut)
    def post(self, request: Request, revision_id: int) -> Response:
        """Make a revision live."""
        given = parsed(ApproveIn, request)
        post = moderation.approve_revision(revision_id=revision_id, by=principal(request), **given)
        return Response(PostOut.of(post, like_count=selectors.like_count(post.slug)))


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
        takedowns.hide_post(slug=slug, by=principal(request), **parsed(ReasonIn, request))
        return no_content()


class UnhidePost(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Put a hidden post back into sight."""
        takedowns.unhide_post(slug=slug, by=principal(request))
        return no_content()


class RemovePost(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=ReasonIn, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Delete somebody's post; for 30 days it can be restored."""
        takedowns.remove_post(slug=slug, by=principal(request), **parsed(ReasonIn, request))
        return no_content()


class RestorePost(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Bring a deleted post back, as it was."""
        takedowns.restore_post(slug=slug, by=principal(request))
        return no_content()


class HideComment(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=ReasonIn, responses={204: None})
    def post(self, request: Request, comment_id: int) -> Response:
        """Take a comment out of everybody's sight."""
        comment_takedowns.hide_comment(
            comment_id=comment_id, by=principal(request), **parsed(ReasonIn, request)
        )
        return no_content()


class RemoveComment(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=ReasonIn, responses={204: None})
    def post(self, request: Request, comment_id: int) -> Response:
        """Delete somebody's comment; for 30 days it can be restored."""
        comment_takedowns.remove_comment(
            comment_id=comment_id, by=principal(request), **parsed(ReasonIn, request)
        )
        return no_content()


class RestoreComment(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, comment_id: int) -> Response:
        """Put a hidden or deleted comment back into sight."""
        comment_takedowns.restore_comment(comment_id=comment_id, by=principal(request))
        return no_content()


class FeaturePosts(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=FeaturePostsIn, responses={204: None})
    def put(self, request: Request) -> Response:
        """Pin just these live posts, in this order; an empty list pins none."""
        featuring.feature_posts(by=principal(request), **parsed(FeaturePostsIn, request))
        return no_content()


class FeatureTags(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=FeatureTagsIn, responses={204: None})
    def put(self, request: Request) -> Response:
        """Pin just these tags, in this order; an empty list pins none."""
        featuring.feature_tags(by=principal(request), **parsed(FeatureTagsIn, request))
        return no_content()


class Log(APIView):
    permission_classes = (Moderator,)

    @extend_schema(parameters=[*PAGING, *LOG_FILTERS], responses=Page[LogOut])
    def get(self, request: Request) -> Response:
        """Who did what, when and why, the newest first."""
        names = ("act", "actor", "post", "user")
        given = {name: request.query_params.get(name, "") for name in names}
        rows = selectors.log(**given)
        name = f"log:{given}"
        return Response(paginate(request, rows, name=name, by="id", render=LogOut.of))
