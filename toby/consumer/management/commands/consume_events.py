"""Consumes events for the service whose settings are in use, until it is stopped."""

import logging
from typing import Any

from django.conf import settings

from toby.common.command import Command as BaseCommand
from toby.common.crash_points import crash_point
from toby.common.kafka import EventConsumer, KafkaUnavailable
from toby.common.logging import log
from toby.common.sql import is_database_trouble
from toby.common.worker import Worker
from toby.consumer import handlers
from toby.consumer.processing import Processor

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Consumes events, until it is stopped; several copies share the partitions."

    def handle(self, *args: Any, **options: Any) -> None:
        ours = handlers.of_this_service()
        processor = Processor(settings.CONSUMER_GROUP, ours)
        consumer = EventConsumer(group=settings.CONSUMER_GROUP, topics=ours.topics())
        log(logger, "consumer.started", group=settings.CONSUMER_GROUP, topics=ours.topics())

        def step() -> bool:
            messages = consumer.batch()
            if not messages:
                return False
            try:
                processor.process(messages)
            except Exception:
                consumer.rewind(messages)
                raise
            crash_point("consumer.committed")
            consumer.commit(messages)
            return True

        worker = Worker(
            step,
            retriable=lambda e: isinstance(e, KafkaUnavailable) or is_database_trouble(e),
            is_ready=lambda: consumer.has_joined,
        )
        try:
            worker.run()
        finally:
            consumer.close()
