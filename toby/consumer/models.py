"""The ledger of what was consumed, and the letters that could not be."""

from django.db import models

from toby.common.fields import ExactCharField


class ConsumedEvent(models.Model):
    """A line of the ledger: this consumer has done all that follows from this event.

    Written in the transaction that does it. It outlives everything the event can come back from.
    """

    consumer = ExactCharField(max_length=50)
    event_id = models.UUIDField()
    # Who wrote the line: with ON DUPLICATE KEY UPDATE the row count does not tell new from old.
    batch = models.UUIDField()
    consumed_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["consumer", "event_id"], name="a_consumer_takes_an_event_once"
            ),
        )
        indexes = (models.Index(fields=["batch"], name="ledger_lines_of_a_batch"),)

    def __str__(self) -> str:
        return f"{self.consumer} {self.event_id}"


class DeadLetter(models.Model):
    """A message that a consumer could not handle, kept whole so that it can be tried again."""

    consumer = ExactCharField(max_length=50)
    # Of the message's place, id and content: the same one delivered again is the same letter.
    fingerprint = ExactCharField(max_length=64)
    event_id = models.UUIDField(null=True, db_index=True)
    topic = ExactCharField(max_length=100)
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    key = models.TextField(blank=True)
    headers = models.JSONField()
    value = models.BinaryField(null=True)
    error = models.TextField()
    failed_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["consumer", "fingerprint"], name="a_dead_letter_is_kept_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.consumer} {self.topic}/{self.partition}/{self.offset}"
