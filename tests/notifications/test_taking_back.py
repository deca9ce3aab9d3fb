"""What people were told of something that is gone: taken back in chunks, beside all else that
happens."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction

from tests.notifications.support import (
    assert_counts_are_right,
    begin,
    commented,
    consume,
    consume_chunks,
    cut,
    followed,
    liked,
    person,
    published,
)
from tests.notifications.test_publications import (
    ANA,
    BEN,
    CROWD,
    NOON,
    deleted,
    hidden,
    restored,
    told,
)
from toby.common.kafka import Incoming
from toby.consumer import fanout
from toby.consumer.fanout import LAST
from toby.events import (
    Event,
    UserDeleted,
    UserRegistered,
    deleted_person,
)
from toby.notifications.models import Item, KnownPost, KnownUser
from toby.notifications.orders import shown
from toby.notifications.projections import ranges_told

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=1)
HIDDEN, DELETED, RESTORED = hidden(), deleted(), restored()
a_post_goes = pytest.mark.parametrize("gone", [HIDDEN, DELETED], ids=["hidden", "deleted"])


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "AT_ONCE", 3)


@pytest.fixture
def crowd() -> None:
    """Whom Ana's post was told."""
    consume(UserRegistered(user_id=ANA, user=person(ANA), version=1))
    consume(*(followed(reader, ANA) for reader in CROWD), time=NOON - timedelta(hours=1))
    consume(published(ANA), time=NOON)
    assert told() == list(CROWD)


def one_by_one(chunks: Sequence[Incoming]) -> None:
    for chunk in chunks:
        consume_chunks([chunk])


@pytest.mark.usefixtures("crowd")
@a_post_goes
def test_each_chunk_takes_back_what_some_were_told_and_all_together_all_of_it(gone: Event) -> None:
    chunks = cut(gone, time=LATER)
    assert told() == list(CROWD)
    one_by_one(chunks[:1])
    assert told() == list(CROWD[3:])
    one_by_one(chunks)
    assert (len(chunks), told()) == (3, [])
    assert set(Item.objects.filter(recipient_id__in=CROWD).values_list("fact_count")) == {(0,)}
    for reader in CROWD:
        assert_counts_are_right(reader)


@a_post_goes
def test_a_hidden_posts_author_keeps_what_they_were_told_and_a_deleted_ones_does_not(
    gone: Event,
) -> None:
    consume(commented(ANA, by=BEN))
    consume(gone, time=LATER)
    assert told("comment_added") == ([ANA] if gone is HIDDEN else [])


@pytest.mark.usefixtures("crowd")
@a_post_goes
def test_nobody_is_told_of_it_while_the_chunks_wait(gone: Event) -> None:
    chunks = cut(gone, time=LATER)
    consume(commented(ANA, by=BEN, mentions=(CROWD[0],)), time=LATER)
    assert told("mentioned") == []
    one_by_one(chunks)
    assert told() == []


@pytest.mark.usefixtures("crowd")
def test_of_one_that_is_back_what_was_told_before_is_taken_back_and_what_came_since_stays() -> None:
    chunks = cut(HIDDEN, time=LATER)
    consume(RESTORED, commented(ANA, by=BEN, mentions=(CROWD[0],)), time=LATER)
    one_by_one(chunks)
    assert told() == []
    assert told("mentioned") == [CROWD[0]]
    assert KnownPost.objects.get().visible


@pytest.mark.usefixtures("crowd")
def test_one_that_is_hidden_twice_is_as_the_last_event_says() -> None:
    first = cut(HIDDEN, time=LATER)
    consume(RESTORED, commented(ANA, by=BEN, mentions=(CROWD[0],)), time=LATER)
    second = cut(HIDDEN, time=LATER + timedelta(hours=1))
    one_by_one(first)
    assert not KnownPost.objects.get().visible
    one_by_one(second)
    assert told() == told("mentioned") == []
    assert not KnownPost.objects.get().visible


