"""What is done to the outbox every so often."""

from django.conf import settings
from django.utils import timezone

from toby.outbox.models import OutboxEvent


def prune() -> int:
    """Deletes events that were published longer ago than OUTBOX_RETENTION."""
    old = OutboxEvent.objects.filter(published_at__lt=timezone.now() - settings.OUTBOX_RETENTION)
    return old.delete()[0]
