"""Applies a batch of messages once: one transaction for the ledger and all that follows.

A message that cannot be handled goes to the dead letters and holds nobody up: a batch in which a
handler fails is done again event by event, and only the one at fault is put aside.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone

from toby.common.crash_points import crash_point
from toby.common.kafka import Incoming, KafkaUnavailable, Outgoing
from toby.common.logging import log
from toby.common.request_id import request_id
from toby.common.sql import index_order, is_database_trouble
from toby.common.writing import insert_lines, insert_missing
from toby.consumer import fanout
from toby.consumer.handlers import Handlers
from toby.consumer.models import ConsumedEvent, DeadLetter
from toby.events import BadEvent, Envelope, UnknownType
from toby.events.envelope import id_of

logger = logging.getLogger(__name__)


class Received(msgspec.Struct, frozen=True):
    """A message with what it was read as: an envelope, or why it is none."""

    message: Incoming
    event_id: UUID | None
    envelope: Envelope | None
    problem: str = ""


class SomeAreKnown(Exception):
    """The ledger has some of these events."""


class Processor:
    """Does what follows from messages, for one consumer. Troubles of the database and of Kafka are
    let through."""

    def __init__(
        self,
        consumer: str,
        handlers: Handlers,
        *,
        send: Callable[[Sequence[Outgoing]], None] = fanout.send,
    ) -> None:
        """`send` returns once Kafka has the chunks that it is given."""
        self.consumer, self.handlers, self.send = consumer, handlers, send
        self.concerned_by = handlers.events()

    def process(self, messages: Sequence[Incoming]) -> None:
        """On return all of `messages` are done: handled, known from before, dead letters, or such
        as nothing follows from here, which leave no trace."""
        received = [one for one in map(read, messages) if self._is_concerned(one)]
        if not received:
            return
        try:
            self._apply_and_send(received)
        except Exception as error:
            if is_trouble(error):
                raise
            if len(received) > 1:
                for one in received:
                    self._apply_or_bury(one)
            else:
                self._bury(received[0], repr(error))

    def _is_concerned(self, received: Received) -> bool:
        return received.envelope is None or type(received.envelope.data) in self.concerned_by

    def retry(self, letter: DeadLetter) -> None:
        """Tries a dead letter again; raises what its handler raises, and then changes nothing."""
        received = read(
            Incoming(
                topic=letter.topic,
                partition=letter.partition,
                offset=letter.offset,
                key=letter.key,
                value=None if letter.value is None else bytes(letter.value),
                headers=[(name, raw.encode("latin-1")) for name, raw in letter.headers],
            )
        )
        if received.problem:
            raise BadEvent(received.problem)
        with transaction.atomic():
            assert received.event_id is not None
            ConsumedEvent.objects.filter(
                consumer=self.consumer, event_id=received.event_id
            ).delete()
            DeadLetter.objects.filter(id=letter.id).update(resolved_at=timezone.now())
            # Before the commit, since nobody brings a letter again.
            if chunks := self._apply([received]):
                self.send(chunks)

    def _apply_or_bury(self, received: Received) -> None:
        try:
            self._apply_and_send([received])
        except Exception as error:
            if is_trouble(error):
                raise
            self._bury(received, repr(error))

    def _apply_and_send(self, received: Sequence[Received]) -> None:
        """The chunks go after the commit: who waits for Kafka holds no lock. If they do not get
        there, the messages count as unread, and come and are cut again."""
        chunks = self._apply(received)
        if chunks:
            crash_point("consumer.cut")
            self.send(chunks)

    def _apply(self, received: Sequence[Received]) -> list[Outgoing]:
        """Returns the chunks that Kafka is to have."""
        try:
            return self._apply_in_one(received, all_are_new=True)
        except SomeAreKnown:
            # Begun anew: what that has locked could hold up another who has the same events.
            return self._apply_in_one(received, all_are_new=False)

    def _apply_in_one(self, received: Sequence[Received], *, all_are_new: bool) -> list[Outgoing]:
        work = self.handlers.work()
        chunks: list[Outgoing] = []
        with transaction.atomic():
            for bad in received:
                if bad.problem:
                    self._keep(bad, bad.problem)
            event_ids = [one.event_id for one in received if one.event_id]
            new = self._enter(event_ids, all_are_new=all_are_new)
            for one in received:
                if one.envelope is None:
                    continue
                with request_id(one.envelope.request_id):
                    # Taken out, so that an id that stands twice in one batch is done once.
                    if one.event_id in new:
                        new.discard(one.event_id)
                        self.handlers.handle(one.envelope, work)
                        log(
                            logger,
                            "event.handled",
                            type=one.envelope.data.type,
                            id=one.envelope.id,
                        )
                    cut = self.handlers.chunks_of(one.envelope)
                    chunks += [fanout.outgoing(one.envelope, chunk) for chunk in cut]
            work.flush()
            transaction.on_commit(work.committed, robust=True)
        return chunks

    def _enter(self, event_ids: Sequence[UUID], *, all_are_new: bool = False) -> set[UUID]:
        """Writes the ledger's lines and returns the ids that were not there before.

        Waits for another process that is doing the same events, until it commits. Mostly
        `all_are_new`, and need not be read again; raises SomeAreKnown where that was wrong.
        """
        batch, now = uuid4(), timezone.now()
        # Sorted, so that two processes with the same events cannot wait for each other.
        ordered = sorted(set(event_ids), key=index_order)
        names = ["consumer", "event_id", "batch", "consumed_at"]
        lines = [(self.consumer, event_id, batch, now) for event_id in ordered]
        if all_are_new:
            try:
                insert_lines(ConsumedEvent, names, lines)
            except IntegrityError as error:
                raise SomeAreKnown from error
            return set(ordered)
        insert_lines(ConsumedEvent, names, lines, unique=["consumer", "event_id"])
        return set(ConsumedEvent.objects.filter(batch=batch).values_list("event_id", flat=True))

    def _bury(self, received: Received, problem: str) -> None:
        with transaction.atomic():
            if received.event_id:
                self._enter([received.event_id])
            self._keep(received, problem)

    def _keep(self, received: Received, problem: str) -> None:
        message = received.message
        content = b"%d %d %s %s" % (
            message.partition,
            message.offset,
            str(received.event_id).encode(),
            message.value or b"",
        )
        letter = DeadLetter(
            consumer=self.consumer,
            fingerprint=hashlib.sha256(message.topic.encode() + b" " + content).hexdigest(),
            event_id=received.event_id,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=message.key,
            headers=[[name, (raw or b"").decode("latin-1")] for name, raw in message.headers],
            value=message.value,
            error=problem[:4000],
            failed_at=timezone.now(),
        )
        insert_missing([letter], unique=["consumer", "fingerprint"])
        log(
            logger,
            "event.dead_letter",
            logging.ERROR,
            topic=message.topic,
            offset=message.offset,
            id=received.event_id,
            error=problem[:300],
        )


def is_trouble(error: Exception) -> bool:
    """Whether the message is not at fault."""
    return isinstance(error, KafkaUnavailable) or is_database_trouble(error)


def read(message: Incoming) -> Received:
    try:
        envelope = Envelope.parse(message.headers, message.value)
    except UnknownType:
        return Received(message, id_of(message.headers), None)
    except BadEvent as error:
        return Received(message, id_of(message.headers), None, str(error))
    return Received(message, envelope.id, envelope)
