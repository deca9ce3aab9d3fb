"""A server stops and comes back; nothing is lost, and nobody is let in meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from deploy.demo import Screen
from tests.flow.support import Toby, eventually, items_of

pytestmark = pytest.mark.flow


@pytest.fixture(autouse=True, scope="module")
def works_afterwards(toby: Toby) -> Iterator[None]:
    """Consumers that have lost their broker come back one by one: what other tests ask of all of
    them would come late."""
    yield
    ana, ben = toby.person("ana"), toby.person("ben")
    ben.call("PUT", f"profiles/{ana.name}/follow")
    toby.live_post(ana)
    eventually(lambda: [item["kind"] for item in items_of(ben)] == ["post_published"], within_s=60)


@contextmanager
def stopped(toby: Toby, name: str) -> Iterator[None]:
    server = toby.stack.server(name)
    server.stop()
    try:
        yield
    finally:
        server.start()
        server.after_restart()


def test_with_kafka_stopped_posts_are_accepted_and_told_of_when_it_is_back(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    toby.live_post(ana)
    wall = toby.wall_of(ben)
    eventually(lambda: items_of(ana))
    with stopped(toby, "kafka"):
        for number in range(5):
            body = {"body": f"@{ana.name} {number}"}
            status, _ = ben.try_to("POST", f"posts/{wall['slug']}/comments", body)
            assert status == 201
    eventually(lambda: len(items_of(ana)) == 6, within_s=40)
    assert [item["text"] for item in items_of(ana)[1:]] == [
        f"@{ana.name} {number}" for number in range(5)
    ]


def test_with_redis_stopped_everything_is_503_within_a_second_and_works_when_it_is_back(
    toby: Toby,
) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    post = toby.live_post(ana)
    eventually(lambda: items_of(ana))
    screen = Screen(ana)
    screen.open()
    with stopped(toby, "redis"):
        for path in ("users/me", "me/posts", "notifications"):
            for _ in range(2):  # both copies
                status, body, took_s = timed(partial(ana.try_to, "GET", path))
                assert (status, body["code"]) == (503, "unavailable")
                assert took_s < 1
        login = {"email": f"{ben.name}@toby.example", "password": ben.password}
        status, body, took_s = timed(lambda: ben.try_to("POST", "auth/login", login))
        assert (status, body["code"]) == (503, "unavailable")
        assert took_s < 1
    # Tokens may be lost with Redis; accounts and sessions are not.
    for person in (ana, ben):
        eventually(person.refresh)
    toby.moderator_logs_in()
    toby.comment(ben, post, "after the outage")
    eventually(lambda: len(items_of(ana)) == 2)
    screen.patience_s = 20
    assert screen.frame("item")["item"]["text"] == "after the outage"


def test_with_the_database_stopped_it_is_503_and_works_when_it_is_back(toby: Toby) -> None:
    if toby.stack.mode == "embedded":
        pytest.skip("SQLite is no server that could stop")
    ana, ben = toby.person("ana"), toby.person("ben")
    post = toby.live_post(ana)
    with stopped(toby, "database"):
        for path in ("users/me", "me/posts", "notifications"):
            status, body, _ = timed(partial(ana.try_to, "GET", path))
            assert (status, body["code"]) == (503, "unavailable")
    eventually(lambda: ben.try_to("GET", f"posts/{post['slug']}")[0] == 200)
    toby.comment(ben, post, "after the outage")
    eventually(lambda: [item["text"] for item in items_of(ana)][-1:] == ["after the outage"])


def test_one_copy_killed_is_not_noticed(toby: Toby) -> None:
    ana = toby.person("ana")
    for name in ("auth-1", "social-1", "notifications-1"):
        toby.stack.process(name).kill()
    answers = [
        ana.try_to("GET", path)[0]
        for path in ("users/me", "me/posts", "notifications")
        for _ in range(6)
    ]
    assert set(answers) == {200}
    for name in ("auth-1", "social-1", "notifications-1"):
        assert toby.stack.wait_until_healthy(name)


def timed(call: Callable[[], tuple[int, dict[str, str]]]) -> tuple[int, dict[str, str], float]:
    began = time.monotonic()
    status, body = call()
    return status, body, time.monotonic() - began


def test_all_is_reconciled_afterwards(toby: Toby) -> None:
    row = toby.reconcile()
    assert (row["missing"], row["duplicate"]) == (0, 0)
