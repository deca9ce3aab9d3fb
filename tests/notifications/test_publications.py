"""Followers who are told of a post in chunks, beside all else that happens."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db import transaction

from tests.common.support import ROUNDS, race
from tests.events.support import incoming
from tests.notifications.support import (
    assert_counts_are_right,
    begin,
    commented,
    consume,
    consume_chunks,
    cut,
    followed,
    person,
    process,
    published,
    unfollowed,
)
from toby.common.kafka import Incoming
from toby.consumer import fanout
from toby.consumer.models import DeadLetter
from toby.consumer.processing import Processor
from toby.events import (
    Event,
    PostDeleted,
    PostHidden,
    PostRestored,
    UserDeleted,
    UserRegistered,
)
from toby.notifications import handlers
from toby.notifications.models import Fact, Item, KnownFollow, KnownPost
from toby.notifications.places import give_back_places, take_place

pytestmark = pytest.mark.django_db

ANA, BEN, CLEO = 1, 2, 3
CROWD = range(11, 18)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MORNING, EVENING, TICK = NOON - timedelta(hours=4), NOON + timedelta(hours=8), timedelta.resolution


def hidden(post_id: int = 1) -> PostHidden:
    return PostHidden(post_id=post_id, slug="s", title="T", author=person(ANA), reason="Disputed.")


def deleted(post_id: int = 1) -> PostDeleted:
    return PostDeleted(post_id=post_id, slug="s", title="T", author=person(ANA))


def restored(post_id: int = 1) -> PostRestored:
    return PostRestored(post_id=post_id, slug="s", author=person(ANA))


def told(kind: str = "post_published") -> list[int]:
    """Who sees that something was published."""
    items = Item.objects.filter(kind=kind, retracted_at=None).order_by("recipient_id")
    return list(items.values_list("recipient_id", flat=True))


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ana's followers: one more than two chunks are for."""
    monkeypatch.setattr(fanout, "AT_ONCE", 3)
    consume(*(followed(reader, ANA) for reader in CROWD))


@pytest.mark.usefixtures("crowd")
def test_each_chunk_tells_some_followers_and_all_together_tell_each_once() -> None:
    chunks = cut(published(ANA))
    assert told() == []
    found = []
    for chunk in chunks:
        consume_chunks([chunk])
        found.append(told())
    assert [len(each) for each in found] == [3, 6, 7]
    assert found[-1] == list(CROWD)
    for reader in CROWD:
        assert_counts_are_right(reader)


@pytest.mark.usefixtures("crowd")
class TestWhoIsConnected:
    def test_is_told_before_the_chunks_and_by_them_not_again(self) -> None:
        places = [take_place(who) for who in (CROWD[5], CROWD[6], CROWD[6], CROWD[4], CLEO, ANA)]
        chunks = cut(published(ANA, mentions=(CROWD[4],)))
        assert told() == [CROWD[5], CROWD[6]]
        give_back_places(places)
        consume_chunks(chunks)
        assert told() == [who for who in CROWD if who != CROWD[4]]
        assert Fact.objects.filter(item__kind="post_published").count() == len(CROWD) - 1
        for reader in CROWD:
            assert_counts_are_right(reader)

    def test_is_left_to_the_chunks_where_they_are_many(self) -> None:
        for who in CROWD:
            take_place(who)
        chunks = cut(published(ANA))
        assert told() == list(CROWD[: fanout.AT_ONCE])
        consume_chunks(chunks)
        assert told() == list(CROWD)

    @pytest.mark.usefixtures("redis_down")
    def test_is_told_by_the_chunks_where_nobody_knows_who_it_is(self) -> None:
        chunks = cut(published(ANA))
        assert told() == []
        consume_chunks(chunks)
        assert told() == list(CROWD)


@pytest.mark.usefixtures("crowd")
def test_what_happens_to_others_meanwhile_does_not_wait_for_the_chunks() -> None:
    chunks = cut(published(ANA), commented(BEN, by=CLEO, post_id=2))
    assert (told("comment_added"), told()) == ([BEN], [])
    consume_chunks(chunks)
    assert told() == list(CROWD)


