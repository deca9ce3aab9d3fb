"""What tests of accounts look at."""

from typing import Any

from tests.factories import Answer, Caller
from toby.accounts.models import Session
from toby.accounts.services import Tokens
from toby.common.session_store import principal_of
from toby.events import AddressConfirmed, RoleChanged, SessionEnded
from toby.outbox.models import OutboxEvent

PASSWORD = "correct horse battery"
REGISTER, LOGIN = "/api/v1/auth/register", "/api/v1/auth/login"
REFRESH, LOGOUT = "/api/v1/auth/refresh", "/api/v1/auth/logout"
ME = "/api/v1/users/me"


def registration(**fields: Any) -> dict[str, Any]:
    return {"email": "ana@toby.example", "username": "ana", "password": PASSWORD, **fields}


def refresh(token: str) -> Answer:
    return Caller().post(REFRESH, {"refresh_token": token})


def is_let_in(access: str) -> bool:
    return bool(Caller(token=access).get(ME).status == 200)


def assert_ended(tokens: Tokens, *, reason: str) -> None:
    """The session is over, in the database, in Redis and for the other services."""
    session = Session.objects.get(id=tokens.session_id)
    assert (session.ended_at is not None, session.end_reason) == (True, reason)
    assert principal_of(tokens.access) is None
    told = [event for event in ended_events() if event.session_id == str(session.id)]
    assert [(event.user_id, event.reason) for event in told] == [(session.user_id, reason)]


def assert_open(tokens: Tokens) -> None:
    assert Session.objects.get(id=tokens.session_id).ended_at is None
    assert principal_of(tokens.access) is not None
    assert not ended_events()


def role_events() -> list[RoleChanged]:
    rows = OutboxEvent.objects.filter(type=RoleChanged.type).order_by("id")
    return [RoleChanged.from_json(bytes(row.data)) for row in rows]


def address_events() -> list[AddressConfirmed]:
    rows = OutboxEvent.objects.filter(type=AddressConfirmed.type).order_by("id")
    return [AddressConfirmed.from_json(bytes(row.data)) for row in rows]


def ended_events() -> list[SessionEnded]:
    rows = OutboxEvent.objects.filter(type=SessionEnded.type).order_by("id")
    return [SessionEnded.from_json(bytes(row.data)) for row in rows]
