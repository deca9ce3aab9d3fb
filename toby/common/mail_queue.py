"""What is done to queued mail every so often, where a service has a queue."""

from mailer.models import Message, MessageLog


def retry_deferred_mail() -> int:
    """Puts mail that could not be sent back into the queue."""
    return int(Message.objects.retry_deferred())


def purge_sent_mail() -> int:
    """Deletes what is noted of mail that was sent."""
    return int(MessageLog.objects.all().delete()[0])
