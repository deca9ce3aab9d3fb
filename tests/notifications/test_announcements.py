"""`manage.py announce`: what operators tell people, each once."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.common.support import DEADLINE_S, together
from tests.factories import make_user
from tests.notifications.support import assert_counts_are_right
from tests.notifications.test_sockets import bearer, connected, in_thread, play
from toby.notifications import announcements
from toby.notifications.models import Channel, Inbox, Item, Kind, KnownUser
from toby.notifications.serializers import ItemOut
from toby.notifications.services import change_preferences

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

ROOT = Path(__file__).parents[2]
# Words with braces are not filled in.
TITLE, TEXT = "Down on {Sunday}, {who}", "From 6 to 7 in the morning."
WORDS = ("--title", TITLE, "--text", TEXT)


def know(*user_ids: int) -> None:
    for user_id in user_ids:
        name = f"user{user_id}"
        KnownUser.objects.create(user_id=user_id, username=name, display_name=name, version=1)


def announce(*arguments: str, name: str = "sunday", words: tuple[str, ...] = WORDS) -> Any:
    output = io.StringIO()
    call_command(
        "announce", name, *words, *arguments, "--json", stdout=output, stderr=io.StringIO()
    )
    return json.loads(output.getvalue())


def told() -> list[int]:
    """Each recipient as often as they were told."""
    return sorted(Item.objects.values_list("recipient_id", flat=True))


def row_of(
    *, people: int, told: int, told_before: int = 0, dry_run: bool = False
) -> dict[str, Any]:
    counts = {"people": people, "told": told, "told_before": told_before}
    return {"name": "sunday", **counts, "dry_run": dry_run}


def test_all_are_told_in_the_operators_words() -> None:
    know(1, 2, 3)
    counts = announce("--all", "--link", "/status")
    assert counts == row_of(people=3, told=3)
    assert told() == [1, 2, 3]
    item = ItemOut.of(Item.objects.get(recipient_id=1), "de")
    assert (item.title, item.text, item.link) == (TITLE, TEXT, "/status")
    assert (item.kind, item.actor) == ("announcement", None)
    assert item.target == {"type": "announcement", "name": "sunday"}
    assert assert_counts_are_right(1).unread == 1


def test_some_are_told_by_username_or_id() -> None:
    know(1, 2, 3)
    announce("--to", "USER1", "id:3", "user1")
    assert told() == [1, 3]


def test_by_the_same_name_nobody_is_told_twice_and_by_another_all_are() -> None:
    know(1, 2)
    announce("--to", "user1")
    know(3)
    assert announce("--all") == row_of(people=3, told=2, told_before=1)
    assert announce("--all")["told"] == 0
    assert told() == [1, 2, 3]
    announce("--all", name="monday")
    assert told() == [1, 1, 2, 2, 3, 3]


def test_two_who_announce_it_at_once_tell_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "AT_ONCE", 3)
    know(*range(1, 11))
    one = announcements.Announcement(name="sunday", title=TITLE, text=TEXT)

    def work() -> int:
        parts = announcements.announce(one, announcements.everybody())
        return sum(part.told for part in parts)

    counts = together([work] * 3)
    assert told() == list(range(1, 11))
    assert [count for count in counts if isinstance(count, Exception)] == []
    assert sum(count for count in counts if isinstance(count, int)) == 10


def test_a_dry_run_tells_how_many_and_nobody_anything() -> None:
    know(1, 2, 3)
    announce("--to", "user1")
    counts = announce("--all", "--dry-run")
    assert counts == row_of(people=3, told=2, told_before=1, dry_run=True)
    assert told() == [1]
    assert list(Inbox.objects.values_list("user_id", flat=True)) == [1]


def test_who_is_connected_sees_it_at_once() -> None:
    ana = make_user("ana")
    know(ana.pk)
    headers = bearer(ana)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            await in_thread(announce)("--all")
            assert (await socket.frame(of="item"))["item"]["title"] == TITLE
            assert (await socket.frame(of="counts"))["unread"] == 1

    play(scenario)


def test_what_is_told_is_seen_part_by_part_not_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "AT_ONCE", 2)
    know(*range(1, 6))
    one = announcements.Announcement(name="sunday", title=TITLE, text=TEXT)
    parts = announcements.announce(one, announcements.everybody())
    assert next(parts) == (2, 2, 2)
    assert told() == [1, 2]
    assert [tuple(part) for part in parts] == [(2, 2, 2), (1, 1, 1)]


def test_who_wants_no_announcements_or_is_deleted_gets_none() -> None:
    know(1, 2, 3)
    change_preferences(user_id=1, kinds={Kind.ANNOUNCEMENT: Channel.OFF})
    KnownUser.objects.filter(user_id=2).update(deleted=True)
    assert announce("--all")["told"] == 1
    assert told() == [3]
    assert refused("--to", "user2") == "deleted: user2"


def test_a_closed_inbox_stays_closed() -> None:
    """What is known of the user's end may come later than the inbox is closed."""
    know(1)
    Inbox.objects.create(user_id=1, closed=True)
    assert announce("--all")["told"] == 0
    assert told() == []


