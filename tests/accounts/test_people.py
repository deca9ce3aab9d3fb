"""What people change of themselves, and what others see of them."""

from collections.abc import Callable

import pytest

from tests.accounts.support import ME, PASSWORD, address_events, role_events
from tests.clock import Clock
from tests.factories import Caller, make_user, principal
from toby.accounts import services
from toby.accounts.models import User
from toby.common.session_store import principal_of
from toby.events import UserChanged
from toby.outbox.models import OutboxEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def test_a_change_is_told_and_holds_at_the_next_request(ana: User) -> None:
    caller = Caller(ana)
    changes = {"display_name": "Ana Š.", "bio": "Tides.", "picture_url": "https://p.example/a"}
    assert caller.call("PATCH", ME, changes).body["display_name"] == "Ana Š."
    event = UserChanged.from_json(bytes(OutboxEvent.objects.get().data))
    assert (event.user.display_name, event.version) == ("Ana Š.", 2)
    principal = principal_of(caller.token)
    assert principal is not None
    assert principal.display_name == "Ana Š."
    assert caller.call("PATCH", ME, {"bio": ""}).body["picture_url"] == "https://p.example/a"


def test_an_old_username_is_held_for_its_owner_for_thirty_days(ana: User, clock: Clock) -> None:
    caller, other = Caller(ana), Caller(make_user())
    assert caller.call("PATCH", ME, {"username": "anna"}).status == 200
    assert other.call("PATCH", ME, {"username": "Ana"}).code == "username_taken"
    assert caller.call("PATCH", ME, {"username": "ana"}).status == 200
    assert caller.call("PATCH", ME, {"username": "anna"}).status == 200
    clock.advance(days=31)
    assert Caller(make_user()).call("PATCH", ME, {"username": "Ana"}).status == 200


def test_only_the_letters_case_of_ones_own_name_can_be_changed(ana: User) -> None:
    assert Caller(ana).call("PATCH", ME, {"username": "ANA"}).body["username"] == "ANA"


@pytest.mark.parametrize(
    "changes",
    [
        {"picture_url": "javascript:alert(1)"},
        {"picture_url": "http://p.example/a"},
        {"username": "a"},
        {"username": "bad name"},
        {"bio": "x" * 501},
        {"roles": ["admin"]},
        {"email": "other@toby.example"},
    ],
)
def test_what_cannot_be_is_refused(ana: User, changes: dict[str, object]) -> None:
    assert Caller(ana).call("PATCH", ME, changes).code == "invalid_input"


def test_if_emitting_fails_nothing_has_changed(ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Caller(ana)
    monkeypatch.setattr("toby.accounts.services.people.emit", raise_an_error)
    with pytest.raises(RuntimeError):
        caller.call("PATCH", ME, {"display_name": "Other"})
    assert User.objects.get(pk=ana.pk).display_name == ""
    principal = principal_of(caller.token)
    assert principal is not None
    assert principal.display_name == "ana"


def test_anyone_sees_a_profile_and_no_address(ana: User, api: Callable[..., Caller]) -> None:
    shown = api().get("/api/v1/users/ANA")
    assert shown.body["username"] == "ana"
    assert "email" not in shown.body
    assert api().get("/api/v1/users/nobody-here").status == 404


def test_a_profile_is_never_stale_after_a_change(ana: User, api: Callable[..., Caller]) -> None:
    caller = Caller(ana)
    assert api().get("/api/v1/users/ana").body["display_name"] == "ana"
    caller.call("PATCH", ME, {"display_name": "New"})
    assert api().get("/api/v1/users/ana").body["display_name"] == "New"
    caller.call("PATCH", ME, {"username": "anna"})
    assert api().get("/api/v1/users/ana").status == 404
    assert api().get("/api/v1/users/anna").body["display_name"] == "New"
    services.deactivate(user=ana)
    assert api().get("/api/v1/users/anna").status == 404


def test_a_deactivated_account_is_out_at_once_and_back_when_reactivated(ana: User) -> None:
    caller = Caller(ana)
    services.deactivate(user=ana)
    assert caller.get(ME).status == 401
    services.reactivate(user=ana)
    assert Caller(ana).get(ME).status == 200


@pytest.mark.parametrize("is_deletion", [False, True], ids=["deactivated", "to be deleted"])
def test_a_closed_account_has_no_address_and_no_role_until_it_is_open_again(
    is_deletion: bool,
) -> None:
    mod = make_user("mod", role="moderator", password=PASSWORD)
    if is_deletion:
        services.ask_for_deletion(by=principal(mod), password=PASSWORD)
    else:
        services.deactivate(user=mod)
    services.announce_role(user_id=mod.pk)
    services.reactivate(user=mod)
    addresses, roles = address_events(), role_events()
    assert [event.email for event in addresses] == ["", "mod@toby.example"]
    assert [event.role for event in roles] == ["user", "user", "moderator"]
    last = mod.version
    assert [event.version - last for event in addresses] == [1, 2]
    assert [event.version - last for event in roles] == [1, 1, 2]


@pytest.mark.parametrize("is_open", [True, False], ids=["close", "reopen"])
def test_if_emitting_fails_an_account_is_as_open_as_before(
    ana: User, is_open: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(ana)
    if not is_open:
        services.deactivate(user=ana)
    before = User.objects.values().get(pk=ana.pk)
    change = services.deactivate if is_open else services.reactivate
    monkeypatch.setattr("toby.accounts.services.people.emit", raise_an_error)
    with pytest.raises(RuntimeError):
        change(user=ana)
    assert User.objects.values().get(pk=ana.pk) == before
    assert caller.get(ME).status == (200 if is_open else 401)


def raise_an_error(event: object) -> None:
    raise RuntimeError
