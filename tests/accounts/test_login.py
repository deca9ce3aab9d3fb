"""Logging in: who is let in, and that a refusal tells nothing."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from tests.accounts.support import LOGIN, ME, PASSWORD, is_let_in
from tests.factories import Answer, Caller, make_user
from toby.accounts import passwords, services
from toby.accounts.models import Session, User
from toby.accounts.services import Device, InvalidCredentials, log_in, replace_password
from toby.common.session_store import principal_of

pytestmark = pytest.mark.usefixtures("redis", "db")


@pytest.fixture
def ana() -> User:
    return make_user("ana", password=PASSWORD)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each time that Argon2 was at work."""
    done: list[str] = []
    for name in ("encode", "verify"):
        original: Callable[..., Any] = getattr(Argon2PasswordHasher, name)

        def spy(*args: Any, original: Callable[..., Any] = original, name: str = name) -> Any:
            done.append(name)
            return original(*args)

        monkeypatch.setattr(Argon2PasswordHasher, name, spy)
    return done


def login(email: str = "ana@toby.example", password: str = PASSWORD, **fields: object) -> Answer:
    return Caller().post(LOGIN, {"email": email, "password": password, **fields})


def test_a_login_opens_a_session_whose_tokens_work(ana: User) -> None:
    answer = login(" ANA@toby.example ", device_name="Ana's phone")
    assert answer.status == 200
    assert (answer.body["token_type"], answer.body["expires_in"]) == ("Bearer", 900)
    assert answer.body["user"]["username"] == "ana"
    session = Session.objects.get()
    assert (str(session.id), session.user_id) == (answer.body["session_id"], ana.pk)
    assert session.device_name == "Ana's phone"
    principal = principal_of(answer.body["access_token"])
    assert principal is not None
    assert (principal.user_id, principal.session_id) == (ana.pk, str(session.id))
    assert is_let_in(answer.body["access_token"])


def test_each_login_is_a_session_of_its_own(ana: User) -> None:
    first, second = login(), login()
    assert first.body["session_id"] != second.body["session_id"]
    assert is_let_in(first.body["access_token"])


def test_the_database_holds_no_token_and_no_password(ana: User) -> None:
    answer = login()
    session, user = Session.objects.values().get(), User.objects.values().get()
    for secret in (answer.body["access_token"], answer.body["refresh_token"], PASSWORD):
        assert secret not in f"{session} {user}"
    assert user["password"].startswith("argon2")


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(ana: User) -> None:
    wrong, unknown = login(password="wrong"), login("nobody@toby.example")
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    for answer in (wrong, unknown):
        answer.body.pop("request_id")
    assert wrong.body == unknown.body
    assert dict(wrong.headers) == dict(unknown.headers)
    assert not Session.objects.exists()


def test_whoever_is_not_active_is_refused_as_if_unknown(ana: User) -> None:
    User.objects.update(is_active=False)
    assert login().code == "invalid_credentials"
    assert not Session.objects.exists()


def test_every_attempt_costs_one_hash_whatever_is_wrong(ana: User, hashes: list[str]) -> None:
    make_user("without-password")
    inactive = make_user("inactive", is_active=False)
    for email, password in (
        ("ana@toby.example", PASSWORD),
        ("ana@toby.example", "wrong"),
        ("nobody@toby.example", PASSWORD),
        ("without-password@toby.example", PASSWORD),
        (inactive.email, PASSWORD),
    ):
        hashes.clear()
        login(email, password)
        assert len(hashes) == 1, email


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "ana@toby.example"},
        {"email": ["ana@toby.example"], "password": PASSWORD},
        {"email": "ana@toby.example", "password": "x" * 201},
        {"email": "ana@toby.example", "password": PASSWORD, "remember": True},
    ],
)
def test_input_that_is_not_valid_is_refused_before_any_hashing(
    body: dict[str, object], hashes: list[str]
) -> None:
    answer = Caller().post(LOGIN, body)
    assert (answer.status, answer.code) == (400, "invalid_input")
    assert hashes == []


def test_where_a_login_came_from_is_kept_as_far_as_it_fits(ana: User) -> None:
    headers = {"X-Forwarded-For": "2001:db8::7", "User-Agent": "x" * 1000}
    Caller().post(LOGIN, {"email": ana.email, "password": PASSWORD}, **headers)
    session = Session.objects.get()
    assert (session.address, session.user_agent) == ("2001:db8::7", "x" * 300)


@pytest.mark.parametrize("address", ["x" * 100, ":::", "unix:", "10.0.0.1, 10.0.0.2", ""])
def test_an_address_that_is_none_does_not_stop_a_login(ana: User, address: str) -> None:
    body = {"email": ana.email, "password": PASSWORD}
    assert Caller().post(LOGIN, body, **{"X-Forwarded-For": address}).status == 200


def test_a_password_that_was_replaced_while_it_was_checked_opens_nothing(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = passwords.is_password_of

    def check_slowly(user: User | None, password: str) -> bool:
        answer = check(user, password)
        replace_password(user=ana, password="another one, longer")
        return answer

    monkeypatch.setattr(passwords, "is_password_of", check_slowly)
    with pytest.raises(InvalidCredentials):
        log_in(email=ana.email, password=PASSWORD, device=Device())
    assert not Session.objects.exists()


def test_whoever_is_deactivated_while_the_password_is_checked_is_refused(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = passwords.is_password_of

    def check_slowly(user: User | None, password: str) -> bool:
        answer = check(user, password)
        User.objects.update(is_active=False)
        return answer

    monkeypatch.setattr(passwords, "is_password_of", check_slowly)
    with pytest.raises(InvalidCredentials):
        log_in(email=ana.email, password=PASSWORD, device=Device())
    assert not Session.objects.exists()


@pytest.mark.parametrize("redis_is", ["redis_down", "redis_silent"])
def test_without_redis_nobody_is_let_in_and_no_session_is_left(
    ana: User, redis_is: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(redis_is)
    began = time.monotonic()
    answer = login()
    assert time.monotonic() - began < 2
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "unavailable", "1")
    assert not Session.objects.exists()


def test_a_login_shows_the_roles_of_now(ana: User) -> None:
    services.set_role(user=ana, role="moderator")
    answer = login()
    assert answer.body["user"]["roles"] == ["moderator"]
    assert Caller(token=answer.body["access_token"]).get(ME).body["roles"] == ["moderator"]