@pytest.mark.usefixtures("crowd")
def test_a_publication_that_comes_again_and_is_cut_otherwise_tells_nobody_twice() -> None:
    message = incoming(published(ANA), event_id=uuid4())
    first = process([message])
    consume_chunks(first)
    consume(unfollowed(CROWD[0], ANA))
    again = process([message])
    assert {chunk.value for chunk in again} - {chunk.value for chunk in first}
    consume_chunks(again)
    assert Fact.objects.filter(item__kind="post_published", recipient_id__in=CROWD).count() == 7
    for reader in CROWD:
        assert_counts_are_right(reader)


@pytest.mark.usefixtures("crowd")
def test_chunks_whose_publication_was_rolled_back_tell_of_it_and_so_does_it_when_it_comes() -> None:
    message = incoming(published(ANA, mentions=(CROWD[1],)), event_id=uuid4())
    chunks: list[Incoming] = []
    with pytest.raises(RuntimeError), transaction.atomic():
        chunks = process([message])
        raise RuntimeError
    consume_chunks(chunks[:2])
    assert told() == [who for who in CROWD[:6] if who != CROWD[1]]
    consume_chunks(process([message]))
    assert told() == [who for who in CROWD if who != CROWD[1]]
    assert told("mentioned") == [CROWD[1]]


def test_who_is_learned_to_follow_while_the_post_is_cut_is_in_one_of_the_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fanout, "AT_ONCE", 3)
    consume(*(followed(reader, ANA) for reader in (20, 30, 40, 50)), time=MORNING)
    chunks = cut(published(ANA), time=NOON)
    # Else they are told when that is learned.
    monkeypatch.setattr("toby.notifications.posts.late", lambda orders: [])
    consume(*(followed(reader, ANA) for reader in (10, 45, 60)), time=MORNING)
    consume_chunks(chunks)
    assert told() == [10, 20, 30, 40, 45, 50, 60]


