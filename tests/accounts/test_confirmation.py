"""Registering by a mailed code: what is held, what is told, and what is not."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from mailer.models import Message
from pytest_django import Settings

from tests.clock import Clock
from tests.factories import Answer, Caller, make_user
from toby.accounts.jobs import purge_expired
from toby.accounts.models import Registration, User
from toby.common.request_id import request_id
from toby.outbox.models import OutboxEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def by_mail(settings: Settings) -> None:
    settings.REGISTRATION = "mail"


def register(username: str = "ana", email: str = "ana@toby.example") -> Answer:
    body = {"email": email, "username": username, "password": PASSWORD}
    return Caller().post("/api/v1/auth/register", body)


def mails() -> list[Any]:
    return [message.email for message in Message.objects.order_by("id")]


def last_code() -> str:
    found = re.search(r"^ {4}(\d{6})$", mails()[-1].body, re.MULTILINE)
    assert found is not None
    return found[1]


def show(registration_id: str, code: str) -> Answer:
    body = {"registration_id": registration_id, "code": code}
    return Caller().post("/api/v1/auth/verify-email", body)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_an_account_exists_once_its_code_is_shown_and_not_before() -> None:
    answer = register()
    assert answer.status == 202
    assert answer.body["code_expires_in"] == 600
    assert not User.objects.exists()
    assert not OutboxEvent.objects.exists()
    made = show(answer.body["registration_id"], last_code())
    assert (made.status, made.body["username"]) == (201, "ana")
    told = OutboxEvent.objects.order_by("id").values_list("type", flat=True)
    assert list(told) == ["accounts.user_registered.v1", "accounts.address_confirmed.v1"]
    assert not Registration.objects.exists()
    login = {"email": "ana@toby.example", "password": PASSWORD}
    assert Caller().post("/api/v1/auth/login", login).status == 200


def test_a_code_is_good_once() -> None:
    registration_id = register().body["registration_id"]
    code = last_code()
    assert show(registration_id, code).status == 201
    assert show(registration_id, code).code == "wrong_code"


def test_after_five_wrong_tries_the_right_code_is_wrong_too() -> None:
    registration_id = register().body["registration_id"]
    code = last_code()
    for _ in range(5):
        assert show(registration_id, wrong(code)).code == "wrong_code"
    assert show(registration_id, code).code == "wrong_code"
    assert not User.objects.exists()


def test_a_code_is_good_for_ten_minutes(clock: Clock) -> None:
    registration_id = register().body["registration_id"]
    clock.advance(minutes=10, seconds=1)
    assert show(registration_id, last_code()).code == "wrong_code"


def test_a_new_code_makes_the_old_one_void_and_gives_new_tries() -> None:
    registration_id = register().body["registration_id"]
    old = last_code()
    for _ in range(5):
        show(registration_id, wrong(old))
    resent = Caller().post("/api/v1/auth/resend-code", {"registration_id": registration_id})
    assert resent.status == 202
    new = last_code()
    if old != new:
        assert show(registration_id, old).code == "wrong_code"
    assert show(registration_id, new).status == 201


def test_a_registration_that_is_not_known_is_answered_alike() -> None:
    unknown = "018f3a1c-0000-7000-8000-000000000001"
    assert Caller().post("/api/v1/auth/resend-code", {"registration_id": unknown}).status == 202
    assert show(unknown, "123456").code == "wrong_code"


def test_a_username_is_held_while_its_code_is_awaited_and_free_a_day_later(clock: Clock) -> None:
    register()
    assert register("ANA", "other@toby.example").code == "username_taken"
    clock.advance(days=1, seconds=1)
    assert register("ANA", "other@toby.example").status == 202
    assert purge_expired() == 0


@pytest.mark.parametrize("username", ["admin", "Moderator", "API"])
def test_reserved_words_are_taken(username: str) -> None:
    assert register(username).code == "username_taken"


def test_each_who_registers_an_address_confirms_their_own() -> None:
    """Else one could set the password of an account that somebody else confirms."""
    first = register("first").body["registration_id"]
    first_code = last_code()
    second = register("second").body["registration_id"]
    second_code = last_code()
    if first_code != second_code:
        assert show(first, second_code).status == 400
    assert show(second, second_code).body["username"] == "second"
    # The address has an account now: the other registration comes too late.
    assert show(first, first_code).status == 409
    assert User.objects.count() == 1


class TestNobodyLearnsWhetherAnAddressHasAnAccount:
    def both(self, act: Callable[[str], Answer]) -> list[tuple[Any, ...]]:
        """What is answered and done for an address with an account, and for one without."""
        make_user("ana", password=PASSWORD)
        done = []
        for address in ("ana@toby.example", "nobody@toby.example"):
            Message.objects.all().delete()
            with (
                request_id("the-same-id"),
                CaptureQueriesContext(
                    connection,
                ) as queries,
            ):
                answer = act(address)
            statements = [shape(query["sql"]) for query in queries.captured_queries]
            mails_queued = Message.objects.count()
            done.append((answer.status, keys(answer.body), statements, mails_queued))
        return done

    def test_by_registering(self) -> None:
        names = iter(["first", "second"])
        known, unknown = self.both(lambda address: register(next(names), address))
        assert known == unknown
        assert known[0] == 202
        assert known[3] == 1

    def test_by_forgetting(self) -> None:
        known, unknown = self.both(
            lambda address: Caller().post("/api/v1/auth/password/forgot", {"email": address})
        )
        assert known == unknown
        assert known[0] == 202
        assert known[3] == 1

    def test_by_logging_in_and_one_hash_is_made_for_both(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hashes = []
        for name in ("make_password", "check_password"):
            work = getattr(__import__("toby.accounts.passwords", fromlist=[name]), name)

            def counted(*args: Any, work: Any = work, name: str = name) -> Any:
                hashes.append(name)
                return work(*args)

            monkeypatch.setattr(f"toby.accounts.passwords.{name}", counted)
        known, unknown = self.both(
            lambda address: Caller().post(
                "/api/v1/auth/login", {"email": address, "password": "wrong"}
            )
        )
        assert known == unknown
        assert known[0] == 401
        assert len(hashes) == 2

    def test_the_owner_of_an_address_is_told_and_nothing_can_be_confirmed(self) -> None:
        make_user("ana")
        registration_id = register("other").body["registration_id"]
        assert mails()[-1].to == ["ana@toby.example"]
        assert "has one already" in mails()[-1].body
        assert not re.search(r"\d{6}", mails()[-1].body)
        row = Registration.objects.get(id=registration_id)
        for code in ("000000", row.code_hash):
            assert show(registration_id, code).code in {"wrong_code", "invalid_input"}


def test_mails_are_text_and_html() -> None:
    register()
    mail = mails()[-1]
    assert mail.alternatives[0].mimetype == "text/html"
    assert last_code() in mail.alternatives[0].content


def test_neither_code_nor_password_is_stored(clock: Clock) -> None:
    register()
    row = Registration.objects.values().get()
    stored = " ".join(str(value) for value in row.values())
    assert last_code() not in stored.replace(row["code_hash"], "").replace(row["password"], "")
    assert PASSWORD not in stored


def shape(sql: str) -> str:
    """A statement without its values."""
    return re.sub(r"'(?:[^'\\]|\\.|'')*'|\b\d+\b|_binary|NULL|SAVEPOINT \S+", "?", sql)


def keys(body: Any) -> Any:
    return sorted(body) if isinstance(body, dict) else body
