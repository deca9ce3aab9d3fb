"""The notifications service's REST endpoints."""

from uuid import UUID

from asgiref.sync import async_to_sync
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common import session_store
from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import SignedIn, principal
from toby.common.views import parsed
from toby.notifications import selectors, services
from toby.notifications.hints import announce
from toby.notifications.inboxes import inbox_of
from toby.notifications.serializers import CountsOut, ItemOut, MarkIn, TicketOut


class Items(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=Page[ItemOut])
    def get(self, request: Request) -> Response:
        """Your notifications, the newest first."""
        user_id = principal(request).user_id
        rows = selectors.items(user_id)
        return Response(
            paginate(request, rows, name=f"items:{user_id}", by="content_seq", render=ItemOut.of)
        )


class OneItem(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(responses=ItemOut)
    def get(self, request: Request, item_id: UUID) -> Response:
        """One of your notifications."""
        return Response(ItemOut.of(selectors.item(principal(request).user_id, item_id)))


class Counts(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(responses=CountsOut)
    def get(self, request: Request) -> Response:
        """How many are unread and unseen, and the sync token that this is of."""
        return Response(CountsOut.of(inbox_of(principal(request).user_id)))


class Mark(APIView):
    """Marks some, or all up to a content_seq, on all devices. Answers with the counts after it."""

    permission_classes = (SignedIn,)
    state = ""

    @extend_schema(request=MarkIn, responses=CountsOut)
    def post(self, request: Request) -> Response:
        inbox, hints = services.mark(
            user_id=principal(request).user_id, state=self.state, **parsed(MarkIn, request)
        )
        async_to_sync(announce)(hints)
        return Response(CountsOut.of(inbox))


class Tickets(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={201: TicketOut})
    def post(self, request: Request) -> Response:
        """A single-use ticket for a browser's WebSocket, sent as its second subprotocol:
        `new WebSocket("/ws/notifications", ["toby.notifications", ticket])`."""
        ticket = session_store.issue_ticket(principal(request))
        return Response(TicketOut(ticket=ticket, expires_in=session_store.TICKET_TTL_S), status=201)
