"""Sends the outbox to Kafka, until it is stopped."""

from typing import Any

from django.conf import settings

from toby.common.command import Command as BaseCommand
from toby.common.kafka import KafkaUnavailable
from toby.common.sql import is_database_trouble
from toby.common.worker import Worker
from toby.outbox.relay import Relay


class Command(BaseCommand):
    help = "Sends the outbox to Kafka, until it is stopped; others stand by."

    def handle(self, *args: Any, **options: Any) -> None:
        relay = Relay()
        worker = Worker(
            relay.step,
            idle_s=settings.RELAY_POLL_S,
            retriable=lambda e: isinstance(e, KafkaUnavailable) or is_database_trouble(e),
        )
        try:
            worker.run()
        finally:
            relay.close()
