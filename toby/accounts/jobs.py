"""What is done to sessions and mail every so often."""

from datetime import timedelta

from django.utils import timezone
from mailer.models import Message

from toby.accounts.models import Session

KEPT_AFTER_END = timedelta(days=30)


def purge_sessions() -> int:
    """Deletes sessions that ended or expired longer than KEPT_AFTER_END ago."""
    return Session.objects.filter(expires_at__lt=timezone.now() - KEPT_AFTER_END).delete()[0]


def retry_deferred_mail() -> int:
    """Puts mail that could not be sent back into the queue."""
    return int(Message.objects.retry_deferred())