class TestWhoFollowed:
    """By the times of the events, in whichever order they are learned."""

    @pytest.mark.parametrize(
        ("followed_at", "expected"),
        [(MORNING, [BEN]), (NOON - TICK, [BEN]), (NOON, []), (NOON + TICK, []), (EVENING, [])],
    )
    @pytest.mark.parametrize("order", ["follow", "publication", "follow between", "one batch"])
    def test_before_the_publication_is_told_of_it_and_nobody_else(
        self, followed_at: datetime, expected: list[int], order: str
    ) -> None:
        follow = incoming(followed(BEN, ANA), time=followed_at)
        publication = incoming(published(ANA), time=NOON)
        if order == "follow":
            process([follow])
            consume_chunks(process([publication]))
        elif order == "publication":
            consume_chunks(process([publication]))
            process([follow])
        elif order == "follow between":
            chunks = process([publication])
            process([follow])
            consume_chunks(chunks)
        else:
            consume_chunks(process([publication, follow]))
        assert told() == expected
        assert Fact.objects.filter(item__kind="post_published").count() == len(expected)
        for user_id in expected:
            assert_counts_are_right(user_id)

    def test_and_is_told_late_sees_the_same_as_who_was_told_in_time(self) -> None:
        consume(followed(CLEO, ANA), time=MORNING)
        consume(published(ANA), time=NOON)
        consume(followed(BEN, ANA), time=MORNING)
        one, other = Item.objects.filter(kind="post_published").values(
            "group_key", "actor", "target", "data", "created_at"
        )
        assert one == other

    def test_and_ended_it_and_follows_again_is_one_who_follows_since_then(self) -> None:
        consume(followed(BEN, ANA, 1), time=MORNING)
        consume(unfollowed(BEN, ANA, 2), followed(BEN, ANA, 3), time=EVENING)
        consume(published(ANA), time=NOON)
        assert told() == []

    def test_and_ended_it_in_the_same_batch_is_not_told_late(self) -> None:
        consume(published(ANA), time=NOON)
        consume(followed(BEN, ANA, 1), unfollowed(BEN, ANA, 2), time=MORNING)
        assert told() == []

    def test_before_somebody_elses_publication_is_not_told_of_that(self) -> None:
        consume(published(CLEO, post_id=2), published(ANA), time=NOON)
        consume(followed(BEN, ANA), followed(BEN + 10, CLEO), time=MORNING)
        told_of = Item.objects.filter(kind="post_published").order_by("recipient_id")
        assert [(item.recipient_id, item.target["id"]) for item in told_of] == [
            (BEN, 1),
            (BEN + 10, 2),
        ]

    @pytest.mark.parametrize("gone", [hidden(), deleted()])
    @pytest.mark.parametrize("back", [False, True])
    def test_is_not_told_late_of_what_was_out_of_sight_meanwhile(
        self, gone: Event, back: bool
    ) -> None:
        consume(published(ANA), time=NOON)
        consume(gone, *([restored()] if back else []))
        consume(followed(BEN, ANA), time=MORNING)
        assert told() == []

    def test_is_told_late_of_the_newest_of_a_day_only(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("toby.notifications.posts.LATE_AT_MOST", 2)
        for hours in (1, 2, 3, 25):
            consume(published(ANA, post_id=hours), time=MORNING + timedelta(hours=hours))
        consume(followed(BEN, ANA), time=MORNING)
        items = Item.objects.filter(kind="post_published")
        assert {item.target["id"] for item in items} == {2, 3}

    def test_each_of_one_batch_by_the_time_of_their_own(self) -> None:
        consume(published(ANA), time=NOON)
        times = {11: MORNING, 12: NOON, 13: EVENING, 14: NOON - timedelta(days=2)}
        process([incoming(followed(who, ANA), time=time) for who, time in times.items()])
        assert told() == [11]

    def test_before_such_times_were_kept_is_told_of_everything(self) -> None:
        consume(followed(BEN, ANA))
        KnownFollow.objects.update(since=None)
        consume(published(ANA), time=MORNING)
        assert told() == [BEN]


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("gone", [hidden(), deleted()])
@pytest.mark.parametrize("done", [0, 1, 3])
def test_of_a_post_that_is_gone_no_chunk_tells_and_what_others_told_is_taken_back(
    gone: Event, done: int
) -> None:
    chunks = cut(published(ANA))
    consume_chunks(chunks[:done])
    consume(gone)
    consume_chunks(chunks[done:])
    assert told() == []
    post = KnownPost.objects.get()
    assert (post.visible, post.target, post.actor) == (False, None, None)
    for reader in CROWD[: 3 * done]:
        assert_counts_are_right(reader)


@pytest.mark.usefixtures("crowd")
def test_a_chunk_tells_of_a_post_that_was_hidden_and_is_back() -> None:
    chunks = cut(published(ANA))
    consume_chunks(chunks[:1])
    consume(hidden(), restored())
    consume_chunks(chunks)
    assert told() == list(CROWD[3:])


@pytest.mark.parametrize("gone", [hidden(), deleted()])
def test_what_comes_late_about_a_post_that_is_gone_is_told_to_its_author_only(gone: Event) -> None:
    """As a dead letter that is tried again."""
    consume(published(ANA))
    consume(gone)
    consume(commented(ANA, by=BEN, answering=CLEO, mentions=(8,)))
    assert told("comment_added") == [ANA]
    assert told("comment_replied") == told("mentioned") == []
    consume(restored(), commented(ANA, by=BEN, answering=CLEO))
    assert told("comment_replied") == [CLEO]


@pytest.mark.usefixtures("crowd")
def test_what_a_deleted_author_published_is_told_to_nobody_and_not_kept() -> None:
    """Whichever is learned first."""
    consume(UserRegistered(user_id=ANA, user=person(ANA), version=1))
    chunks = cut(published(ANA))
    consume_chunks(chunks[:1])
    consume(UserDeleted(user_id=ANA, version=2))
    consume_chunks(chunks)
    assert told() == []
    consume(published(ANA, post_id=2), restored(1))
    kept = KnownPost.objects.values_list("visible", "target", "actor")
    assert set(kept) == {(False, None, None)}


def test_a_chunk_that_could_not_be_handled_can_be_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consume(followed(BEN, ANA))
    chunks = cut(published(ANA))
    with monkeypatch.context() as patch:
        patch.setattr("toby.notifications.posts.followers", lambda order: 1 / 0)
        consume_chunks(chunks)
    letter = DeadLetter.objects.get()
    assert (letter.consumer, told()) == ("notification-fanout", [])
    Processor("notification-fanout", handlers.chunks).retry(letter)
    assert told() == [BEN]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("gone", [hidden(), deleted()])
class TestAtTheSameMoment:
    """Each in a database session of its own; the one that came later waits for the other."""

    def test_what_a_chunk_is_just_telling_is_taken_back(
        self, elsewhere: ThreadPoolExecutor, gone: Event
    ) -> None:
        consume(followed(BEN, ANA))
        chunks = cut(published(ANA))
        with transaction.atomic():
            consume_chunks(chunks)
            waiting = begin(elsewhere, partial(consume, gone))
        waiting.result(timeout=20)
        assert Fact.objects.get(recipient_id=BEN).retracted_at is not None
        assert told() == []
        assert_counts_are_right(BEN)

    def test_a_chunk_that_comes_while_the_post_is_being_hidden_tells_nobody(
        self, elsewhere: ThreadPoolExecutor, gone: Event
    ) -> None:
        consume(followed(BEN, ANA))
        chunks = cut(published(ANA))
        with transaction.atomic():
            consume(gone)
            waiting = begin(elsewhere, partial(consume_chunks, chunks))
        waiting.result(timeout=20)
        assert not Fact.objects.filter(recipient_id=BEN).exists()


@pytest.mark.django_db(transaction=True)
class TestAFollowAtTheSameMoment:
    def test_as_the_publication_is_learned_is_told(self, elsewhere: ThreadPoolExecutor) -> None:
        follow, publication = followed(BEN, ANA), published(ANA)
        with transaction.atomic():
            chunks = cut(publication, time=NOON)
            waiting = begin(elsewhere, partial(consume, follow, time=MORNING))
        waiting.result(timeout=20)
        assert told() == [BEN]
        consume_chunks(chunks)
        assert_counts_are_right(BEN)
        assert Fact.objects.filter(recipient_id=BEN).count() == 1

    def test_as_a_chunk_looks_for_followers_is_told(self, elsewhere: ThreadPoolExecutor) -> None:
        with transaction.atomic():
            consume(followed(BEN, ANA), time=MORNING)
            waiting = begin(elsewhere, partial(consume, published(ANA), time=NOON))
        waiting.result(timeout=20)
        assert told() == [BEN]

    def test_in_many_races_nobody_is_left_out_or_told_twice(self) -> None:
        rounds = range(1000, 1100)
        race(
            rounds,
            lambda number: partial(consume, followed(number, number + 5000), time=MORNING),
            lambda number: partial(consume, published(number + 5000, number), time=NOON),
        )
        assert told() == list(rounds)
        assert Fact.objects.filter(item__kind="post_published").count() == len(rounds)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hints")
def test_in_a_thousand_races_nothing_of_what_is_hidden_is_left() -> None:
    consume(*(followed(reader, ANA) for reader in CROWD))
    posts = range(1000, 1000 + ROUNDS)
    chunks = dict(zip(posts, cut(*(published(ANA, post_id) for post_id in posts)), strict=True))
    race(
        posts,
        lambda post_id: partial(consume_chunks, [chunks[post_id]]),
        lambda post_id: partial(consume, hidden(post_id)),
        lambda post_id: partial(consume, commented(ANA, 5, post_id, answering=CROWD[3])),
    )
    assert told() == told("comment_replied") == []
    assert not KnownPost.objects.filter(visible=True, post_id__in=posts).exists()
    for reader in CROWD:
        assert_counts_are_right(reader)
