"""Processes are killed at the worst moments; afterwards each fact is there once."""

import json
import random
from functools import partial

import pytest

from deploy.demo import Person, Screen
from deploy.local.units import Unit
from tests.flow.support import Toby, eventually, items_of

pytestmark = pytest.mark.chaos


@pytest.mark.parametrize(
    ("processes", "crash_point"),
    [
        (["relay"], "relay.published"),
        (["consumer"], "consumer.committed"),
        (["timeline"], "consumer.committed"),
        (["consumer", "timeline"], "consumer.cut"),
        (["notification-fanout", "timeline-fanout"], "consumer.committed"),
    ],
    ids=[
        "relay between publish and mark",
        "consumer before its offsets",
        "timeline likewise",
        "who cuts, between the commit and the chunks",
        "who does the chunks, before their offsets",
    ],
)
def test_a_process_killed_between_its_two_commits_doubles_nothing(
    toby: Toby, processes: list[str], crash_point: str
) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    ben.call("PUT", f"profiles/{ana.name}/follow")
    post = toby.live_post(ana)
    eventually(lambda: len(items_of(ana)) == 2)
    units = [toby.stack.process(process) for process in processes]
    try:
        for unit, process in zip(units, processes, strict=True):
            unit.restarts = False
            toby.stack.restart(process, {"TOBY_CRASH_AT": crash_point}, healthy=False)
        toby.comment(ben, post, "the last words")
        second = toby.live_post(ana, "Published into the crash")
        for unit, process in zip(units, processes, strict=True):
            eventually(partial(has_died, unit), what=f"{process} dies at {crash_point}")
    finally:
        for unit, process in zip(units, processes, strict=True):
            unit.restarts = True
            toby.stack.restart(process)
    eventually(lambda: len(items_of(ana)) == 4)
    eventually(lambda: len(ben.call("GET", "feed")["results"]) == 2)
    toby.comment(ben, second, "all is well")
    eventually(lambda: len(items_of(ana)) == 5)
    texts = [item["text"] for item in items_of(ana)]
    assert texts.count("the last words") == 1
    both = sorted([post["slug"], second["slug"]])
    eventually(lambda: slugs_told_to(ben) == both)
    assert slugs_in_feed_of(ben) == both
    assert_nothing_is_lost(toby)


def test_the_whole_outbox_sent_a_second_time_changes_nothing(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    toby.live_post(ana)
    toby.mention(ben, ana, "before it")
    eventually(lambda: len(items_of(ana)) == 2)
    screen = Screen(ana)
    screen.open()
    before = items_of(ana)
    sent = json.loads(toby.stack.manage("social", "republish_outbox", "--json"))
    assert sent["events"] > 3
    eventually(lambda: toby.reconcile()["unpublished"] == 0)
    toby.mention(ben, ana, "after it")
    eventually(lambda: len(items_of(ana)) == 3)
    assert items_of(ana)[:2] == before
    assert screen.frame("item")["item"]["text"] == f"@{ana.name} after it"
    assert_nothing_is_lost(toby)


def test_kill_minus_nine_of_anything_while_people_comment_loses_and_doubles_nothing(
    toby: Toby,
) -> None:
    ana, ben, cleo = (toby.person(name) for name in ("ana", "ben", "cleo"))
    post = toby.wall_of(ben)
    cleo.call("PUT", f"profiles/{ben.name}/follow")
    eventually(lambda: slugs_in_feed_of(cleo) == [post["slug"]])
    chunks = ["notification-fanout", "timeline-fanout"]
    names = ["relay", "consumer", "timeline", "social-1", "notifications-2", "auth-1"]
    names += [*chunks, "mail-notifications"]
    servers = ["kafka", "redis"] + ([] if toby.stack.mode == "embedded" else ["database"])
    order = random.Random(7).sample(names + servers, len(names + servers))
    accepted, live = 0, []
    for victim in order:
        unit = toby.stack.server(victim) if victim in servers else toby.stack.process(victim)
        unit.kill()
        for number in range(3):
            status, _ = ben.try_to(
                "POST", f"posts/{post['slug']}/comments", {"body": f"@{ana.name} {victim} {number}"}
            )
            accepted += status == 201
        if victim in chunks:
            live.append(toby.live_post(ben, f"Published as {victim} dies")["slug"])
        eventually(partial(is_running, unit), what=f"{victim} is back")
        if victim in ("redis", "database"):
            eventually(lambda: ben.refresh() and ana.refresh(), within_s=40)
            toby.moderator_logs_in()
    for name in names:
        assert toby.stack.wait_until_healthy(name)
    comments = eventually(lambda: count_comments(toby, post["slug"]))
    assert accepted > len(order)
    assert comments >= accepted
    eventually(lambda: len(items_of(ana)) == comments, within_s=60)
    eventually(lambda: slugs_told_to(cleo) == sorted(live))
    eventually(lambda: slugs_in_feed_of(cleo) == sorted([post["slug"], *live]))
    assert_nothing_is_lost(toby)


def slugs_told_to(reader: Person) -> list[str]:
    """Of the publications that they were told of, each as often as they were."""
    told = [item for item in items_of(reader) if item["kind"] == "post_published"]
    return sorted(item["target"]["slug"] for item in told for _ in range(item["fact_count"]))


def slugs_in_feed_of(reader: Person) -> list[str]:
    return sorted(post["slug"] for post in reader.call("GET", "feed")["results"])


def has_died(unit: Unit) -> bool:
    return not unit.running


def is_running(unit: Unit) -> bool:
    return unit.running


def count_comments(toby: Toby, slug: str) -> int:
    return int(toby.moderator.call("GET", f"posts/{slug}")["comment_count"])


def assert_nothing_is_lost(toby: Toby) -> None:
    row = toby.reconcile()
    assert (row["missing"], row["duplicate"]) == (0, 0)