@pytest.mark.usefixtures("crowd")
@a_post_goes
def test_chunks_whose_event_was_rolled_back_take_it_back_and_nobody_is_told_after_them(
    gone: Event,
) -> None:
    with transaction.atomic():
        chunks = cut(gone, time=LATER)
        transaction.set_rollback(True)
    assert KnownPost.objects.get().visible
    one_by_one(chunks[:1])
    consume(commented(ANA, by=BEN, mentions=(CROWD[0],)), time=LATER)
    one_by_one(chunks[1:])
    assert told() == told("mentioned") == []
    consume(gone, time=LATER)
    assert told() == []


@pytest.mark.usefixtures("crowd")
@a_post_goes
def test_what_its_own_batch_tells_of_it_is_withheld(gone: Event) -> None:
    comment = commented(ANA, by=BEN, mentions=(CROWD[0],))
    consume(liked(ANA, by=BEN), comment, gone, time=LATER)
    assert told("mentioned") == told() == []
    # A hidden post's author sees it.
    assert told("post_liked") == told("comment_added") == ([ANA] if gone is HIDDEN else [])
    assert_counts_are_right(ANA)


def test_people_are_cut_into_ranges_by_how_much_they_were_told() -> None:
    """And nobody is in two."""
    for number, mentioned in enumerate([(11,), (11,), (11, 13), (11, 12), (13,), (14,), (15,)]):
        consume(commented(ANA, by=BEN, post_id=number + 1, mentions=mentioned))
    found = list(ranges_told(actor_id=BEN))
    assert found == [(0, ANA), (ANA + 1, 11), (12, 13), (14, LAST)]


class TestWhoIsDeleted:
    @pytest.fixture
    def chunks(self, crowd: None) -> list[Incoming]:
        consume(commented(BEN, by=ANA, post_id=2, mentions=(11,)))
        consume(commented(ANA, by=BEN, post_id=1, mentions=(12, 13)))
        return cut(UserDeleted(user_id=ANA, version=2))

    def test_is_forgotten_chunk_by_chunk(self, chunks: list[Incoming]) -> None:
        assert told() == list(CROWD)
        one_by_one(chunks[:1])
        assert 0 < len(told()) < len(CROWD)
        one_by_one(chunks)
        assert told() == []
        assert told("comment_added") == [BEN]
        # What was said under their posts goes, what they said stays without their name.
        assert told("mentioned") == [11]
        nobody = shown(deleted_person(ANA))
        assert all(item.actor == nobody for item in Item.objects.filter(retracted_at=None))
        for reader in CROWD:
            assert_counts_are_right(reader)

    def test_twice_is_once(self, chunks: list[Incoming]) -> None:
        one_by_one(chunks)
        before = list(Item.objects.order_by("id").values("id", "seq", "fact_count"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fanout, "AT_ONCE", 4)
            consume(UserDeleted(user_id=ANA, version=2))
        assert list(Item.objects.order_by("id").values("id", "seq", "fact_count")) == before

    @pytest.mark.usefixtures("crowd")
    def test_is_so_for_whoever_tells_of_them_after_a_chunk_whose_event_was_rolled_back(
        self,
    ) -> None:
        with transaction.atomic():
            chunks = cut(UserDeleted(user_id=ANA, version=2))
            transaction.set_rollback(True)
        assert not KnownUser.objects.get(user_id=ANA).deleted
        one_by_one(chunks)
        consume(published(ANA, post_id=3), time=LATER)
        assert told() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("crowd")
@a_post_goes
def test_a_chunk_waits_for_the_event_that_it_was_cut_from(
    elsewhere: ThreadPoolExecutor, gone: Event
) -> None:
    """Kafka has it before the commit."""
    with transaction.atomic():
        chunks = cut(gone, time=LATER)
        waiting = begin(elsewhere, partial(consume_chunks, chunks))
    waiting.result(timeout=20)
    assert told() == []
