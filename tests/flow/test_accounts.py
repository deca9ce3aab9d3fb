"""Accounts through every process: sessions that end, exports, and deletion."""

import json
import secrets
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest

from deploy.demo import Person, Screen
from tests.flow.support import Toby, eventually, items_of

pytestmark = pytest.mark.flow

# One of each service.
PATHS = ("users/me", "me/posts", "notifications")


def log_out(toby: Toby, ana: Person) -> None:
    ana.call("POST", "auth/logout")


def log_out_everywhere(toby: Toby, ana: Person) -> None:
    again(ana).call("POST", "auth/logout-all")


def change_the_password(toby: Toby, ana: Person) -> None:
    new = {"old_password": ana.password, "new_password": secrets.token_urlsafe(12)}
    again(ana).call("POST", "auth/password/change", new)


def reuse_a_refresh_token(toby: Toby, ana: Person) -> None:
    stolen, token = ana.refresh_token, ana.token
    assert ana.refresh()
    assert ana.refresh()
    assert ana.try_to("POST", "auth/refresh", {"refresh_token": stolen})[0] == 401
    ana.token = token


def be_deactivated(toby: Toby, ana: Person) -> None:
    act(toby, f"services.deactivate(user=User.objects.get(username={ana.name!r}))")


def delete_the_account(toby: Toby, ana: Person) -> None:
    again(ana).call("DELETE", "users/me", {"password": ana.password})


WAYS = (
    log_out,
    log_out_everywhere,
    change_the_password,
    reuse_a_refresh_token,
    be_deactivated,
    delete_the_account,
)


@pytest.mark.parametrize("end", WAYS)
def test_a_session_that_ends_is_refused_by_all_services_and_its_socket_is_closed(
    toby: Toby, end: Callable[[Toby, Person], None]
) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    screen = Screen(ana)
    screen.open()
    # The chain is awake, whatever was killed before.
    ben.call("PUT", f"profiles/{ana.name}/follow")
    screen.patience_s = 30
    screen.frame("item")
    assert statuses(ana) == [200, 200, 200]
    end(toby, ana)
    for _ in range(2):  # both copies of each service
        assert statuses(ana) == [401, 401, 401]
    # By the event: the hub looks for itself every 15 s only.
    screen.patience_s = 8
    assert screen.close_code() == 4401


def test_a_socket_is_closed_within_a_heartbeat_where_the_event_is_lost(toby: Toby) -> None:
    ana = toby.person("ana")
    screen = Screen(ana)
    screen.open()
    # What the consumer says goes to another prefix, where nobody listens.
    toby.stack.restart("consumer", {"TOBY_LAYER_PREFIX": "nobody"})
    try:
        ana.call("POST", "auth/logout")
        screen.patience_s = 30
        assert screen.close_code() == 4401
    finally:
        toby.stack.restart("consumer")


@pytest.fixture
def short_lived_tokens(toby: Toby) -> Iterator[None]:
    for name in ("auth-1", "auth-2"):
        toby.stack.restart(name, {"TOBY_ACCESS_TOKEN_TTL_S": "2"})
    yield
    for name in ("auth-1", "auth-2"):
        toby.stack.restart(name)


@pytest.mark.usefixtures("short_lived_tokens")
def test_a_socket_outlives_its_token_and_is_closed_within_a_second_of_its_sessions_end(
    toby: Toby,
) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    screen = Screen(ana)
    screen.open()
    eventually(lambda: ana.try_to("GET", "notifications")[0] == 401)
    ben.refresh()
    ben.call("PUT", f"profiles/{ana.name}/follow")
    screen.frame("item")
    ana.refresh()
    ana.call("POST", "auth/logout")
    ended_at = time.monotonic()
    assert screen.close_code() == 4401
    assert time.monotonic() - ended_at < 1


@pytest.mark.parametrize("path", ["users/me/export", "notifications/export"])
def test_an_export_is_told_of_when_it_is_ready_and_can_be_had(toby: Toby, path: str) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    toby.comment(ben, toby.live_post(ana, "Tides"))
    eventually(lambda: len(items_of(ana)) == 2)
    screen = Screen(ana)
    screen.open()
    assert ana.call("POST", path)["state"] == "preparing"
    item = screen.frame("item")["item"]
    assert item["kind"] == "export_ready"
    state = ana.call("GET", path)
    request = urllib.request.Request(toby.stack.origin + state["file"])
    request.add_header("Authorization", f"Bearer {ana.token}")
    with urllib.request.urlopen(request, timeout=10) as response:
        content = response.read()
    assert len(content) == state["size_bytes"]
    with zipfile.ZipFile(BytesIO(content)) as found:
        files = {name: json.loads(found.read(name)) for name in found.namelist()}
    if path.startswith("users"):
        assert files["account.json"][0]["username"] == ana.name
        assert [post["title"] for post in files["posts.json"]] == ["Tides"]
    else:
        assert len(files["notifications.json"]) == 2


def test_a_deleted_account_is_gone_from_both_databases(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    ben.call("PUT", f"profiles/{ana.name}/follow")
    ana.call("PUT", f"profiles/{ben.name}/follow")
    hers, his = toby.live_post(ana, "Hers"), toby.live_post(ben, "His")
    toby.comment(ana, his, "My own word")
    # She follows, she published, his was approved, she commented.
    eventually(lambda: len(items_of(ben)) == 4)
    ana.call("DELETE", "users/me", {"password": ana.password})
    assert ben.call("GET", f"posts/{hers['slug']}")["title"] == "Hers"
    act(
        toby,
        f"AccountDeletion.objects.filter(user__username={ana.name!r}).update(due_at=timezone.now())",
    )
    deleted = json.loads(toby.stack.manage("accounts", "purge_accounts", "--json"))
    assert len(deleted) == 1

    eventually(lambda: ben.try_to("GET", f"posts/{hers['slug']}")[0] == 404)
    eventually(lambda: len(items_of(ben)) == 2)
    comment = ben.call("GET", f"posts/{his['slug']}/comments")["results"][0]
    assert (comment["body"], comment["author"]["display_name"]) == ("My own word", "Deleted user")
    items = {item["kind"]: item for item in items_of(ben)}
    assert set(items) == {"post_approved", "comment_added"}
    assert items["comment_added"]["actor"]["display_name"] == "Deleted user"
    assert ana.name not in json.dumps([items_of(ben), ben.call("GET", "feed"), comment])
    assert ben.call("GET", f"profiles/{ben.name}")["follower_count"] == 0
    assert ben.try_to("GET", f"users/{ana.name}")[0] == 404
    row = toby.reconcile()
    assert (row["missing"], row["duplicate"]) == (0, 0)


def statuses(person: Person) -> list[int]:
    return [person.try_to("GET", path)[0] for path in PATHS]


def again(person: Person) -> Person:
    """The same person, on another device."""
    other = Person(person.origin, person.name)
    other.log_in(f"{person.name}@toby.example", person.password)
    return other


def act(toby: Toby, statement: str) -> None:
    """What an operator does in a shell."""
    imports = (
        "from django.utils import timezone; from toby.accounts import services; "
        "from toby.accounts.models import AccountDeletion, User; "
    )
    toby.stack.manage("accounts", "shell", "--no-imports", "-c", imports + statement)
