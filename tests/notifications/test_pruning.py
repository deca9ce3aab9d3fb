"""What becomes of old notifications, and of clients that were away meanwhile."""

import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from tests.clock import Clock
from tests.common.support import DEADLINE_S
from tests.factories import make_user
from tests.notifications.support import (
    approved,
    assert_counts_are_right,
    consume,
    followed,
    unfollowed,
)
from tests.notifications.test_sockets import bearer, connected, in_thread, play
from toby.notifications import jobs, pruning
from toby.notifications.inboxes import inbox_of
from toby.notifications.models import Fact, Inbox, Item
from toby.notifications.selectors import changes_after
from toby.notifications.serializers import ChangesOut, ItemOut
from toby.notifications.services import mark
from toby.notifications.sync_tokens import SyncToken

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

ANA, BEN, CEM = 1, 2, 3
KEPT_FOR = settings.NOTIFICATIONS_KEPT_FOR
DAY = timedelta(days=1)


def prune(*options: str) -> dict[str, Any]:
    output = io.StringIO()
    call_command("prune_notifications", "--json", *options, stdout=output, stderr=io.StringIO())
    told = json.loads(output.getvalue())
    assert isinstance(told, dict)
    return told


def approve_long_ago(*post_ids: int, ago: timedelta = KEPT_FOR + DAY, author: int = ANA) -> None:
    consume(*(approved(author, number) for number in post_ids), time=timezone.now() - ago)


class Client:
    """Holds a copy of an inbox, by what it is told."""

    def __init__(self, user_id: int) -> None:
        self.user_id, self.resets = user_id, 0
        self.start_afresh()

    def start_afresh(self) -> None:
        inbox = inbox_of(self.user_id)
        self.token = SyncToken(inbox.epoch, inbox.last_seq)
        self.items = fresh(self.user_id)

    def come_back(self) -> "Client":
        more = True
        while more:
            told = ChangesOut.of(changes_after(inbox_of(self.user_id), self.token))
            more = told.more
            if told.reset:
                self.resets += 1
                self.start_afresh()
            for item in told.items:
                self.items.pop(item.id, None)
                if not item.retracted:
                    self.items[item.id] = item
            self.token = SyncToken.parse(told.token)
        return self


def live(user_id: int) -> QuerySet[Item]:
    return Item.objects.filter(recipient_id=user_id, retracted_at=None)


def fresh(user_id: int) -> dict[str, ItemOut]:
    return {str(item.id): ItemOut.of(item, "en") for item in live(user_id)}


class TestExpiry:
    def test_what_is_older_than_it_is_kept_for_becomes_a_tombstone_that_says_nothing(self) -> None:
        approve_long_ago(1, 2)
        approve_long_ago(3, ago=KEPT_FOR - DAY)
        mark(user_id=ANA, state="seen", up_to=1)
        assert prune() == {"expired": 2, "deleted": 0, "dry_run": False}
        inbox = assert_counts_are_right(ANA)
        assert (inbox.unread, inbox.unseen, inbox.last_seq, inbox.floor_seq) == (1, 1, 6, 0)
        gone = Item.objects.exclude(retracted_at=None)
        assert [item.seq for item in gone.order_by("content_seq")] == [5, 6]
        assert [item.target["title"] for item in live(ANA)] == ["Post 3"]

    def test_all_facts_of_a_group_go_with_it_and_say_nothing_any_more(self) -> None:
        long_ago = timezone.now() - KEPT_FOR - DAY
        consume(followed(BEN, ANA), followed(CEM, ANA), time=long_ago)
        prune()
        assert_counts_are_right(ANA)
        assert not Fact.objects.filter(retracted_at=None).exists()
        consume(unfollowed(BEN, ANA))
        assert assert_counts_are_right(ANA).last_seq == 3

    def test_the_event_when_it_comes_again_revives_nothing(self) -> None:
        approve_long_ago(1)
        fact = Fact.objects.get()
        prune()
        assert Fact.objects.get().event_id == fact.event_id
        assert Fact.objects.get().retracted_at is not None

    def test_who_is_connected_is_told_at_once(self) -> None:
        ana = make_user("ana")
        headers = bearer(ana)
        approve_long_ago(1, author=ana.pk)

        async def scenario() -> None:
            async with connected(**headers) as socket:
                await socket.frame(of="ready")
                await in_thread(prune)()
                told = await socket.frame(of="item")
                assert told["item"]["retracted"]
                assert (await socket.frame(of="counts"))["unread"] == 0

        play(scenario)

    def test_what_another_fact_has_come_to_is_looked_at_again_under_the_lock(
        self, elsewhere: ThreadPoolExecutor
    ) -> None:
        """It was unread again, and is younger: but only since it was found."""
        approve_long_ago(1)

        def becomes_young() -> None:
            Item.objects.update(created_at=timezone.now())

        with meanwhile(becomes_young, elsewhere, after="FROM notifications_item"):
            assert list(pruning.prune()) == [("expired", 0)]
        assert Item.objects.get().retracted_at is None


