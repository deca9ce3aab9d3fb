"""Chunks: how rows are cut, and how the event that is cut is known again by them."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from tests.consumer.support import CONSUMER, Rows
from tests.events.support import incoming
from toby.common.kafka import Incoming, Outgoing
from toby.consumer import fanout
from toby.consumer.handlers import Handlers
from toby.consumer.models import ConsumedEvent
from toby.consumer.processing import Processor
from toby.events import Envelope, Event, FeedsDue, PostRestored, deleted_person

pytestmark = pytest.mark.django_db
PARENT = UUID(int=7)
cutting = Handlers(Rows)


@cutting.fans_out(PostRestored)
def cut_in_two(event: PostRestored, parent: Envelope) -> list[Event]:
    return [
        FeedsDue(post_id=event.post_id, first_id=first, last_id=last)
        for first, last in ((1, 2), (3, 9))
    ]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, [(1, 1)]), (3, [(1, 3)]), (4, [(1, 3), (4, 4)]), (6, [(1, 3), (4, 6)])],
)
def test_rows_are_cut_into_ranges_that_together_hold_each_once(
    count: int, expected: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "AT_ONCE", 3)
    Group.objects.bulk_create(Group(name=str(number)) for number in range(count))
    ids = list(Group.objects.order_by("id").values_list("id", flat=True))
    found = list(fanout.ranges(Group.objects.all(), "id"))
    assert found == [(ids[first - 1], ids[last - 1]) for first, last in expected]


def restored(post_id: int, parent: UUID) -> Incoming:
    event = PostRestored(post_id=post_id, slug="slug", author=deleted_person(5))
    return incoming(event, event_id=parent, request_id="abcdef-1")


def sent_for(post_id: int = 1, parent: UUID = PARENT) -> list[Outgoing]:
    sent: list[Outgoing] = []
    Processor(CONSUMER, cutting, send=sent.extend).process([restored(post_id, parent)])
    return sent


def test_chunks_go_once_their_event_is_committed_and_all_locks_are_free() -> None:
    known_of_the_event: list[tuple[bool, int]] = []

    def send(chunks: Sequence[Outgoing]) -> None:
        is_known = ConsumedEvent.objects.filter(consumer=CONSUMER, event_id=PARENT).exists()
        known_of_the_event.append((is_known, len(connection.savepoint_ids)))

    Processor(CONSUMER, cutting, send=send).process([restored(1, PARENT)])
    assert known_of_the_event == [(True, 0)]


def ids(sent: list[Outgoing]) -> list[bytes]:
    return [dict(message.headers)["ce_id"] for message in sent]


def test_an_event_that_comes_again_makes_the_same_chunks() -> None:
    first = sent_for()
    assert len(set(ids(first))) == 2
    assert ids(sent_for()) == ids(first)


def test_another_event_or_another_chunk_has_another_id() -> None:
    of_another_parent = ids(sent_for(parent=UUID(int=8)))
    of_another_post = ids(sent_for(post_id=2))
    assert len({*ids(sent_for()), *of_another_parent, *of_another_post}) == 6


def test_a_chunk_goes_to_its_topic_with_its_parents_request_and_time() -> None:
    message = sent_for()[0]
    assert (message.topic, message.key) == ("toby.fanout", "1")
    assert dict(message.headers)["ce_requestid"] == b"abcdef-1"
    assert dict(message.headers)["ce_type"] == b"social.feeds_due.v1"
