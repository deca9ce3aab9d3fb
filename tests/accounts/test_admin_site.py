"""Django admin's login: the same throttles, sessions and endings as the API's."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings

from tests.factories import Caller, access_token, make_user
from toby.accounts import services
from toby.accounts.models import Session, User
from toby.common import session_store
from toby.common.session_store import principal_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

PASSWORD = "correct horse battery"
LOGIN, INDEX, USERS = "/admin/login/", "/admin/", "/admin/accounts/user/"


@pytest.fixture
def chief() -> User:
    return make_user("chief", role="admin", password=PASSWORD)


def log_in(email: str = "chief@toby.example", password: str = PASSWORD) -> Client:
    client = Client()
    client.post(f"{LOGIN}?next={INDEX}", {"username": email, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get(INDEX).status_code == 200


def test_who_logs_in_has_a_session_that_is_listed(chief: User) -> None:
    client = log_in("CHIEF@toby.example")
    assert is_in(client)
    session = Session.objects.get()
    assert session.device_name == "Django admin"
    rows = Caller(chief).get("/api/v1/auth/sessions").body["results"]
    assert "Django admin" in {row["device_name"] for row in rows}


@pytest.mark.parametrize("role", ["user", "moderator", "admin"])
def test_only_who_has_a_role_gets_in(role: str) -> None:
    make_user("somebody", role=role, password=PASSWORD)
    assert is_in(log_in("somebody@toby.example")) == (role != "user")


def test_a_wrong_password_is_refused_and_counted(chief: User, settings: Settings) -> None:
    settings.THROTTLES = True
    for _ in range(10):
        assert not is_in(log_in(password="wrong"))
    page = Client().post(LOGIN, {"username": "chief@toby.example", "password": PASSWORD})
    assert "Too many attempts" in page.content.decode()


@pytest.mark.parametrize("ending", ["logout_all", "deactivate", "password", "one", "role"])
def test_whatever_ends_the_session_ends_it_here(chief: User, ending: str) -> None:
    client = log_in()
    assert is_in(client)
    by = principal_of(access_token(chief))
    assert by is not None
    if ending == "logout_all":
        services.end_all_sessions(by=by, but_this=False)
    elif ending == "deactivate":
        services.deactivate(user=chief)
    elif ending == "password":
        services.replace_password(user=chief, password="another one, longer")
    elif ending == "one":
        services.end_one_session(session_id=Session.objects.earliest("created_at").id, by=by)
    else:
        services.set_role(user=chief, role="user")
    assert not is_in(client)


def test_logging_out_ends_the_session(chief: User) -> None:
    client = log_in()
    client.post("/admin/logout/")
    assert Session.objects.get().end_reason == "logout"
    assert not is_in(client)


def test_redis_emptied_logs_out_and_lets_nobody_stay(chief: User) -> None:
    client = log_in()
    session_store.connection().flushdb()
    assert not is_in(client)


def test_a_new_password_is_set_by_the_service(chief: User) -> None:
    client, other = log_in(), access_token(chief)
    new = "another one, longer"
    body = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", body).status_code == 302
    assert is_in(client)
    assert principal_of(other) is None
    assert is_in(log_in(password=new))


def test_an_admin_deactivates_and_gives_roles_and_it_is_logged(chief: User) -> None:
    ana = make_user("ana")
    token = access_token(ana)
    client = log_in()

    def act(name: str, user: User) -> None:
        body = {"action": name, "_selected_action": [user.pk], "index": 0}
        assert client.post(USERS, body).status_code == 302

    act("make_moderator", ana)
    principal = principal_of(token)
    assert principal is not None
    assert principal.roles == ("moderator",)
    act("deactivate", ana)
    assert principal_of(token) is None
    act("reactivate", ana)
    assert User.objects.get(pk=ana.pk).is_active
    logged = LogEntry.objects.order_by("id").values_list("change_message", flat=True)
    assert list(logged) == ["role moderator", "deactivated", "reactivated"]
    act("deactivate", chief)
    assert User.objects.get(pk=chief.pk).is_active


def test_a_moderator_sees_accounts_but_does_not_act_on_them() -> None:
    make_user("mod", role="moderator", password=PASSWORD)
    ana = make_user("ana")
    client = log_in("mod@toby.example")
    assert client.get(USERS).status_code == 200
    assert client.get(f"{USERS}{ana.pk}/change/").status_code == 200
    client.post(USERS, {"action": "deactivate", "_selected_action": [ana.pk], "index": 0})
    assert User.objects.get(pk=ana.pk).is_active
    assert client.post(f"{USERS}{ana.pk}/delete/", {"post": "yes"}).status_code == 403