def test_killed_in_the_middle_and_begun_again_everybody_is_told_once() -> None:
    """As operators run it; it dies after the commit of its first part."""
    people = 2 * announcements.AT_ONCE + 100
    know_many(people)
    killed = run(TOBY_CRASH_AT="announce.part")
    assert killed.returncode == -signal.SIGKILL
    assert len(told()) == announcements.AT_ONCE
    again = run()
    assert again.returncode == 0, again.stderr
    counts = json.loads(again.stdout)
    assert (counts["told"], counts["told_before"]) == (people - 500, 500)
    assert told() == list(range(1, people + 1))


def know_many(count: int) -> None:
    KnownUser.objects.bulk_create(
        KnownUser(user_id=number, username=f"u{number}", display_name="U", version=1)
        for number in range(1, count + 1)
    )


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    name = str(connection.settings_dict["NAME"])
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    if connection.vendor == "sqlite":
        url = f"sqlite:///{name}"
    return subprocess.run(
        [sys.executable, "manage.py", "announce", "sunday", *WORDS, "--all", "--json"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "toby.settings.notifications",
            "NOTIFICATIONS_DATABASE_URL": url,
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("Sunday Morning", WORDS),
            ("", WORDS),
            ("sunday", ("--title", " ", "--text", TEXT)),
            ("sunday", ("--title", TITLE, "--text", "")),
            ("sunday", ("--title", "x" * 201, "--text", TEXT)),
            ("sunday", (*WORDS, "--link", "javascript:alert(1)")),
            ("sunday", (*WORDS, "--link", "//evil.example")),
            ("sunday", (*WORDS, "--link", "status")),
        ],
    )
    def test_what_cannot_be_announced_is_one_line(self, name: str, words: tuple[str, ...]) -> None:
        know(1)
        line = refused("--all", name=name, words=words)
        assert line
        assert "\n" not in line
        assert told() == []

    def test_other_words_by_a_name_that_was_used_are_refused(self) -> None:
        know(1, 2)
        announce("--to", "user1")
        line = refused("--all", words=("--title", TITLE, "--text", "From 7 to 8."))
        assert line == "something else has been announced as sunday"
        assert told() == [1]

    def test_nobody_is_told_where_one_of_them_is_not_known(self) -> None:
        know(1)
        assert refused("--to", "user1", "nobody") == "nobody is known as nobody"
        assert told() == []

    @pytest.mark.parametrize("whom", [(), ("--all", "--to", "user1")])
    def test_it_is_either_all_or_some(self, whom: tuple[str, ...]) -> None:
        know(1)
        with pytest.raises(CommandError):
            announce(*whom)
        assert told() == []


def refused(*arguments: str, name: str = "sunday", words: tuple[str, ...] = WORDS) -> str:
    with pytest.raises(CommandError) as error:
        announce(*arguments, name=name, words=words)
    assert error.value.returncode == 2
    return str(error.value)
