"""The only module that speaks to Kafka: a producer that confirms, a consumer that batches."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from django.conf import settings

from toby.common.logging import log

logger = logging.getLogger(__name__)

DELIVERY_TIMEOUT_S = 10


class KafkaUnavailable(Exception):
    """Kafka did not take or give what was asked within the time that was given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    topic: str
    key: str
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def common_config() -> dict[str, Any]:
    return {
        "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
        "client.id": settings.PROCESS_NAME,
        "error_cb": report,
        "logger": logging.getLogger("toby.librdkafka"),
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1000,
        "socket.keepalive.enable": True,
    }


def report(error: KafkaError) -> None:
    log(logger, "kafka.trouble", logging.WARNING, error=error.str())


class EventProducer:
    """Idempotent, acks=all. After a failure it is made anew, and where the broker may have lost its
    log, after any loss of contact: such a broker leaves the old one stuck. Make it after any fork:
    librdkafka's threads do not survive one."""

    def __init__(self) -> None:
        self._producer: Producer | None = None
        self._contact_lost = self._may_be_stuck = False

    def lost_contact(self) -> bool:
        """Whether no broker could be reached at some moment since this was last asked."""
        if self._producer is not None:
            self._producer.poll(0)
        lost, self._contact_lost = self._contact_lost, False
        return lost

    def _report(self, error: KafkaError) -> None:
        report(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._contact_lost = True
            self._may_be_stuck = settings.KAFKA_IS_VOLATILE

    def send(self, messages: Sequence[Outgoing]) -> None:
        """Returns when Kafka has all of them; raises KafkaUnavailable if one may be missing."""
        if self._producer is not None:
            self._producer.poll(0)
        if self._may_be_stuck:
            self._producer, self._may_be_stuck = None, False
        producer = self._producer = self._producer or Producer(
            {
                **common_config(),
                "error_cb": self._report,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "message.timeout.ms": DELIVERY_TIMEOUT_S * 1000,
                "partitioner": "murmur2_random",
                "topic.metadata.refresh.interval.ms": 30_000,
            }
        )
        delivered = 0
        problems: list[str] = []

        def confirm(error: KafkaError | None, message: Message) -> None:
            nonlocal delivered
            if error is None:
                delivered += 1
            else:
                problems.append(error.str())

        try:
            for message in messages:
                producer.produce(
                    message.topic,
                    key=message.key.encode(),
                    value=message.value,
                    headers=list(message.headers),
                    on_delivery=confirm,
                )
            producer.flush(DELIVERY_TIMEOUT_S + 2)
        except (KafkaException, BufferError) as error:
            problems.append(str(error))
        if problems or delivered < len(messages):
            producer.purge()
            self._producer = None
            self._contact_lost = True
            raise KafkaUnavailable(problems[0] if problems else "no confirmation in time")

    def close(self) -> None:
        if self._producer is not None:
            self._producer.flush(DELIVERY_TIMEOUT_S)
            self._producer = None


class EventConsumer:
    """Reads batches of a group's share of `topics`; what `commit` is told is not read again."""

    def __init__(self, *, group: str, topics: Sequence[str]) -> None:
        self._consumer = Consumer(
            {
                **common_config(),
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                # Kafka answers as soon as there is something, Tansu after half of it. What waits in
                # vain is a request for nothing; but a partition just given waits for it to end.
                "fetch.wait.max.ms": 20 if settings.KAFKA_IS_VOLATILE else 100,
                "partition.assignment.strategy": "cooperative-sticky"
                if not settings.KAFKA_IS_VOLATILE
                else "range",
                # Tansu lets a group form only after half of it.
                "session.timeout.ms": 6_000 if settings.KAFKA_IS_VOLATILE else 10_000,
                "heartbeat.interval.ms": 1_000,
                "max.poll.interval.ms": 120_000,
                "topic.metadata.refresh.interval.ms": 5_000,
                "allow.auto.create.topics": False,
            }
        )
        # Whether the group has given this copy its share, which may be nothing.
        self.has_joined = False
        self._consumer.subscribe(list(topics), on_assign=self._assigned)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.has_joined = True
        log(logger, "kafka.assigned", partitions=len(partitions))

    def batch(self, *, most: int = 500, wait_s: float = 1.0) -> list[Incoming]:
        """What has arrived, up to `most`; waits up to `wait_s` for the first only.

        Raises KafkaUnavailable where Kafka says why it gives nothing.
        """
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        # consume(500, 1.0) would wait the whole second on a part batch.
        found = [first, *self._consumer.consume(most - 1, 0)]
        messages, problems = [], []
        for message in found:
            error = message.error()
            if error is None:
                messages.append(incoming(message))
            elif error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                problems.append(error.str())
        if problems:
            # Else the messages beside it would count as read, and never be.
            self.rewind(messages)
            raise KafkaUnavailable(problems[0])
        return messages

    def commit(self, messages: Sequence[Incoming]) -> None:
        """Commits the offsets after `messages`, without waiting: what is lost is read again."""
        last: dict[tuple[str, int], int] = {}
        for message in messages:
            last[message.topic, message.partition] = message.offset + 1
        self._consumer.commit(
            offsets=[TopicPartition(topic, part, offset) for (topic, part), offset in last.items()],
            asynchronous=True,
        )

    def rewind(self, messages: Sequence[Incoming]) -> None:
        """Reads `messages` again next time."""
        first: dict[tuple[str, int], int] = {}
        for message in messages:
            first.setdefault((message.topic, message.partition), message.offset)
        for (topic, partition), offset in first.items():
            self._consumer.seek(TopicPartition(topic, partition, offset))

    def close(self) -> None:
        self._consumer.close()


def incoming(message: Message) -> Incoming:
    key, value = message.key(), message.value()
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Incoming(
        topic=str(message.topic()),
        partition=int(message.partition() or 0),
        offset=int(message.offset() or 0),
        key=as_bytes(key).decode(errors="replace") if key is not None else "",
        value=None if value is None else as_bytes(value),
        headers=[(name, None if raw is None else as_bytes(raw)) for name, raw in pairs],
    )


def as_bytes(raw: str | bytes) -> bytes:
    return raw.encode() if isinstance(raw, str) else raw


def ensure_topics(topics: Sequence[str], *, wait_s: float = 30.0) -> list[str]:
    """Creates those of `topics` that are missing and returns their names.

    Raises KafkaUnavailable where Kafka does not answer within `wait_s`.
    """
    admin = AdminClient(common_config())
    try:
        there = admin.list_topics(timeout=wait_s).topics
        missing = [name for name in topics if name not in there]
        if not missing:
            return []
        made = admin.create_topics(
            [
                NewTopic(
                    name,
                    num_partitions=settings.KAFKA_PARTITIONS,
                    replication_factor=settings.KAFKA_REPLICATION,
                )
                for name in missing
            ],
            operation_timeout=wait_s,
        )
        for future in made.values():
            settle(future.result)
    except KafkaException as error:
        raise KafkaUnavailable(str(error)) from error
    return missing


def settle(result: Callable[[], object]) -> None:
    try:
        result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
