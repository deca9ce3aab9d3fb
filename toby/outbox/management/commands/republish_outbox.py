"""Sends the retained outbox again: after Kafka has lost what it had."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from toby.common.command import Command as BaseCommand
from toby.outbox.relay import republish_retained, retained


class Command(BaseCommand):
    help = (
        "Lets the relay send what is still in the outbox again; consumers pass over what they know."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--hours", type=float, help="only events of the last hours; default all"
        )
        parser.add_argument("--dry-run", action="store_true", help="say how many it would be")

    def handle(self, *args: Any, **options: Any) -> None:
        hours = options["hours"]
        since = None if hours is None else timezone.now() - timedelta(hours=hours)
        count = retained(since).count() if options["dry_run"] else republish_retained(since)
        self.show({"events": count, "dry_run": options["dry_run"]}, as_json=options["json"])
