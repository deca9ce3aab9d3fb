"""Reading from a real Kafka: what was committed is not read again, what was rewound is."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import KafkaError, Message
from pytest_django import Settings

from deploy.local.servers import Tansu
from deploy.local.stack import Stack
from tests.flow.support import eventually
from toby.common.kafka import (
    EventConsumer,
    EventProducer,
    Incoming,
    KafkaUnavailable,
    Outgoing,
    ensure_topics,
)

ARRIVES_WITHIN_S = 30.0


@pytest.fixture
def topic(stack: Stack) -> str:
    name = f"test.{uuid4().hex}"
    assert ensure_topics([name]) == [name]
    return name


@pytest.fixture
def send(topic: str) -> Iterator[Callable[..., None]]:
    """`send(1, 2, key="k")` sends these numbers, in order where the key is one."""
    producer = EventProducer()

    def send(*numbers: int, key: str = "k") -> None:
        producer.send(
            [
                Outgoing(topic=topic, key=key, value=b"%d" % number, headers=[("n", b"\xff")])
                for number in numbers
            ]
        )

    yield send
    producer.close()


@pytest.fixture
def consumer_of(topic: str) -> Iterator[Callable[[str], EventConsumer]]:
    """`consumer_of("group")` joins the group; leaves it at the end of the test."""
    made: list[EventConsumer] = []

    def join(group: str) -> EventConsumer:
        made.append(EventConsumer(group=f"{group}.{topic}", topics=[topic]))
        return made[-1]

    yield join
    for consumer in made:
        consumer.close()


def receive(consumer: EventConsumer, count: int) -> list[Incoming]:
    """The next `count` messages, and fails if there are more or fewer."""
    found: list[Incoming] = []

    def enough() -> bool:
        found.extend(consumer.batch(wait_s=0.2))
        return len(found) >= count

    eventually(enough, within_s=ARRIVES_WITHIN_S, what=f"{count} messages")
    assert len(found) == count
    return found


def numbers(messages: list[Incoming]) -> list[int]:
    return [int(message.value or b"") for message in messages]


def test_messages_come_whole_and_in_the_order_of_their_key(
    send: Callable[..., None], consumer_of: Callable[[str], EventConsumer], topic: str
) -> None:
    send(*range(100))
    messages = receive(consumer_of("g"), 100)
    assert numbers(messages) == list(range(100))
    assert {(message.topic, message.key) for message in messages} == {(topic, "k")}
    assert len({message.partition for message in messages}) == 1
    assert messages[0].headers == [("n", b"\xff")]


def test_a_batch_is_no_larger_than_was_asked_and_the_rest_comes_next(
    send: Callable[..., None], consumer_of: Callable[[str], EventConsumer]
) -> None:
    send(*range(25))
    consumer = consumer_of("g")
    batches: list[list[int]] = []

    def all_came() -> bool:
        if batch := consumer.batch(most=10, wait_s=0.2):
            batches.append(numbers(batch))
        return sum(map(len, batches)) >= 25

    eventually(all_came, within_s=ARRIVES_WITHIN_S)
    assert max(map(len, batches)) <= 10
    assert sum(batches, []) == list(range(25))


def test_messages_that_were_rewound_come_again_in_order(
    send: Callable[..., None], consumer_of: Callable[[str], EventConsumer]
) -> None:
    send(*range(10), key="a")
    send(*range(10, 20), key="b")
    consumer = consumer_of("g")
    first = receive(consumer, 20)
    consumer.rewind(first)
    second = receive(consumer, 20)
    assert sorted(numbers(second)) == list(range(20))
    assert [n for n in numbers(second) if n < 10] == list(range(10))
    consumer.rewind([message for message in second if message.key == "b"])
    assert numbers(receive(consumer, 10)) == list(range(10, 20))


def test_what_was_committed_is_not_given_to_the_groups_next_consumer(
    send: Callable[..., None], consumer_of: Callable[[str], EventConsumer]
) -> None:
    send(1, 2, 3)
    first = consumer_of("g")
    messages = receive(first, 3)
    first.commit(messages[:2])
    first.close()
    assert numbers(receive(consumer_of("g"), 1)) == [3]


def test_what_was_not_committed_is_given_again(
    send: Callable[..., None], consumer_of: Callable[[str], EventConsumer]
) -> None:
    send(1, 2, 3)
    first = consumer_of("g")
    receive(first, 3)
    first.close()
    assert numbers(receive(consumer_of("g"), 3)) == [1, 2, 3]


def test_each_group_reads_everything(
    send: Callable[..., None], consumer_of: Callable[[str], EventConsumer]
) -> None:
    send(1, 2)
    one = consumer_of("one")
    one.commit(receive(one, 2))
    assert numbers(receive(consumer_of("two"), 2)) == [1, 2]


class Interrupted:
    """A Kafka consumer whose next batch ends with an error."""

    def __init__(self, real: Any, error: KafkaError) -> None:
        self.real, self.error = real, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def consume(self, most: int, timeout: float) -> list[Message]:
        return [*self.real.consume(most, timeout), Message(error=self.error)]


def test_an_error_in_the_middle_of_a_batch_loses_none_of_its_messages(
    send: Callable[..., None], consumer_of: Callable[[str], EventConsumer]
) -> None:
    send(*range(10))
    consumer = consumer_of("g")
    real = consumer._consumer
    consumer._consumer = Interrupted(real, KafkaError(KafkaError._TRANSPORT))  # type: ignore[assignment]

    def fails() -> bool:
        try:
            consumer.batch(wait_s=0.2)
        except KafkaUnavailable:
            return True
        return False

    eventually(fails, within_s=ARRIVES_WITHIN_S)
    consumer._consumer = real
    assert numbers(receive(consumer, 10)) == list(range(10))


def test_a_topic_that_is_not_there_yet_is_no_error(stack: Stack) -> None:
    consumer = EventConsumer(group=f"g.{uuid4().hex}", topics=[f"test.{uuid4().hex}"])
    try:
        assert consumer.batch(wait_s=1.0) == []
    finally:
        consumer.close()


def test_topics_are_made_once(topic: str) -> None:
    assert ensure_topics([topic]) == []


def test_a_kafka_that_is_not_there_is_told_as_such(settings: Settings) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    with pytest.raises(KafkaUnavailable):
        ensure_topics(["any"], wait_s=0.5)


def test_a_producer_that_has_failed_works_once_kafka_is_back(
    topic: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = settings.KAFKA_BOOTSTRAP_SERVERS
    monkeypatch.setattr("toby.common.kafka.DELIVERY_TIMEOUT_S", 1)
    producer = EventProducer()
    message = Outgoing(topic=topic, key="k", value=b"1", headers=[])
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    with pytest.raises(KafkaUnavailable):
        producer.send([message])
    assert producer.lost_contact()
    assert not producer.lost_contact()
    settings.KAFKA_BOOTSTRAP_SERVERS = there
    monkeypatch.setattr("toby.common.kafka.DELIVERY_TIMEOUT_S", 10)
    producer.send([message])
    producer.close()


def test_a_producer_is_not_stuck_with_a_broker_that_has_forgotten_it(
    tmp_path: Path, settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        broker = Tansu(tmp_path, free.getsockname()[1])
    settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_IS_VOLATILE = broker.address, True
    producer = EventProducer()
    try:
        for number in range(2):
            broker.start()
            ensure_topics(["test"])
            producer.send([Outgoing(topic="test", key="k", value=b"%d" % number, headers=[])])
            broker.kill()
            eventually(producer.lost_contact)
    finally:
        producer.close()
        broker.kill()
