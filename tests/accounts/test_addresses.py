"""Changing the e-mail address: confirmed on the new one, undone from the old."""

import re

import pytest
from django.core.management import call_command
from mailer.models import Message

from tests.accounts.support import ME, address_events, is_let_in
from tests.clock import Clock
from tests.factories import Answer, Caller, access_token, make_user
from toby.accounts import services
from toby.accounts.models import EmailChange, EmailUndo, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

PASSWORD = "correct horse battery"
NEW = "new@toby.example"


@pytest.fixture
def ana() -> User:
    return make_user("ana", password=PASSWORD)


def ask(caller: Caller, email: str = NEW, password: str = PASSWORD) -> Answer:
    return caller.post("/api/v1/users/me/email", {"email": email, "password": password})


def confirm(caller: Caller, code: str) -> Answer:
    return caller.post("/api/v1/users/me/email/confirm", {"code": code})


def undo(token: str) -> Answer:
    return Caller().post("/api/v1/auth/email/undo", {"token": token})


def mailed(pattern: str) -> tuple[str, str]:
    """To whom the last mail went, and what the pattern finds in it."""
    mail = Message.objects.order_by("-id")[0].email
    found = re.search(pattern, mail.body, re.MULTILINE)
    assert found is not None, mail.body
    return mail.to[0], found[1]


def mailed_code() -> str:
    to, code = mailed(r"^ {4}(\d{6})$")
    assert to == NEW
    return code


def test_the_address_changes_once_the_new_one_has_shown_its_code(ana: User) -> None:
    caller = Caller(ana)
    assert ask(caller).status == 202
    assert caller.get(ME).body["email"] == "ana@toby.example"
    assert confirm(caller, mailed_code()).body["email"] == NEW
    login = {"email": NEW, "password": PASSWORD}
    assert Caller().post("/api/v1/auth/login", login).status == 200
    assert confirm(caller, "123456").code == "wrong_code"


def test_the_old_address_can_bring_itself_back_which_ends_all_sessions(ana: User) -> None:
    caller = Caller(ana)
    ask(caller)
    confirm(caller, mailed_code())
    to, secret = mailed(r"#(toby_pr_\S+)")
    assert to == "ana@toby.example"
    assert undo(secret).status == 204
    assert User.objects.get().email == "ana@toby.example"
    assert not is_let_in(caller.token)
    assert undo(secret).code == "wrong_link"
    assert secret not in str(list(EmailUndo.objects.values()))


def test_each_change_of_the_address_is_told_and_so_it_is_again_by_the_command(ana: User) -> None:
    caller = Caller(ana)
    ask(caller)
    confirm(caller, mailed_code())
    undo(mailed(r"#(toby_pr_\S+)")[1])
    call_command("announce_addresses", "--dry-run")
    call_command("announce_addresses")
    told = address_events()
    assert [event.email for event in told] == [NEW, "ana@toby.example", "ana@toby.example"]
    assert [event.version for event in told] == [2, 3, 4]


def test_of_a_closed_account_no_address_is_told_whatever_is_undone_or_announced(ana: User) -> None:
    caller = Caller(ana)
    ask(caller)
    confirm(caller, mailed_code())
    secret = mailed(r"#(toby_pr_\S+)")[1]
    services.deactivate(user=ana)
    assert undo(secret).status == 204
    call_command("announce_addresses")
    assert [event.email for event in address_events()] == [NEW, "", "", ""]
    services.reactivate(user=ana)
    assert address_events()[-1].email == "ana@toby.example"


def test_the_way_back_is_open_for_a_week(ana: User, clock: Clock) -> None:
    caller = Caller(ana)
    ask(caller)
    confirm(caller, mailed_code())
    clock.advance(days=7, seconds=1)
    assert undo(mailed(r"#(toby_pr_\S+)")[1]).code == "wrong_link"


def test_it_asks_for_the_password(ana: User) -> None:
    answer = ask(Caller(ana), password="wrong")
    assert (answer.status, answer.code) == (403, "wrong_password")
    assert not EmailChange.objects.exists()


def test_a_code_has_five_tries_and_ten_minutes_and_the_newest_counts(
    ana: User, clock: Clock
) -> None:
    caller = Caller(ana)
    ask(caller)
    first = mailed_code()
    for _ in range(5):
        assert confirm(caller, f"{(int(first) + 1) % 10**6:06}").code == "wrong_code"
    assert confirm(caller, first).code == "wrong_code"
    ask(caller)
    second = mailed_code()
    clock.advance(minutes=10, seconds=1)
    assert confirm(caller, second).code == "wrong_code"
    ask(caller)
    assert confirm(caller, mailed_code()).status == 200


def test_an_address_that_is_taken_is_answered_alike_and_never_confirmed(ana: User) -> None:
    make_user("other", email=NEW)
    caller = Caller(ana)
    assert ask(caller).status == 202
    mail = Message.objects.order_by("-id")[0].email
    assert (mail.to, "has one already" in mail.body) == ([NEW], True)
    assert EmailChange.objects.get().is_decoy


def test_who_was_slower_is_told_so(ana: User) -> None:
    caller = Caller(ana)
    ask(caller)
    code = mailed_code()
    make_user("quicker", email=NEW)
    assert confirm(caller, code).code == "email_taken"
    assert User.objects.get(pk=ana.pk).email == "ana@toby.example"


def test_anothers_code_is_of_no_use(ana: User) -> None:
    ask(Caller(ana))
    code = mailed_code()
    assert confirm(Caller(make_user()), code).code == "wrong_code"
    assert access_token(ana)
