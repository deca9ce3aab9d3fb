"""The relay's turns: full batches, lost contact, and what a failure leaves behind."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from deploy.local.stack import Stack
from tests.events.support import golden
from toby.common.kafka import KafkaUnavailable, ensure_topics
from toby.events.envelope import contracts
from toby.outbox.emit import emit
from toby.outbox.models import OutboxEvent
from toby.outbox.relay import Relay, outgoing, unpublished

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def topic(stack: Stack) -> str:
    name = f"test.{uuid4().hex}"
    ensure_topics([name])
    return name


@pytest.fixture
def relay(transactional_db: None) -> Iterator[Relay]:
    relay = Relay()
    yield relay
    relay.close()
    # A lock shortens its session's timeout: no other test shall have that session.
    connection.close()


def make_rows(topic: str, count: int) -> None:
    now = timezone.now()
    OutboxEvent.objects.bulk_create(
        OutboxEvent(
            event_id=uuid4(), type="t.x.v1", topic=topic, key="k", data=b"{}", occurred_at=now
        )
        for _ in range(count)
    )


def test_a_full_batch_says_that_there_may_be_more_at_once(
    topic: str, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toby.outbox.relay.BATCH", 3)
    make_rows(topic, 5)
    assert relay.step()
    assert unpublished().count() == 2
    assert not relay.step()
    assert not unpublished().exists()
    assert not relay.step()


@pytest.mark.parametrize("type", sorted(contracts()))
def test_what_is_sent_is_what_the_golden_file_says(type: str) -> None:
    file = golden(type)
    with transaction.atomic():
        row = emit(file.envelope().data)
    sent = outgoing(row)
    assert (sent.topic, sent.key, json.loads(sent.value)) == (file.topic, file.key, file.data)
    headers = {name: raw.decode() for name, raw in sent.headers}
    for name in ("ce_specversion", "ce_source", "ce_type", "content-type"):
        assert headers[name] == file.headers[name]
    assert headers["ce_id"] == str(row.event_id)
    assert headers["ce_time"] == row.occurred_at.isoformat()


def test_a_volatile_broker_that_was_out_of_reach_is_sent_everything_again(
    topic: str, relay: Relay, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KAFKA_IS_VOLATILE = True
    there = settings.KAFKA_BOOTSTRAP_SERVERS
    make_rows(topic, 2)
    relay.step()
    assert not unpublished().exists()
    make_rows(topic, 1)
    monkeypatch.setattr("toby.common.kafka.DELIVERY_TIMEOUT_S", 0.5)
    relay.producer.close()
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    with pytest.raises(KafkaUnavailable):
        relay.step()
    # As the worker does; the session may have timed out meanwhile.
    connection.close()
    assert unpublished().count() == 1
    settings.KAFKA_BOOTSTRAP_SERVERS = there
    monkeypatch.setattr("toby.common.kafka.DELIVERY_TIMEOUT_S", 10)
    sent: list[int] = []
    send = relay.producer.send

    def count(messages: list[object]) -> None:
        sent.append(len(messages))
        send(messages)  # type: ignore[arg-type]

    monkeypatch.setattr(relay.producer, "send", count)
    relay.step()
    assert sent == [3]
    assert not unpublished().exists()


def test_a_lasting_broker_that_was_out_of_reach_is_sent_only_what_is_new(
    topic: str, relay: Relay, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KAFKA_IS_VOLATILE = False
    make_rows(topic, 2)
    relay.step()
    monkeypatch.setattr(relay.producer, "lost_contact", lambda: True)
    relay.lock.release()
    relay.step()
    assert not unpublished().exists()
    assert OutboxEvent.objects.exclude(published_at=None).count() == 2


def test_if_kafka_has_confirmed_but_marking_fails_it_is_sent_again(
    topic: str, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_rows(topic, 2)
    with monkeypatch.context() as patch:
        patch.setattr("toby.outbox.relay.mark_published", raise_an_error)
        with pytest.raises(RuntimeError):
            relay.step()
    assert unpublished().count() == 2
    relay.step()
    assert not unpublished().exists()


def raise_an_error(batch: object) -> None:
    raise RuntimeError
