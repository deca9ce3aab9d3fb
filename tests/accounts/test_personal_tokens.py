"""Personal access tokens: for scripts, scoped, expiring, traded for access tokens."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.accounts.support import ME, is_let_in
from tests.clock import Clock
from tests.factories import Answer, Caller, make_user
from toby.accounts import services
from toby.accounts.models import PersonalAccessToken, User
from toby.accounts.services import personal_tokens
from toby.common.session_store import principal_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

TOKENS = "/api/v1/auth/tokens"


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def issue(caller: Caller, *scopes: str, days: int = 30) -> Answer:
    body = {"name": "backup", "scopes": list(scopes or ("read",)), "days": days}
    return caller.post(TOKENS, body)


def trade(token: str) -> Answer:
    return Caller().post(f"{TOKENS}/trade", {"token": token})


def test_a_token_is_shown_once_and_only_its_hash_is_stored(ana: User) -> None:
    caller = Caller(ana)
    made = issue(caller, "write", "read")
    token = made.body["token"]
    assert token.startswith("toby_pt_")
    assert made.body["personal_token"]["scopes"] == ["read", "write"]
    assert token not in str(PersonalAccessToken.objects.values().get())
    assert token not in str(caller.get(TOKENS).body)
    assert token not in repr(services.issue_token(user_id=ana.pk, name="x", scopes=[], days=1))


def test_it_is_traded_for_access_of_its_scopes(ana: User) -> None:
    token = issue(Caller(ana)).body["token"]
    traded = trade(token)
    assert traded.body["expires_in"] == 900
    script = Caller(token=traded.body["access_token"])
    assert script.get(ME).status == 200
    assert script.post("/api/v1/posts", {"title": "t", "body": "b"}).status == 403
    assert Caller(ana).get(TOKENS).body["results"][0]["last_used_at"] is not None


def test_revoking_ends_what_it_was_traded_for(ana: User) -> None:
    caller = Caller(ana)
    made = issue(caller)
    access = trade(made.body["token"]).body["access_token"]
    token_id = made.body["personal_token"]["id"]
    assert Caller(make_user()).delete(f"{TOKENS}/{token_id}").status == 404
    assert caller.delete(f"{TOKENS}/{token_id}").status == 204
    assert not is_let_in(access)
    assert trade(made.body["token"]).code == "invalid_personal_token"
    assert caller.get(TOKENS).body["results"] == []


def test_it_ends_with_its_days_and_access_ends_no_later(ana: User, clock: Clock) -> None:
    token = issue(Caller(ana), days=1).body["token"]
    clock.advance(days=1, seconds=-60)
    assert trade(token).body["expires_in"] <= 61
    clock.advance(seconds=61)
    assert trade(token).status == 401


def test_deactivation_ends_it_and_a_role_reaches_it(ana: User) -> None:
    token = issue(Caller(ana)).body["token"]
    access = trade(token).body["access_token"]
    services.set_role(user=ana, role="moderator")
    principal = principal_of(access)
    assert principal is not None
    assert (principal.roles, principal.scopes) == (("moderator",), ("read",))
    services.deactivate(user=ana)
    assert principal_of(access) is None
    assert trade(token).status == 401


@pytest.mark.parametrize("token", ["", "x", "toby_pt_x", "toby_at_" + "A" * 48])
def test_what_is_no_token_is_refused(token: str) -> None:
    assert trade(token).status in {400, 401}


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "scopes": [], "days": 1},
        {"name": "x", "scopes": ["everything"], "days": 1},
        {"name": "x", "scopes": ["read"], "days": 0},
        {"name": "x", "scopes": ["read"], "days": 400},
        {"name": "", "scopes": ["read"], "days": 1},
    ],
)
def test_what_cannot_be_is_refused(ana: User, body: dict[str, object]) -> None:
    assert Caller(ana).post(TOKENS, body).code == "invalid_input"


def test_there_is_an_end_to_how_many(ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal_tokens, "MOST", 1)
    caller = Caller(ana)
    assert issue(caller).status == 201
    assert issue(caller).code == "too_many_tokens"


def test_the_command_makes_one_that_works(ana: User) -> None:
    def run(*more: str) -> dict[str, str]:
        printed = StringIO()
        call_command("issue_token", "ana", "--name", "cron", "--json", *more, stdout=printed)
        return dict(json.loads(printed.getvalue()))

    assert "token" not in run("--dry-run")
    assert not PersonalAccessToken.objects.exists()
    made = run("--scope", "read", "--scope", "write")
    assert made["scopes"] == "read,write"
    assert trade(made["token"]).status == 200
    with pytest.raises(CommandError):
        run("--days", "0")
