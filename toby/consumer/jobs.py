"""What is done to the ledger every so often."""

from django.conf import settings
from django.utils import timezone

from toby.consumer.models import ConsumedEvent


def prune() -> int:
    """Deletes lines older than LEDGER_RETENTION, by when nothing brings their events back."""
    old = ConsumedEvent.objects.filter(consumed_at__lt=timezone.now() - settings.LEDGER_RETENTION)
    return old.delete()[0]
