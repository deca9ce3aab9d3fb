"""No token and no password is where it could be read later."""

import io
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.accounts.support import LOGIN, LOGOUT, PASSWORD, REGISTER, registration
from tests.factories import Caller, make_user, open_session
from toby.accounts.refresh_tokens import RefreshToken
from toby.common import session_store
from toby.common.logging import JSONFormatter
from toby.outbox.models import OutboxEvent

pytestmark = pytest.mark.usefixtures("redis", "db")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that would be written if everything were logged."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(JSONFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield output
    root.setLevel(level)
    root.removeHandler(handler)


def test_tokens_and_refresh_tokens_do_not_show_themselves() -> None:
    given = open_session(make_user())
    assert str(given.session_id) in repr(given)
    for secret in (given.access, given.refresh):
        assert secret not in repr(given)
        assert secret not in str(given)
    token = RefreshToken.first(uuid4())
    for written in (repr(token), str(token), f"{token}", f"{[token]}"):
        assert token.text() not in written
        assert token.secret.hex() not in written
        assert repr(token.secret) not in written


def test_no_secret_gets_into_the_outbox_or_the_log(log: io.StringIO) -> None:
    secrets = [PASSWORD, "a wrong password"]
    Caller().post(REGISTER, registration())
    assert Caller().post(LOGIN, {"email": "ana@toby.example", "password": secrets[1]}).status == 401
    first = Caller().post(LOGIN, {"email": "ana@toby.example", "password": PASSWORD}).body
    second = Caller().post("/api/v1/auth/refresh", {"refresh_token": first["refresh_token"]}).body
    for body in (first, second):
        secrets += [body["access_token"], body["refresh_token"]]
    assert Caller(token=second["access_token"]).post(LOGOUT).status == 204
    for token in secrets[2:]:
        # Refused ones must not be told of either.
        assert Caller(token=token).post(LOGOUT).status == 401
        assert Caller().post("/api/v1/auth/refresh", {"refresh_token": token}).status == 401
    sent = b" ".join(bytes(row.data) for row in OutboxEvent.objects.all()).decode()
    assert OutboxEvent.objects.count() == 3
    assert "ana@toby.example" not in log.getvalue()
    assert "/api/v1/auth/login" in log.getvalue()
    for secret in secrets:
        assert secret not in log.getvalue()
        assert secret not in sent


@pytest.mark.parametrize("store", ["redis_down", "database"])
def test_no_secret_gets_into_the_log_when_a_store_fails(
    store: str,
    log: io.StringIO,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = open_session(make_user("ana", password=PASSWORD))
    if store == "database":
        monkeypatch.setattr(session_store, "open_session", raise_an_error)
    else:
        request.getfixturevalue(store)
    caller = Caller()
    caller.client.raise_request_exception = False
    for path, body in (
        (LOGIN, {"email": "ana@toby.example", "password": PASSWORD}),
        ("/api/v1/auth/refresh", {"refresh_token": given.refresh}),
    ):
        assert caller.post(path, body).status >= 500
    assert log.getvalue()
    for secret in (PASSWORD, given.refresh, given.access):
        assert secret not in log.getvalue()


def raise_an_error(*args: object, **options: object) -> None:
    raise RuntimeError("a bug")
