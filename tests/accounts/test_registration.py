"""Registering: what makes an account, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from mailer.models import Message

from tests.accounts.support import LOGIN, PASSWORD, REGISTER, registration
from tests.common.support import together
from tests.factories import Answer, Caller, make_user
from toby.accounts import services
from toby.accounts.models import User
from toby.events import AddressConfirmed, UserRegistered
from toby.outbox.models import OutboxEvent

pytestmark = pytest.mark.usefixtures("redis", "db")


def register(**fields: Any) -> Answer:
    return Caller().post(REGISTER, registration(**fields))


def codes(answer: Answer, field: str) -> set[str]:
    assert (answer.status, answer.code) == (400, "invalid_input")
    assert all(error["message"] for error in answer.body["errors"])
    assert {error["field"] for error in answer.body["errors"]} == {field}
    return {error["code"] for error in answer.body["errors"]}


def test_an_account_is_made_and_told_of_and_can_log_in(api: Callable[..., Caller]) -> None:
    answer = register(email=" Ana@Toby.example ", username="Ana", display_name="Ana Šimić")
    assert answer.status == 201
    user = User.objects.get()
    assert answer.body == {
        "id": user.pk,
        "email": "Ana@Toby.example",
        "username": "Ana",
        "display_name": "Ana Šimić",
        "bio": "",
        "picture_url": "",
        "roles": [],
        "created_at": user.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    row, address = OutboxEvent.objects.order_by("id")
    event = UserRegistered.from_json(bytes(row.data))
    assert (row.type, row.key) == (UserRegistered.type, str(user.pk))
    assert (event.user.username, event.user.display_name) == ("Ana", "Ana Šimić")
    confirmed = AddressConfirmed.from_json(bytes(address.data))
    assert (confirmed.user_id, confirmed.email) == (user.pk, user.email)
    login = {"email": "ANA@toby.EXAMPLE", "password": PASSWORD}
    assert api().post(LOGIN, login).status == 200


def test_a_welcome_mail_is_queued() -> None:
    register()
    mail = Message.objects.get()
    assert mail.to_addresses == ["ana@toby.example"]
    assert "ana" in mail.email.body
    assert PASSWORD not in mail.email.body


@pytest.mark.parametrize("fails", ["emit", "mails.welcome"])
def test_if_emitting_or_queueing_fails_there_is_no_user_no_event_and_no_mail(
    fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"toby.accounts.services.registration.{fails}", raise_an_error)
    with pytest.raises(RuntimeError):
        services.create_user(**registration())
    assert not User.objects.exists()
    assert not OutboxEvent.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize("email", ["ana@toby.example", "ANA@Toby.Example", " ana@toby.example\t"])
def test_an_address_makes_one_account_however_it_is_written(email: str) -> None:
    register()
    answer = register(email=email, username="other")
    assert (answer.status, answer.code) == (409, "email_taken")
    assert (User.objects.count(), OutboxEvent.objects.count(), Message.objects.count()) == (1, 2, 1)


@pytest.mark.parametrize("username", ["ana", "ANA", "aNa"])
def test_a_username_makes_one_account_however_it_is_written(username: str) -> None:
    register()
    answer = register(email="other@toby.example", username=username)
    assert (answer.status, answer.code) == (409, "username_taken")
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("x7!kQ", {"password_too_short"}),
        ("password1", {"password_too_common"}),
        ("827364519283", {"password_entirely_numeric"}),
        ("anastasia.k", {"password_too_similar"}),
        ("1234567", {"password_too_short", "password_too_common", "password_entirely_numeric"}),
    ],
)
def test_a_weak_password_is_refused_with_all_that_is_wrong_with_it(
    password: str, expected: set[str]
) -> None:
    answer = register(username="anastasia", email="k@toby.example", password=password)
    assert codes(answer, "password") == expected
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "username",
    ["ab", "a" * 31, "-ana", "ana-", "_ana", "an a", "ána", "ana!", "a\u0430na", "", "a\nna", 5],
)
def test_a_username_that_could_be_mistaken_is_refused(username: object) -> None:
    assert codes(register(username=username), "username")


@pytest.mark.parametrize(
    "email",
    ["", "ana", "ana@", "@toby.example", "a b@toby.example", "ana@toby.example\nBcc: x@y.example"]
    + ["a" * 250 + "@b.example", None, ["ana@toby.example"]],
)
def test_what_is_no_address_is_refused(email: object) -> None:
    assert codes(register(email=email), "email")


def test_an_address_that_is_too_long_only_in_small_letters_is_refused() -> None:
    # Each ß becomes ss where spellings are compared.
    email = f"ana@{'.'.join(['ß' * 31] * 6)}.example"
    assert len(email) < 254
    assert codes(register(email=email), "email") == {"max_length"}


def test_fields_that_are_missing_or_not_known_are_named() -> None:
    answer = Caller().post(REGISTER, {})
    assert [error["field"] for error in answer.body["errors"]] == ["email", "username", "password"]
    assert codes(register(is_superuser=True), "is_superuser") == {"unknown_field"}


def test_spaces_around_a_password_belong_to_it(api: Callable[..., Caller]) -> None:
    register(password=f" {PASSWORD} ")
    for password, status in ((PASSWORD, 401), (f" {PASSWORD} ", 200)):
        login = {"email": "ana@toby.example", "password": password}
        assert api().post(LOGIN, login).status == status


def test_a_token_that_is_shown_while_registering_does_not_matter() -> None:
    assert Caller(token="garbage").post(REGISTER, registration()).status == 201


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("second", "code"),
    [
        ({"email": "other@toby.example"}, "username_taken"),
        ({"username": "other"}, "email_taken"),
        ({}, "email_taken"),
    ],
)
def test_of_two_who_want_the_same_at_once_one_gets_it_and_the_other_is_told(
    second: dict[str, str], code: str
) -> None:
    answers = together([register, lambda: register(**second)])
    for answer in answers:
        assert isinstance(answer, Answer), answer
    statuses = {a.status: a for a in answers if isinstance(a, Answer)}
    assert sorted(statuses) == [201, 409]
    assert statuses[409].code == code
    assert (User.objects.count(), OutboxEvent.objects.count(), Message.objects.count()) == (1, 2, 1)


def test_deleting_a_user_deletes_what_they_wrote_and_whom_they_followed() -> None:
    from tests.factories import make_comment, make_follow, make_live_post, open_session
    from toby.accounts.models import Session
    from toby.social.models import Comment, Follow, Post, Revision

    ana, ben = make_user(), make_user()
    make_comment(make_live_post(ana), ben)
    bens = make_live_post(ben)
    make_comment(bens, ana)
    make_follow(ana, ben)
    make_follow(ben, ana)
    open_session(ana)
    ana.delete()
    assert list(Post.objects.all()) == [bens]
    assert set(Revision.objects.values_list("post_id", flat=True)) == {bens.pk}
    assert not Comment.objects.exists()
    assert not Follow.objects.exists()
    assert not Session.objects.exists()
    assert User.objects.filter(pk=ben.pk).exists()


def raise_an_error(*args: object, **options: object) -> None:
    raise RuntimeError
