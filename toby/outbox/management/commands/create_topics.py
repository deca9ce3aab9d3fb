"""Creates Kafka's topics; does nothing to those that are there."""

from typing import Any

from django.core.management.base import CommandError

from toby.common.command import Command as BaseCommand
from toby.common.kafka import KafkaUnavailable, ensure_topics
from toby.events import TOPICS


class Command(BaseCommand):
    help = "Creates the topics that Toby needs and Kafka lacks."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = ensure_topics(TOPICS)
        except KafkaUnavailable as error:
            raise CommandError(f"Kafka does not answer: {error}") from error
        self.stdout.write(f"created: {', '.join(made)}" if made else "all topics are there")
