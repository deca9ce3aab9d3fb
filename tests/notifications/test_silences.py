"""Of whom somebody is told nothing: those whom they block or mute, or who block them."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from tests.common.support import ROUNDS, race, rows_read
from tests.notifications.support import (
    assert_counts_are_right,
    assert_says_what_its_facts_do,
    begin,
    blocked,
    commented,
    consume,
    deliver,
    followed,
    kinds_told,
    liked,
    muted,
    person,
    published,
    unblocked,
    unmuted,
)
from toby.common.writing import insert_lines
from toby.events import Event, UserDeleted, UserRegistered
from toby.notifications.exports import files
from toby.notifications.models import Fact, Item, Silence
from toby.notifications.silences import PAIRS_AT_ONCE, Silences

pytestmark = pytest.mark.django_db

ANA, BEN, CLEO = 1, 2, 3


def all_that(one: int, does_to: int) -> list[Event]:
    return [
        commented(does_to, by=one),
        liked(does_to, by=one),
        followed(one, does_to, version=1),
        published(one, post_id=50 + one),
    ]


@pytest.mark.parametrize(("one", "other"), [(ANA, BEN), (BEN, ANA)])
@pytest.mark.parametrize("batches", ["one", "many"])
def test_neither_is_told_of_the_other_once_one_blocks(one: int, other: int, batches: str) -> None:
    events = [
        followed(ANA, BEN, 1),
        followed(BEN, ANA, 1),
        blocked(one, other),
        *all_that(ANA, does_to=BEN),
        *all_that(BEN, does_to=ANA),
    ]
    deliver(events, batches)
    assert kinds_told(ANA) == kinds_told(BEN) == []


@pytest.mark.parametrize(("one", "other"), [(ANA, BEN), (BEN, ANA)])
@pytest.mark.parametrize("batches", ["one", "many"])
def test_a_block_takes_back_from_both_what_they_were_told_of_the_other_and_nothing_else(
    one: int, other: int, batches: str
) -> None:
    events = [
        followed(ANA, BEN),
        *all_that(BEN, does_to=ANA),
        *all_that(CLEO, does_to=ANA),
        commented(CLEO, by=BEN),
        blocked(one, other),
    ]
    deliver(events, batches)
    assert kinds_told(ANA) == ["comment_added", "post_liked", "followed"]
    assert kinds_told(BEN) == []
    assert kinds_told(CLEO) == ["comment_added"]
    for user_id in (ANA, BEN, CLEO):
        assert_counts_are_right(user_id)


def test_what_a_block_took_back_does_not_come_again_but_new_things_do() -> None:
    consume(commented(ANA, by=BEN), blocked(ANA, BEN))
    consume(unblocked(ANA, BEN))
    assert kinds_told(ANA) == []
    consume(liked(ANA, by=BEN))
    assert kinds_told(ANA) == ["post_liked"]
    assert_counts_are_right(ANA)


def test_who_blocks_the_other_too_still_does_when_the_other_stops() -> None:
    consume(blocked(ANA, BEN), blocked(BEN, ANA), unblocked(ANA, BEN))
    consume(commented(ANA, by=BEN), commented(BEN, by=ANA))
    assert kinds_told(ANA) == kinds_told(BEN) == []


def test_the_muted_is_kept_from_the_muter_only_and_what_is_there_stays() -> None:
    consume(followed(ANA, BEN), commented(ANA, by=BEN), muted(ANA, BEN))
    consume(*all_that(BEN, does_to=ANA), commented(BEN, by=ANA))
    assert kinds_told(ANA) == ["comment_added"]
    assert kinds_told(BEN) == ["followed", "comment_added"]
    consume(unmuted(ANA, BEN), published(BEN, post_id=9))
    assert kinds_told(ANA) == ["comment_added", "post_published"]


def test_who_unmutes_somebody_whom_they_block_hears_nothing_of_them() -> None:
    consume(muted(ANA, BEN, 1), blocked(ANA, BEN, 2), unmuted(ANA, BEN, 3), commented(ANA, by=BEN))
    assert kinds_told(ANA) == []


@pytest.mark.parametrize("batches", ["one", "many"])
@pytest.mark.parametrize(
    ("newer", "older", "heard"),
    [
        (blocked(ANA, BEN, 4), unblocked(ANA, BEN, 3), []),
        (unblocked(ANA, BEN, 4), blocked(ANA, BEN, 3), ["comment_added"]),
        (muted(ANA, BEN, 4), unmuted(ANA, BEN, 3), []),
        (unmuted(ANA, BEN, 4), muted(ANA, BEN, 3), ["comment_added"]),
    ],
)
def test_an_older_event_undoes_no_newer_one(
    newer: Event, older: Event, heard: list[str], batches: str
) -> None:
    deliver([newer, older, commented(ANA, by=BEN)], batches)
    assert kinds_told(ANA) == heard


def test_what_happens_under_the_post_of_somebody_apart_is_taken_back_and_not_told() -> None:
    """Who cannot see the post is not told what others do under it."""
    consume(answered_under_a_post_of(CLEO), answered_under_a_post_of(BEN), blocked(CLEO, ANA))
    assert kinds_told(ANA) == ["comment_replied"]
    consume(answered_under_a_post_of(CLEO), answered_under_a_post_of(BEN))
    assert kinds_told(ANA) == ["comment_replied"] * 2
    consume(muted(ANA, BEN), answered_under_a_post_of(BEN))
    assert kinds_told(ANA) == ["comment_replied"] * 3
    assert_counts_are_right(ANA)


def answered_under_a_post_of(host: int) -> Event:
    """By somebody else."""
    return commented(host, by=7, answering=ANA)


def test_of_a_deleted_account_no_silence_is_kept_nor_made() -> None:
    consume(UserRegistered(user_id=BEN, user=person(BEN), version=1), blocked(BEN, ANA))
    consume(UserDeleted(user_id=BEN, version=2))
    consume(muted(BEN, CLEO, 5))
    assert not Silence.objects.filter(listener_id=BEN).exists()


def test_an_export_holds_whom_one_blocks_and_mutes_but_not_by_whom_one_is_blocked() -> None:
    consume(blocked(ANA, BEN), muted(ANA, CLEO), blocked(CLEO, ANA))
    assert list(dict(files(ANA))["known_silences.json"]) == [
        {"speaker_id": BEN, "why": "blocks", "active": True},
        {"speaker_id": CLEO, "why": "mutes", "active": True},
    ]


def test_many_listeners_and_speakers_are_read_in_parts(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    silent = {(listener, 7) for listener in range(0, PAIRS_AT_ONCE * 2, 3)}
    silent |= {(5, speaker) for speaker in range(100, 200, 7)}
    Silence.objects.bulk_create(
        Silence(listener_id=a, speaker_id=b, why="mutes", active=True, version=1) for a, b in silent
    )
    asked = {(listener, 7) for listener in range(PAIRS_AT_ONCE * 2)}
    asked |= {(5, speaker) for speaker in range(100, 200)}
    with django_assert_num_queries(3):
        found = Silences(asked)
    assert {pair for pair in asked if found.keeps(*pair)} == silent


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("block", [blocked(ANA, BEN), blocked(BEN, ANA)])
class TestAtTheSameMoment:
    """Each in a database session of its own; the one that came later waits for the other."""

    def test_what_is_being_written_is_taken_back_by_the_block(
        self, elsewhere: ThreadPoolExecutor, block: Event
    ) -> None:
        with transaction.atomic():
            consume(commented(ANA, by=BEN))
            waiting = begin(elsewhere, partial(consume, block))
        waiting.result(timeout=20)
        assert kinds_told(ANA) == []
        assert Fact.objects.get().retracted_at is not None
        assert_counts_are_right(ANA)

    def test_what_comes_during_the_block_is_not_written(
        self, elsewhere: ThreadPoolExecutor, block: Event
    ) -> None:
        with transaction.atomic():
            consume(block)
            waiting = begin(elsewhere, partial(consume, commented(ANA, by=BEN)))
        waiting.result(timeout=20)
        assert not Item.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hints")
def test_in_a_thousand_races_nothing_of_the_blocked_is_left() -> None:
    rounds = range(1000, 1000 + 2 * ROUNDS, 2)
    race(
        rounds,
        lambda one: partial(consume, commented(one, by=one + 1)),
        lambda one: partial(consume, liked(one + 1, by=one)),
        lambda one: partial(consume, blocked(one + 1, one)),
    )
    items = Item.objects.prefetch_related("facts")
    assert all(item.retracted_at for item in items)
    for item in items:
        assert_says_what_its_facts_do(item)
    assert Silence.objects.filter(active=True).count() == 2 * ROUNDS


@pytest.mark.django_db
def test_to_ask_of_some_pairs_reads_no_others() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite does not tell how many rows it reads")
    lines = [(number % 50, number, "blocks", True, 1) for number in range(5000)]
    insert_lines(Silence, ["listener_id", "speaker_id", "why", "active", "version"], lines)
    for count in (1, 40, 500):
        pairs = [(number % 50, number) for number in range(0, 10 * count, 10)]
        before = rows_read()
        silences = Silences([*pairs, (7, 8)])
        assert rows_read() - before < 5 * count + 20
        assert all(silences.keeps(*pair) for pair in pairs)
        assert not silences.keeps(7, 8)
