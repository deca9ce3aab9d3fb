"""Forgetting, resetting and changing a password."""

import re
from collections.abc import Callable

import pytest
from mailer.models import Message

from tests.accounts.support import ME, is_let_in
from tests.clock import Clock
from tests.factories import Answer, Caller, access_token, make_user
from toby.accounts.models import PasswordReset, User
from toby.outbox.models import OutboxEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

OLD, NEW = "correct horse battery", "staple at last, dear"


@pytest.fixture
def ana() -> User:
    return make_user("ana", password=OLD)


def forgot(email: str = "ana@toby.example") -> Answer:
    return Caller().post("/api/v1/auth/password/forgot", {"email": email})


def mailed_secret() -> str:
    found = re.search(r"#(toby_pr_\S+)", Message.objects.order_by("-id")[0].email.body)
    assert found is not None
    return found[1]


def reset(token: str, password: str = NEW) -> Answer:
    return Caller().post("/api/v1/auth/password/reset", {"token": token, "password": password})


def log_in(password: str) -> Answer:
    body = {"email": "ana@toby.example", "password": password}
    return Caller().post("/api/v1/auth/login", body)


def test_a_mailed_link_sets_a_password_ends_all_sessions_and_tells_the_owner(ana: User) -> None:
    session = access_token(ana)
    assert forgot("ANA@toby.example").status == 202
    assert reset(mailed_secret()).status == 204
    assert not is_let_in(session)
    assert [log_in(OLD).status, log_in(NEW).status] == [401, 200]
    told = Message.objects.order_by("-id")[0].email
    assert (told.to, "was changed" in told.subject) == (["ana@toby.example"], True)
    assert OutboxEvent.objects.filter(type="accounts.session_ended.v1").count() == 1


def test_a_link_is_good_once_for_an_hour_and_the_newest_counts(ana: User, clock: Clock) -> None:
    forgot()
    older = mailed_secret()
    forgot()
    newer = mailed_secret()
    assert reset(older).code == "wrong_link"
    assert reset(newer).status == 204
    assert reset(newer).code == "wrong_link"
    forgot()
    clock.advance(hours=1, seconds=1)
    assert reset(mailed_secret()).code == "wrong_link"


@pytest.mark.parametrize("token", ["", "toby_pr_", "toby_pr_AAAA", "x" * 90])
def test_what_is_no_link_is_refused(ana: User, token: str) -> None:
    assert reset(token).status == 400


def test_a_weak_password_does_not_use_the_link_up(ana: User) -> None:
    forgot()
    secret = mailed_secret()
    assert reset(secret, "12345678").code == "invalid_input"
    assert reset(secret).status == 204


def test_a_deactivated_account_cannot_be_reset(ana: User) -> None:
    forgot()
    User.objects.update(is_active=False)
    assert reset(mailed_secret()).code == "wrong_link"


def test_only_a_hash_of_the_link_is_stored(ana: User) -> None:
    forgot()
    assert mailed_secret() not in str(PasswordReset.objects.values().get())


def test_changing_it_keeps_this_session_and_ends_the_others(ana: User) -> None:
    this, other = access_token(ana), access_token(ana)
    body = {"old_password": OLD, "new_password": NEW}
    assert Caller(token=this).post("/api/v1/auth/password/change", body).status == 204
    assert (is_let_in(this), is_let_in(other)) == (True, False)
    assert [log_in(OLD).status, log_in(NEW).status] == [401, 200]


def test_changing_it_asks_for_the_old_one(ana: User) -> None:
    body = {"old_password": "wrong", "new_password": NEW}
    answer = Caller(ana).post("/api/v1/auth/password/change", body)
    assert (answer.status, answer.code) == (403, "wrong_password")
    assert log_in(OLD).status == 200


def test_if_emitting_fails_the_password_is_the_old_one(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, other = Caller(ana), access_token(ana)
    monkeypatch.setattr("toby.accounts.services.sessions.emit", raise_an_error)
    body = {"old_password": OLD, "new_password": NEW}
    with pytest.raises(RuntimeError):
        caller.post("/api/v1/auth/password/change", body)
    assert log_in(OLD).status == 200
    assert is_let_in(other)


def test_sessions_are_listed_and_ended_one_by_one_or_all_but_this(
    ana: User, api: Callable[..., Caller]
) -> None:
    this, others = Caller(ana), [access_token(ana) for _ in range(3)]
    stranger = Caller(make_user())
    rows = this.get("/api/v1/auth/sessions").body["results"]
    assert len(rows) == 4
    assert [row["is_current"] for row in rows].count(True) == 1
    other = next(row["id"] for row in rows if not row["is_current"])
    assert stranger.delete(f"/api/v1/auth/sessions/{other}").status == 404
    assert this.delete(f"/api/v1/auth/sessions/{other}").status == 204
    assert [is_let_in(token) for token in others].count(True) == 2
    assert this.delete("/api/v1/auth/sessions").body == {"ended": 2}
    assert not any(is_let_in(token) for token in others)
    assert this.get(ME).status == 200
    assert this.post("/api/v1/auth/logout-all").body == {"ended": 1}
    assert this.get(ME).status == 401


def raise_an_error(event: object) -> None:
    raise RuntimeError
