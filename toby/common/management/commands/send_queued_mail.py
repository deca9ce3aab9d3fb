"""Sends the mail that is queued, until it is stopped."""

import logging
from typing import Any

from mailer.engine import send_all
from mailer.models import MessageLog

from toby.common.command import Command as BaseCommand
from toby.common.logging import log
from toby.common.sql import is_database_trouble
from toby.common.worker import Worker

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Sends queued mail, until it is stopped. What cannot be sent is tried again later."

    def handle(self, *args: Any, **options: Any) -> None:
        # Unlike the library's own loop it outlives its database, and shows that it is well.
        Worker(send, idle_s=1.0, retriable=is_database_trouble).run()


def send() -> bool:
    before = MessageLog.objects.count()
    send_all()
    sent = MessageLog.objects.count() - before
    if sent > 0:
        log(logger, "mail.tried", count=sent)
    return False
