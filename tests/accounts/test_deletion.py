"""Deleting one's account, undoing it, and what is left."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from mailer.models import Message

from tests.accounts.support import ME, PASSWORD, assert_ended, is_let_in
from tests.clock import Clock
from tests.factories import Answer, Caller, access_token, make_user, open_session
from toby.accounts import services
from toby.accounts.jobs import delete_accounts
from toby.accounts.models import AccountDeletion, HeldUsername, PersonalAccessToken, Session, User
from toby.common.session_store import principal_of
from toby.events import SessionEnded, UserDeleted
from toby.exports.models import Export
from toby.outbox.models import OutboxEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana", password=PASSWORD, bio="Tides.")


def ask(user: User, password: str = PASSWORD) -> Answer:
    return Caller(user).call("DELETE", ME, {"password": password})


def undo(secret: str) -> Answer:
    return Caller().post("/api/v1/auth/deletion/undo", {"token": secret})


def log_in() -> Answer:
    body = {"email": "ana@toby.example", "password": PASSWORD}
    return Caller().post("/api/v1/auth/login", body)


def mailed_secret() -> str:
    mail = Message.objects.order_by("-id")[0].email
    assert mail.to == ["ana@toby.example"]
    found = re.search(r"/undo-deletion#(toby_pr_\S+)", mail.body)
    assert found is not None
    return found[1]


def test_it_asks_for_the_password_and_closes_the_account_at_once(ana: User, clock: Clock) -> None:
    tokens = open_session(ana)
    assert ask(ana, "wrong").code == "wrong_password"
    assert is_let_in(tokens.access)
    answer = ask(ana)
    assert answer.status == 202
    assert AccountDeletion.objects.get().due_at.isoformat()[:26] == answer.body["deletes_at"][:26]
    assert (AccountDeletion.objects.get().due_at - clock.now).days == 14
    assert not is_let_in(tokens.access)
    assert_ended(tokens, reason="deleted")
    assert log_in().code == "invalid_credentials"
    assert Caller().get("/api/v1/users/ana").status == 404


def test_a_scripts_token_ends_with_it_and_its_sockets_are_told(ana: User) -> None:
    issued = services.issue_token(user_id=ana.pk, name="x", scopes=["write"], days=1)
    access = services.trade_token(token=issued.token).access
    assert Caller(token=access).call("DELETE", ME, {"password": PASSWORD}).status == 403
    ask(ana)
    assert principal_of(access) is None
    told = OutboxEvent.objects.filter(type=SessionEnded.type)
    ended = {SessionEnded.from_json(bytes(row.data)).session_id for row in told}
    assert str(issued.row.id) in ended


def test_the_mailed_link_undoes_it_for_fourteen_days(ana: User, clock: Clock) -> None:
    ask(ana)
    secret = mailed_secret()
    clock.advance(days=13, hours=23)
    assert delete_accounts() == 0
    assert undo(secret).status == 204
    assert log_in().status == 200
    assert Caller().get("/api/v1/users/ana").status == 200
    assert undo(secret).code == "wrong_link"
    clock.advance(days=30)
    assert delete_accounts() == 0
    assert User.objects.get().username == "ana"


def test_it_cannot_be_undone_once_its_time_is_over(ana: User, clock: Clock) -> None:
    ask(ana)
    secret = mailed_secret()
    clock.advance(days=14)
    assert undo(secret).code == "wrong_link"
    assert delete_accounts() == 1
    assert undo(secret).code == "wrong_link"
    with pytest.raises(services.AccountDeleted):
        services.reactivate(user=ana)


@pytest.mark.parametrize("secret", ["", "toby_pr_", "x" * 90])
def test_what_is_no_link_is_refused(secret: str) -> None:
    assert undo(secret).status == 400


def test_an_operator_can_undo_it(ana: User, clock: Clock) -> None:
    ask(ana)
    services.reactivate(user=ana)
    clock.advance(days=15)
    assert delete_accounts() == 0
    assert log_in().status == 200


def test_nothing_of_the_person_is_left_and_the_address_is_free(ana: User, clock: Clock) -> None:
    Caller(ana).call("PATCH", ME, {"username": "anna"})
    services.issue_token(user_id=ana.pk, name="x", scopes=["read"], days=99)
    Caller(ana).post("/api/v1/users/me/export")
    Caller().post("/api/v1/auth/password/forgot", {"email": "ana@toby.example"})
    ask(ana)
    clock.advance(days=15)
    assert delete_accounts() == 1
    left: dict[str, Any] = {**User.objects.values().get()}
    del left["created_at"], left["deleted_at"], left["version"]
    assert left.pop("password").startswith("!")
    assert left == {
        "id": ana.pk,
        "last_login": None,
        "is_superuser": False,
        "email": "",
        "email_key": f"deleted.{ana.pk}",
        "username": f"deleted.{ana.pk}",
        "username_key": f"deleted.{ana.pk}",
        "display_name": "Deleted user",
        "bio": "",
        "picture_url": "",
        "is_active": False,
    }
    for model in (Session, PersonalAccessToken, AccountDeletion, Export):
        assert not model._default_manager.exists()
    event = UserDeleted.from_json(bytes(OutboxEvent.objects.get(type=UserDeleted.type).data))
    assert (event.user_id, event.version) == (ana.pk, 4)
    assert Message.objects.order_by("-id")[0].email.to == ["ana@toby.example"]
    taken = {"email": "ana@toby.example", "password": PASSWORD}
    assert Caller().post("/api/v1/auth/register", {**taken, "username": "ana2"}).status == 201
    other = {"email": "o@toby.example", "password": PASSWORD}
    assert Caller().post("/api/v1/auth/register", {**other, "username": "anna"}).status == 409
    assert HeldUsername.objects.filter(user=ana).count() == 2


def test_if_emitting_fails_nothing_has_changed(
    ana: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(ana)
    clock.advance(days=15)
    monkeypatch.setattr("toby.accounts.services.deletion.emit", raise_an_error)
    with pytest.raises(RuntimeError):
        delete_accounts()
    assert User.objects.get().username == "ana"
    assert AccountDeletion.objects.exists()


def test_a_command_deletes_what_is_due_and_says_before_what_it_would(
    ana: User, clock: Clock
) -> None:
    def purge(*options: str) -> list[dict[str, object]]:
        printed = StringIO()
        call_command("purge_accounts", "--json", *options, stdout=printed)
        return list(json.loads(printed.getvalue()))

    ask(ana)
    assert purge() == []
    clock.advance(days=15)
    assert [row["user"] for row in purge("--dry-run")] == [ana.pk]
    assert User.objects.get().username == "ana"
    assert [row["user"] for row in purge()] == [ana.pk]
    assert User.objects.get().deleted_at is not None
    assert purge() == []


def test_asking_twice_is_not_possible_since_the_first_ends_all_sessions(ana: User) -> None:
    caller = Caller(token=access_token(ana))
    assert caller.call("DELETE", ME, {"password": PASSWORD}).status == 202
    assert caller.call("DELETE", ME, {"password": PASSWORD}).status == 401


def raise_an_error(event: object) -> None:
    raise RuntimeError(event)
