"""Whom moderators trust, and what went live by that."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import Moderator, principal
from toby.common.views import no_content
from toby.social import selectors
from toby.social.serializers.moderation import TrustProposalOut, UnseenOut
from toby.social.services import trust


class Unseen(APIView):
    permission_classes = (Moderator,)

    @extend_schema(parameters=PAGING, responses=Page[UnseenOut])
    def get(self, request: Request) -> Response:
        """What went live by trust and no moderator has looked at, the oldest first."""
        page = paginate(
            request,
            selectors.unseen(),
            name="unseen",
            by="unseen_order",
            render=UnseenOut.of_unseen,
            oldest_first=True,
        )
        return Response(page)


class Seen(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, revision_id: int) -> Response:
        """Say that you have looked at it, and it may stay."""
        trust.look_at_revision(revision_id=revision_id, by=principal(request))
        return no_content()


class TrustProposals(APIView):
    permission_classes = (Moderator,)

    @extend_schema(parameters=PAGING, responses=Page[TrustProposalOut])
    def get(self, request: Request) -> Response:
        """Authors of whom enough was approved and nothing rejected, the oldest proposal first."""
        page = paginate(
            request,
            selectors.trust_proposals(),
            name="trust",
            by="proposal_order",
            render=TrustProposalOut.of,
            oldest_first=True,
        )
        return Response(page)


class TrustProposal(APIView):
    permission_classes = (Moderator,)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        """Decline to trust an author for now; their approvals are counted anew."""
        trust.decline_trust(username=username, by=principal(request))
        return no_content()


class Trusted(APIView):
    permission_classes = (Moderator,)

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, username: str) -> Response:
        """Trust an author: what they submit goes live at once, and is looked at later."""
        trust.grant_trust(username=username, by=principal(request))
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        """Trust them no longer: what they submit waits for a decision."""
        trust.revoke_trust(username=username, by=principal(request))
        return no_content()
