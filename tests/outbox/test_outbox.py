"""Emitting in a transaction, and the relay on a real Kafka."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from threading import Thread
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from deploy.local.stack import Stack
from tests.flow.support import eventually
from toby.common.kafka import EventConsumer, Incoming, KafkaUnavailable, ensure_topics
from toby.common.request_id import request_id
from toby.events import SOCIAL, Envelope, Person, PostPublished, UserUnfollowed
from toby.outbox.emit import emit
from toby.outbox.jobs import prune
from toby.outbox.models import OutboxEvent
from toby.outbox.relay import Relay, mark_published, unpublished

EVENT = UserUnfollowed(follower_id=7, followee_id=8, version=1)


def emit_one(version: int = 1, *, topic: str = SOCIAL) -> OutboxEvent:
    with transaction.atomic():
        row = emit(UserUnfollowed(follower_id=7, followee_id=8, version=version))
        OutboxEvent.objects.filter(id=row.id).update(topic=topic)
    return row


@pytest.mark.django_db
class TestEmit:
    def test_outside_a_transaction_it_is_refused(self) -> None:
        with pytest.raises(transaction.TransactionManagementError):
            emit(EVENT)
        assert not OutboxEvent.objects.exists()

    def test_what_is_rolled_back_was_never_emitted(self) -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            emit(EVENT)
            raise RuntimeError
        assert not OutboxEvent.objects.exists()

    def test_it_keeps_data_key_topic_and_the_request_id(self) -> None:
        with request_id("a-request-id"), transaction.atomic():
            row = emit(EVENT)
        assert (row.topic, row.key, row.request_id) == ("toby.social", "7", "a-request-id")
        assert json.loads(bytes(row.data))["followee_id"] == 8
        assert row.published_at is None

    def test_more_than_kafka_would_take_is_refused(self) -> None:
        huge = PostPublished(
            post_id=1,
            slug="s",
            title="x" * 600_000,
            author=Person(user_id=1, username="ana", display_name="Ana"),
        )
        with pytest.raises(ValueError, match="bytes"), transaction.atomic():
            emit(huge)


@pytest.fixture
def topic(stack: Stack, transactional_db: None) -> str:
    """A topic of the test's own."""
    name = f"test.{uuid4().hex[:12]}"
    ensure_topics([name])
    return name


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """A test may look at Kafka for longer than a relay is ever silent: its session waits for it."""
    monkeypatch.setattr("toby.common.locks.SESSION_TIMEOUT_S", 60)
    relay = Relay()
    yield relay
    relay.close()
    connection.close()


def read_all(topic: str, count: int) -> list[Incoming]:
    consumer = EventConsumer(group=f"test-{uuid4().hex[:8]}", topics=[topic])
    found: list[Incoming] = []
    try:

        def enough() -> bool:
            found.extend(consumer.batch())
            return len(found) >= count

        eventually(enough, within_s=30)
        found.extend(consumer.batch(wait_s=0.5))
    finally:
        consumer.close()
    return found


def test_the_relay_sends_in_order_with_cloudevents_headers_and_marks(
    topic: str, relay: Relay
) -> None:
    with request_id("a-request-id"):
        rows = [emit_one(version, topic=topic) for version in range(5)]
    relay.step()
    messages = read_all(topic, 5)
    envelopes = [Envelope.parse(message.headers, message.value) for message in messages]
    assert [envelope.id for envelope in envelopes] == [row.event_id for row in rows]
    assert {message.key for message in messages} == {"7"}
    assert {envelope.request_id for envelope in envelopes} == {"a-request-id"}
    assert {envelope.source for envelope in envelopes} == {"/toby/social"}
    assert not unpublished().exists()


def test_a_transaction_that_commits_late_is_still_sent(topic: str, relay: Relay) -> None:
    """Its id is lower than what was read before: reading by `id > last` would lose it."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time: nothing can commit late")
    late: list[OutboxEvent] = []

    def sleeper() -> None:
        with transaction.atomic():
            late.append(emit_one(1, topic=topic))
            early = Thread(target=emit_and_send)
            early.start()
            early.join()
        connection.close()

    def emit_and_send() -> None:
        other = Relay()
        emit_one(2, topic=topic)
        other.step()
        other.close()
        connection.close()

    thread = Thread(target=sleeper)
    thread.start()
    thread.join()
    relay.step()
    messages = read_all(topic, 2)
    sent = [Envelope.parse(message.headers, message.value).id for message in messages]
    assert late[0].event_id in sent
    assert len(sent) == 2


def test_one_relay_is_active_and_the_next_takes_over(topic: str, relay: Relay) -> None:
    emit_one(topic=topic)
    relay.step()
    emit_one(topic=topic)
    outcome: list[int] = []

    def second() -> None:
        standby = Relay()
        standby.step()
        outcome.append(unpublished().count())
        standby.close()
        connection.close()

    thread = Thread(target=second)
    thread.start()
    thread.join()
    assert outcome == [1]
    relay.close()
    thread = Thread(target=second)
    thread.start()
    thread.join()
    assert outcome == [1, 0]


@pytest.mark.usefixtures("stack")
@pytest.mark.django_db(transaction=True)
def test_a_relay_whose_session_was_killed_drops_its_batch_and_the_lock(relay: Relay) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no sessions to kill")
    relay.step()
    assert relay.lock.held
    with connection.cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        session = cursor.fetchone()[0]

    def kill() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"KILL {session:d}")
        connection.close()

    thread = Thread(target=kill)
    thread.start()
    thread.join()
    with pytest.raises(Exception, match=r"20(06|13)|4031|gone away|killed"):
        relay.step()
    connection.close()
    assert not relay.lock.held
    relay.step()
    assert relay.lock.held


@pytest.mark.django_db(transaction=True)
def test_with_kafka_away_nothing_is_marked(
    settings: object, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.conf.settings.KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("toby.common.kafka.DELIVERY_TIMEOUT_S", 1)
    emit_one()
    with pytest.raises(KafkaUnavailable):
        relay.step()
    connection.close()
    assert unpublished().count() == 1


def test_a_broker_that_forgets_is_sent_the_retained_outbox_at_a_start(
    topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.conf.settings.KAFKA_IS_VOLATILE", True)
    row = emit_one(topic=topic)
    mark_published([row])
    starting = Relay()
    starting.step()
    starting.close()
    assert [message.key for message in read_all(topic, 1)] == ["7"]


@pytest.mark.django_db
class TestCommandsAndJobs:
    def test_only_what_was_published_long_ago_is_pruned(self) -> None:
        fresh, old, waiting = emit_one(1), emit_one(2), emit_one(3)
        now = timezone.now()
        long_ago = now - timedelta(days=8)
        OutboxEvent.objects.filter(id=fresh.id).update(published_at=now)
        OutboxEvent.objects.filter(id=old.id).update(published_at=long_ago)
        OutboxEvent.objects.filter(id=waiting.id).update(occurred_at=long_ago)
        assert prune() == 1
        assert set(OutboxEvent.objects.values_list("id", flat=True)) == {fresh.id, waiting.id}

    def test_republishing_can_be_tried_first(self) -> None:
        mark_published([emit_one()])
        assert run("republish_outbox", "--json", "--dry-run") == {"events": 1, "dry_run": True}
        assert not unpublished().exists()
        assert run("republish_outbox", "--json") == {"events": 1, "dry_run": False}
        assert unpublished().count() == 1


def run(*command: str) -> dict[str, object]:
    printed = StringIO()
    call_command(*command, stdout=printed)
    return dict(json.loads(printed.getvalue()))
