"""The notifications service's REST endpoints."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from asgiref.sync import async_to_sync
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from toby.common import session_store
from toby.common.authentication import BearerAuthentication
from toby.common.errors import InvalidInput
from toby.common.openapi import PAGING
from toby.common.pagination import Page, paginate
from toby.common.permissions import Anyone, SignedIn, principal
from toby.common.renderers import timestamp
from toby.common.views import AsyncView, no_content, one_of, parsed, whole
from toby.notifications import selectors, services
from toby.notifications.hints import announce
from toby.notifications.hub import in_thread
from toby.notifications.inboxes import inbox_of
from toby.notifications.mailboxes import mailbox_of, unsubscribing_user
from toby.notifications.models import Kind
from toby.notifications.places import take_place
from toby.notifications.preferences import mutable, preferences_of
from toby.notifications.serializers import (
    ChangesOut,
    CountsOut,
    ItemOut,
    MarkIn,
    MutedOut,
    PreferencesIn,
    PreferencesOut,
    ReadAllOut,
    TicketOut,
    UnsubscribingOut,
)
from toby.notifications.stream_cookie import CookieAuthentication, let_in_by_cookie
from toby.notifications.streams import EventStream, EventStreamResponse, changes_within
from toby.notifications.sync_tokens import BadSyncToken, SyncToken

MOST_WAIT_S = 30


UNREAD = OpenApiParameter("unread", enum=["1"], description="Only those that are not read.")
ARCHIVED = OpenApiParameter("archived", enum=["1"], description="Those that are archived instead.")
KIND = OpenApiParameter("kind", enum=Kind.values, description="Only those of this kind.")


class Items(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=[UNREAD, ARCHIVED, KIND, *PAGING], responses=Page[ItemOut])
    def get(self, request: Request) -> Response:
        """Your notifications, the newest first, but for those that are archived."""
        user_id = principal(request).user_id
        unread, kind = one_of(request, "unread", ["1"]), one_of(request, "kind", Kind.values)
        archived = one_of(request, "archived", ["1"])
        rows = selectors.items(user_id, unread=bool(unread), archived=bool(archived), kind=kind)
        name = f"items:{user_id}:{unread}:{archived}:{kind}"
        language = selectors.language_of(user_id)

        def rendered(row: Sequence[Any]) -> ItemOut:
            return ItemOut.of(selectors.listed_item(row), language)

        return Response(paginate(request, rows, name=name, by="content_seq", render=rendered))


class OneItem(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(responses=ItemOut)
    def get(self, request: Request, item_id: UUID) -> Response:
        """One of your notifications."""
        user_id = principal(request).user_id
        found = selectors.item(user_id, item_id)
        return Response(ItemOut.of(found, selectors.language_of(user_id)))


AFTER = OpenApiParameter("after", str, description="The token up to which you have all.")
WAIT = OpenApiParameter(
    "wait_s",
    {"type": "integer", "minimum": 0, "maximum": MOST_WAIT_S},
    description="How long to wait, in seconds, where nothing has changed yet.",
)


class Changes(AsyncView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=[AFTER, WAIT], responses=ChangesOut)
    async def get(self, request: Request) -> Response:
        """What has changed after a token: for clients that ask again and again. Whoever waits takes
        one of their 20 places for streams and WebSockets: one more is refused with 429."""
        wait_s = whole(request, "wait_s", default=0, most=MOST_WAIT_S)
        after = token_given(request.query_params.get("after", ""))
        changes = await changes_within(principal(request), after, wait_s)
        return Response(ChangesOut.of(changes))


class Stream(AsyncView):
    permission_classes = (SignedIn,)
    authentication_classes = (BearerAuthentication, CookieAuthentication)

    @extend_schema(
        parameters=[
            OpenApiParameter("after", str, description="The token up to which you have all."),
            OpenApiParameter("Last-Event-ID", str, "header", description="The same, and first."),
        ],
        responses={(200, "text/event-stream"): str},
    )
    async def get(self, request: Request) -> EventStreamResponse:
        """The WebSocket's frames that tell of the inbox, `ready`, `item`, `counts` and `reset`, as
        server-sent events. The `data` of each is a frame, its `id` the token up to which you have
        all then. `retry` comes first, in ms, and again before a server goes. After 15 s without an
        event comes an empty comment, as a heartbeat.

        A stock EventSource is let in by the cookie that `tickets` sets, and resumes by itself. A
        user has at most 20 streams, WebSockets and `changes` that wait: one more is refused with
        429. At that, as at any answer but 200, a stock EventSource gives up for good: make another
        one later."""
        caller, after = principal(request), left_off(request)
        place = await in_thread(take_place)(caller.user_id)
        return EventStreamResponse(EventStream(caller, after, place))

    async def head(self, request: Request) -> Response:
        """Not what `get` does: it would go on without an end."""
        return Response(content_type="text/event-stream")


def left_off(request: Request) -> SyncToken | None:
    """None for one who comes for the first time. What an EventSource remembers is no fault of its
    user: a token that is none gets a reset."""
    try:
        if remembered := request.headers.get("Last-Event-ID"):
            return SyncToken.parse(remembered)
    except BadSyncToken:
        return SyncToken("0" * 12, 0)
    given = request.query_params.get("after")
    return None if given is None else token_given(given)


def token_given(text: str) -> SyncToken:
    """Raises InvalidInput."""
    try:
        return SyncToken.parse(text)
    except BadSyncToken as error:
        raise InvalidInput(("after", "invalid", "This is no token of ours.")) from error


class Counts(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(responses=CountsOut)
    def get(self, request: Request) -> Response:
        """How many are unread and unseen, and the sync token that this is of."""
        return Response(CountsOut.of(inbox_of(principal(request).user_id)))


class Mark(APIView):
    state = ""

    @extend_schema(request=MarkIn, responses=CountsOut)
    def post(self, request: Request) -> Response:
        inbox, hints = services.mark(
            user_id=principal(request).user_id, state=self.state, **parsed(MarkIn, request)
        )
        async_to_sync(announce)(hints)
        return Response(CountsOut.of(inbox))


class MarkSeen(Mark):
    """Marks what is unseen as seen, on all devices: it stays unread. Done twice it is done once.
    Answers with the counts after it."""

    permission_classes = (SignedIn,)
    state = "seen"


class MarkRead(Mark):
    """Marks what is unread as read, and as seen with that, on all devices. It stays read when a
    `read-all` is undone. Done twice it is done once. Answers with the counts after it."""

    permission_classes = (SignedIn,)
    state = "read"


class MarkUnread(Mark):
    """Marks what is read as unread, on all devices: it stays seen. By its id, an archived item
    comes back into the list with that; `up_to` is of the list alone. Done twice it is done once.
    Answers with the counts after it."""

    permission_classes = (SignedIn,)
    state = "unread"


class Archive(Mark):
    """Takes out of the list, on all devices, as read and seen: until another fact makes the item
    new again, or you bring it back. Done twice it is done once. Answers with the counts after
    it."""

    permission_classes = (SignedIn,)
    state = "archive"


class Unarchive(Mark):
    """Brings back into the list what is archived, on all devices, as read. `up_to` is of the
    archive. Done twice it is done once. Answers with the counts after it."""

    permission_classes = (SignedIn,)
    state = "unarchive"


class Preferences(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(responses=PreferencesOut)
    def get(self, request: Request) -> Response:
        """What you want to be told, and where."""
        return Response(preferences_shown_to(principal(request).user_id))

    @extend_schema(request=PreferencesIn, responses=PreferencesOut)
    def patch(self, request: Request) -> Response:
        """Changes what is named, and nothing else: of two changes of the same the last holds."""
        user_id = principal(request).user_id
        hints = services.change_preferences(user_id=user_id, **parsed(PreferencesIn, request))
        async_to_sync(announce)(hints)
        return Response(preferences_shown_to(user_id))


def preferences_shown_to(user_id: int) -> PreferencesOut:
    return PreferencesOut.of(inbox_of(user_id), mailbox_of(user_id), preferences_of(user_id))


class Unsubscribing(APIView):
    """The link in a digest's header (RFC 8058). Mail programs open such links by themselves: only
    POST ends anything, and what is in its body is not read."""

    permission_classes = (Anyone,)

    @extend_schema(responses=UnsubscribingOut)
    def get(self, request: Request, token: str) -> Response:
        """How often digests come to whoever was sent this link; changes nothing."""
        mailbox = mailbox_of(unsubscribing_user(token))
        return Response(UnsubscribingOut(digest=mailbox.digest))

    @extend_schema(request=None, responses=UnsubscribingOut)
    def post(self, request: Request, token: str) -> Response:
        """Ends digests to whoever was sent this link, without a login."""
        user_id = unsubscribing_user(token)
        services.end_digests(user_id=user_id)
        return Response(UnsubscribingOut(digest=mailbox_of(user_id).digest))


class AllMuted(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(parameters=PAGING, responses=Page[MutedOut])
    def get(self, request: Request) -> Response:
        """The posts and threads that you want to hear nothing more of, the last muted first."""
        user_id = principal(request).user_id
        rows = selectors.muted(user_id)
        return Response(
            paginate(request, rows, name=f"muted:{user_id}", by="id", render=MutedOut.of)
        )


class Muting(APIView):
    permission_classes = (SignedIn,)
    what = ""

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, subject_id: int) -> Response:
        """Hear nothing more of a post, or of the comments in a thread: by the `thread_id` that each
        of them has. Whoever does what there, but what moderators decide. What you have been told
        stays."""
        subject = mutable(self.what, subject_id)
        services.mute(user_id=principal(request).user_id, subject=subject)
        return no_content()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, subject_id: int) -> Response:
        """Hear of it again, from now on."""
        subject = mutable(self.what, subject_id)
        services.unmute(user_id=principal(request).user_id, subject=subject)
        return no_content()


class ReadAll(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses=ReadAllOut)
    def post(self, request: Request) -> Response:
        """Marks all that is unread as read, on all devices; it can be undone for a day. Asked again
        while nothing is unread, it answers with the same `id`."""
        operation, inbox, hints = services.read_all(user_id=principal(request).user_id)
        async_to_sync(announce)(hints)
        until = timestamp(operation.at + services.READ_ALL_KEPT_FOR)
        counts = msgspec.structs.asdict(CountsOut.of(inbox))
        return Response(ReadAllOut(id=str(operation.id), undo_until=until, **counts))


class OneReadAll(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(responses={200: CountsOut})
    def delete(self, request: Request, operation_id: UUID) -> Response:
        """Makes unread again what this has read. What was read by itself since, archived, or made
        new, stays as it is."""
        inbox, hints = services.undo_read_all(
            user_id=principal(request).user_id, operation_id=operation_id
        )
        async_to_sync(announce)(hints)
        return Response(CountsOut.of(inbox))


class Tickets(APIView):
    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={201: TicketOut})
    def post(self, request: Request) -> Response:
        """A single-use ticket for a browser's WebSocket, sent as its second subprotocol:
        `new WebSocket("/ws/notifications", ["toby.notifications.v1", ticket])`. With it comes the
        cookie for `new EventSource("/api/v1/notifications/stream")`."""
        caller = principal(request)
        ticket = session_store.issue_ticket(caller)
        told = TicketOut(ticket=ticket, expires_in=session_store.TICKET_TTL_S)
        response = Response(told, status=201)
        let_in_by_cookie(response, caller)
        return response
