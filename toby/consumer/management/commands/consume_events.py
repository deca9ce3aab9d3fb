"""Consumes events for one of the consumers of the service whose settings are in use."""

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from toby.common.command import Command as BaseCommand
from toby.common.crash_points import crash_point
from toby.common.kafka import EventConsumer
from toby.common.logging import log
from toby.common.worker import Worker
from toby.consumer import handlers
from toby.consumer.processing import Processor, is_trouble

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Consumes events, until it is stopped; several copies share the partitions."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        names = list(settings.CONSUMERS)
        parser.add_argument(
            "consumer", nargs="?", choices=names, default=names[0], help=f"{names[0]} if not given"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["consumer"]
        ours = handlers.of_consumer(name)
        processor = Processor(name, ours)
        consumer = EventConsumer(group=name, topics=ours.topics())
        log(logger, "consumer.started", group=name, topics=ours.topics())

        def step() -> bool:
            messages = consumer.batch(most=ours.at_once)
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
            retriable=is_trouble,
            is_ready=lambda: consumer.has_joined,
        )
        try:
            worker.run()
        finally:
            consumer.close()
