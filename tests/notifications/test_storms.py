"""Inboxes that many write at the same time: each seq is given once, in the order of the commits."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

import pytest
from django.db import connection

from tests.common.support import together
from tests.notifications.support import (
    approved,
    assert_counts_are_right,
    commented,
    consume,
    person,
)
from toby.common.sql import DEADLOCK, is_database_trouble
from toby.events import Event, PostLiked, PostUnliked
from toby.notifications.hints import Hint
from toby.notifications.inboxes import inbox_of
from toby.notifications.models import Inbox, Item, ReadAll
from toby.notifications.selectors import changes_after
from toby.notifications.services import mark, read_all, undo_read_all
from toby.notifications.sync_tokens import SyncToken

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

READERS = (1, 2, 3)
CONSUMERS = range(4)
CHANGES = ("read", "seen", "unread", "archive", "unarchive", "read-all", "undo", "undo")
TURNS = 40 if connection.vendor == "mysql" else 10
WITHIN_S = 120.0

Seqs = list[tuple[int, str]]


@dataclass
class Storm:
    """What was committed, what a polling reader got of it, and what the database refused."""

    hints: list[Hint]
    polls: dict[int, list[tuple[int, Seqs]]] = field(
        default_factory=lambda: {user: [] for user in READERS}
    )
    refused: list[Exception] = field(default_factory=list)
    ended: list[object] = field(default_factory=list)

    def work(self, steps: Iterator[Callable[[], None]]) -> None:
        try:
            for step in steps:
                self.take(step)
        finally:
            self.ended.append(steps)

    def take(self, step: Callable[[], None]) -> None:
        while True:
            try:
                return step()
            except Exception as error:
                if not is_database_trouble(error):
                    raise
                self.refused.append(error)
                connection.close()

    def consumer(self, number: int) -> Iterator[Callable[[], None]]:
        chance = Random(number)
        for turn in range(TURNS):
            events = [one for user in READERS for one in happens_to(user, number, turn)]
            chance.shuffle(events)
            yield partial(consume, *events)

    def changer(self, number: int) -> Iterator[Callable[[], None]]:
        chance, change = Random(number), CHANGES[number]
        for _ in range(TURNS):
            yield partial(self.change, change, chance.choice(READERS), chance.random())

    def change(self, change: str, user: int, share: float) -> None:
        """Of so much of the list, from its oldest on, where a change is of a part of it."""
        match change:
            case "read-all":
                self.hints += read_all(user_id=user)[-1]
            case "undo":
                last = ReadAll.objects.filter(user_id=user).order_by("at").last()
                if last is not None:
                    self.hints += undo_read_all(user_id=user, operation_id=last.id)[-1]
            case _:
                up_to = int(inbox_of(user).last_seq * share)
                self.hints += mark(user_id=user, state=change, up_to=up_to)[-1]

    def poll(self) -> None:
        """As a client does: everything after the last token, again and again, and once more when
        all is done."""
        tokens = {user: SyncToken(inbox_of(user).epoch, 0) for user in READERS}
        is_last = False
        while not is_last:
            is_last = len(self.ended) == len(CONSUMERS) + len(CHANGES)
            for user in READERS:
                tokens[user] = self.read_on(user, tokens[user])

    def read_on(self, user: int, token: SyncToken) -> SyncToken:
        more = True
        while more:
            changes = changes_after(inbox_of(user), token)
            assert not changes.reset
            more = changes.more
            got = [(item.seq, str(item.id)) for item in changes.items]
            reached = 0 if more else changes.inbox.last_seq
            token = SyncToken(token.epoch, max([reached, token.seq, *(seq for seq, _ in got)]))
            self.polls[user].append((token.seq, got))
        return token

    def missed(self, user: int) -> Seqs:
        """What was committed with a seq that the reader has passed without it."""
        committed: Seqs = sorted(
            (seq, json.loads(frame)["item"]["id"])
            for hint in self.hints
            if hint.user_id == user
            for seq, frame in hint.frames
        )
        missed: Seqs = []
        held: dict[str, int] = {}
        passed = 0
        for reached, got in self.polls[user]:
            held |= {item: seq for seq, item in got}
            while passed < len(committed) and committed[passed][0] <= reached:
                seq, item = committed[passed]
                missed += [(seq, item)] if held.get(item, 0) < seq else []
                passed += 1
        assert passed == len(committed)
        return missed


def happens_to(user: int, consumer: int, turn: int) -> Sequence[Event]:
    """What makes an item of its own, and what joins and leaves some that all consumers write."""
    post_id, by = 100 + turn // 10, person(50 + consumer)
    if turn % 3 == 2:
        undone = PostUnliked(post_id=post_id, post_author_id=user, liker_id=by.user_id)
        return approved(user, 1000 * consumer + turn), undone
    like = PostLiked(post_id=post_id, post_slug="s", post_title="T", post_author_id=user, liker=by)
    return approved(user, 1000 * consumer + turn), commented(user, by.user_id, post_id), like


def test_four_consumers_and_eight_changers_give_each_seq_once_and_a_poller_misses_none(
    hints: list[Hint], capsys: pytest.CaptureFixture[str]
) -> None:
    """On real servers threads run truly at once; SQLite takes them one after the other."""
    storm = Storm(hints)
    workers: list[Callable[[], None]]
    workers = [partial(storm.work, storm.consumer(number)) for number in CONSUMERS]
    workers += [partial(storm.work, storm.changer(number)) for number in range(len(CHANGES))]
    ended = together([storm.poll, *workers], within_s=WITHIN_S)
    assert [error for error in ended if error is not None] == []
    deadlocks = [error for error in storm.refused if error.args[:1] == (DEADLOCK,)]
    with capsys.disabled():
        print(f"\n{len(storm.hints)} changes of inboxes, {len(deadlocks)} deadlocks")
    assert storm.refused == []
    for user in READERS:
        inbox = assert_counts_are_right(user)
        assert_given_once(inbox, [hint for hint in storm.hints if hint.user_id == user])
        assert storm.missed(user) == []
        assert Item.objects.filter(recipient_id=user, kind="post_approved").count() == (
            len(CONSUMERS) * TURNS
        )
        assert Item.objects.filter(recipient_id=user, fact_count__gt=len(CONSUMERS)).exists()


def assert_given_once(inbox: Inbox, hints: Sequence[Hint]) -> None:
    """Each commit begins where another ended, and what it changed has seqs of its own."""
    ordered = sorted(hints, key=lambda hint: hint.seq)
    assert [hint.prev for hint in ordered] == [0, *(hint.seq for hint in ordered[:-1])]
    assert ordered[-1].seq == inbox.last_seq
    for hint in ordered:
        seqs = [seq for seq, _ in hint.frames]
        assert seqs == sorted(set(seqs))
        assert hint.prev < seqs[0] <= seqs[-1] == hint.seq