class TestTombstones:
    def test_they_are_deleted_after_thirty_days_with_their_facts(self, clock: Clock) -> None:
        approve_long_ago(1)
        consume(followed(BEN, ANA), approved(ANA, 2))
        consume(unfollowed(BEN, ANA))
        prune()
        clock.advance(days=29)
        assert prune()["deleted"] == 0
        clock.advance(days=2)
        assert prune() == {"expired": 0, "deleted": 2, "dry_run": False}
        assert [item.target["title"] for item in Item.objects.all()] == ["Post 2"]
        assert Fact.objects.get().item == Item.objects.get()

    def test_the_floor_is_the_highest_seq_that_was_removed_of_each_inbox(
        self, clock: Clock
    ) -> None:
        approve_long_ago(1, 2)
        approve_long_ago(3, author=BEN)
        consume(approved(CEM))
        prune()
        clock.advance(days=31)
        consume(approved(ANA, 4))
        prune()
        rows = Inbox.objects.values_list("user_id", "floor_seq", "last_seq")
        assert sorted(rows) == [(ANA, 4, 5), (BEN, 2, 2), (CEM, 0, 1)]

    def test_the_floor_never_sinks(self, clock: Clock) -> None:
        approve_long_ago(1)
        Inbox.objects.update(floor_seq=99)
        prune()
        clock.advance(days=31)
        prune()
        assert Inbox.objects.get().floor_seq == 99

    def test_what_was_revived_since_it_was_found_is_left(
        self, clock: Clock, elsewhere: ThreadPoolExecutor
    ) -> None:
        consume(followed(BEN, ANA))
        consume(unfollowed(BEN, ANA))
        clock.advance(days=31)
        day = Fact.objects.get().created_at

        def follow_again() -> None:
            consume(followed(CEM, ANA), time=day)

        with meanwhile(follow_again, elsewhere, after="item.retracted_at <"):
            assert list(pruning.prune()) == [("deleted", 0)]
        assert assert_counts_are_right(ANA).floor_seq == 0
        assert Item.objects.get().fact_count == 1


class TestClientsThatWereAway:
    def test_one_below_the_floor_is_reset_and_ends_equal_one_above_it_is_not(
        self, clock: Clock
    ) -> None:
        approve_long_ago(1, ago=KEPT_FOR - DAY)
        consume(approved(ANA, 2))
        long_away = Client(ANA)
        clock.advance(days=2)
        prune()
        back_meanwhile = Client(ANA)
        clock.advance(days=31)
        consume(approved(ANA, 3))
        assert prune()["deleted"] == 1
        for client, resets in ((long_away, 1), (back_meanwhile, 0)):
            assert client.come_back().resets == resets
            assert client.items == fresh(ANA)
            assert len(client.items) == 2

    def test_one_that_comes_back_before_it_is_deleted_gets_the_tombstone(
        self, clock: Clock
    ) -> None:
        approve_long_ago(1, ago=KEPT_FOR - DAY)
        client = Client(ANA)
        clock.advance(days=2)
        prune()
        assert client.come_back().resets == 0
        assert client.items == {}

    def test_one_that_reads_while_tombstones_are_deleted_keeps_nothing_of_them(
        self, clock: Clock, elsewhere: ThreadPoolExecutor
    ) -> None:
        """Deleted after its inbox's floor was read, and before its items are."""
        approve_long_ago(1, ago=KEPT_FOR - DAY)
        consume(approved(ANA, 2))
        client = Client(ANA)
        clock.advance(days=2)
        prune()
        clock.advance(days=31)
        with meanwhile(prune, elsewhere, before="FROM notifications_item"):
            client.come_back()
        assert client.come_back().resets == 1
        assert client.items == fresh(ANA)


class TestParts:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pruning, "AT_ONCE", 2)

    def test_all_parts_are_done(self, clock: Clock) -> None:
        approve_long_ago(*range(1, 6))
        assert prune()["expired"] == 5
        clock.advance(days=31)
        assert prune()["deleted"] == 5
        assert not Fact.objects.exists()
        assert assert_counts_are_right(ANA).floor_seq == 10

    def test_what_was_stopped_half_way_is_whole_and_goes_on(self) -> None:
        approve_long_ago(*range(1, 6))
        client = Client(ANA)
        assert next(pruning.prune()) == ("expired", 2)
        assert assert_counts_are_right(ANA).unread == 3
        assert client.come_back().items == fresh(ANA)
        assert prune()["expired"] == 3
        assert client.come_back().items == fresh(ANA) == {}

    def test_a_dry_run_tells_what_is_due_and_changes_nothing(self, clock: Clock) -> None:
        approve_long_ago(*range(1, 4))
        before = list(Item.objects.values()), list(Inbox.objects.values())
        assert prune("--dry-run") == {"expired": 3, "deleted": 0, "dry_run": True}
        assert (list(Item.objects.values()), list(Inbox.objects.values())) == before

    def test_the_periodic_job_does_the_same_a_while_at_a_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        approve_long_ago(*range(1, 6))
        monkeypatch.setattr(jobs, "LONGEST_S", -1.0)
        assert [jobs.prune() for _ in range(4)] == [2, 2, 1, 0]


@contextmanager
def meanwhile(
    work: Callable[[], object], pool: ThreadPoolExecutor, *, before: str = "", after: str = ""
) -> Iterator[None]:
    """Once, just before or after the first statement with these words, another session does
    `work`."""
    begun: list[Future[object]] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        fits = not begun and (before or after) in sql.replace("`", "").replace('"', "")
        if fits and before:
            begun.append(pool.submit(work))
            begun[0].result(DEADLINE_S)
        answer = execute(sql, params, many, context)
        if fits and after:
            begun.append(pool.submit(work))
            begun[0].result(DEADLINE_S)
        return answer

    with connection.execute_wrapper(wrapper):
        yield
    assert begun
