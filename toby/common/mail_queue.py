"""What is done to queued mail every so often, where a service has a queue."""

import logging
from datetime import timedelta

from django.utils import timezone
from mailer.models import Message, MessageLog

from toby.common.logging import log

logger = logging.getLogger(__name__)

TRIED_FOR = timedelta(days=3)


def retry_deferred_mail() -> int:
    """Puts mail that could not be sent back into the queue; what nobody has taken for TRIED_FOR is
    deleted."""
    old = Message.objects.deferred().filter(when_added__lt=timezone.now() - TRIED_FOR)
    # By their ids: else rows would be waited for that are being sent.
    ids = list(old.values_list("id", flat=True))
    if ids:
        Message.objects.filter(id__in=ids).delete()
        log(logger, "mail.given_up", logging.WARNING, count=len(ids))
    return int(Message.objects.retry_deferred())


def purge_sent_mail() -> int:
    """Deletes what is noted of mail that was sent."""
    return int(MessageLog.objects.all().delete()[0])
