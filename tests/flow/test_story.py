"""The main job, through nginx and every process."""

from typing import Any

import pytest

from deploy.demo import Person, Screen, play
from tests.flow.support import Toby, eventually, held_after, items_of

pytestmark = pytest.mark.flow


def test_the_demo_is_played_to_its_end(toby: Toby) -> None:
    play(toby.stack.origin, toby.moderator)


def test_a_request_id_travels_from_nginx_into_the_consumers_log(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    post = toby.live_post(ana)
    toby.comment(ben, post)
    given = ben.last_headers["X-Request-ID"]
    assert len(given) == 32
    eventually(
        lambda: any(
            given in line and "social.comment_added.v1" in line
            for line in toby.stack.log("consumer").splitlines()
        )
    )
    assert given in toby.stack.log("social-1") + toby.stack.log("social-2")


def test_a_client_that_missed_fifty_changes_ends_equal_to_one_that_asks_afresh(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    toby.live_post(ana)
    screen = Screen(ana)
    screen.open()
    held: dict[str, Any] = {}
    toby.mention(ben, ana, "before the cut")
    held_after(screen, held)
    screen.cut()

    for number in range(40):
        toby.mention(ben, ana, f"missed {number}")
    ben.call("PUT", f"profiles/{ana.name}/follow")
    ben.call("DELETE", f"profiles/{ana.name}/follow")
    eventually(lambda: ana.call("GET", "notifications/counts")["unread"] == 42)
    some = [item["id"] for item in items_of(ana)[::4]]
    ana.call("POST", "notifications/read", {"ids": some})

    screen.open()
    held_after(screen, held)
    assert live(held) == {item["id"]: item for item in all_items(ana)}
    toby.mention(ben, ana, "after the return")
    held_after(screen, held)
    assert live(held) == {item["id"]: item for item in all_items(ana)}


def test_one_whose_hints_are_all_lost_catches_up_within_fifteen_seconds(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    toby.live_post(ana)
    eventually(lambda: items_of(ana))
    # Its hints go to another prefix, where nobody listens.
    toby.stack.restart("consumer", {"TOBY_LAYER_PREFIX": "nobody"})
    try:
        screen = Screen(ana)
        screen.open()
        held = {item["id"]: item for item in items_of(ana)}
        for number in range(3):
            toby.mention(ben, ana, f"unheard {number}")
        eventually(lambda: len(items_of(ana)) == 4)
        screen.patience_s = 17
        held_after(screen, held)
        assert live(held) == {item["id"]: item for item in all_items(ana)}
    finally:
        toby.stack.restart("consumer")


def test_the_home_feed_of_a_follower_has_the_post(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    old = toby.live_post(ana, "Before the follow")
    ben.call("PUT", f"profiles/{ana.name}/follow")
    eventually(lambda: slugs(ben) == [old["slug"]])
    new = toby.live_post(ana, "After it")
    eventually(lambda: slugs(ben) == [new["slug"], old["slug"]])
    ben.call("DELETE", f"profiles/{ana.name}/follow")
    eventually(lambda: slugs(ben) == [])


def test_nothing_is_missing_or_doubled(toby: Toby) -> None:
    row = toby.reconcile()
    assert (row["missing"], row["duplicate"]) == (0, 0)
    assert row["events"] > 0


def slugs(person: Person) -> list[str]:
    return [post["slug"] for post in person.call("GET", "feed")["results"]]


def live(held: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in held.items() if not item["retracted"]}


def all_items(person: Person) -> list[dict[str, object]]:
    return items_of(person)
