"""The outbox table."""

from django.db import models

from toby.common.fields import ExactCharField


class OutboxEvent(models.Model):
    """An event on its way to Kafka; `published_at` is empty until Kafka has confirmed it."""

    event_id = models.UUIDField(unique=True)
    type = ExactCharField(max_length=100)
    topic = ExactCharField(max_length=100)
    key = ExactCharField(max_length=100)
    data = models.BinaryField()
    request_id = ExactCharField(max_length=64, blank=True)
    occurred_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["published_at", "id"], name="outbox_unpublished_first"),)

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
