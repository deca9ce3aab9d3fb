"""Lists dead letters and tries them again."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from toby.common.command import Command as BaseCommand
from toby.consumer import handlers
from toby.consumer.models import DeadLetter
from toby.consumer.processing import Processor


class Command(BaseCommand):
    help = "Lists messages that could not be handled, or tries them again."
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("act", choices=["list", "retry"])
        parser.add_argument(
            "ids", nargs="*", type=int, help="letters to retry; all if none is given"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be retried")

    def handle(self, *args: Any, **options: Any) -> None:
        letters = DeadLetter.objects.filter(
            consumer__in=settings.CONSUMERS, resolved_at=None
        ).order_by("id")
        if options["ids"]:
            letters = letters.filter(id__in=options["ids"])
            missing = set(options["ids"]) - set(letters.values_list("id", flat=True))
            if missing:
                raise CommandError(
                    f"no open letter: {', '.join(map(str, sorted(missing)))}", returncode=2
                )
        processors = {
            name: Processor(name, handlers.of_consumer(name)) for name in settings.CONSUMERS
        }
        rows, failed = [], 0
        for letter in list(letters):
            row = {
                "id": letter.id,
                "consumer": letter.consumer,
                "event": letter.event_id,
                "topic": letter.topic,
                "failed_at": letter.failed_at,
                "error": letter.error[:80],
            }
            if options["act"] == "retry":
                row["result"] = "would be retried"
                if not options["dry_run"]:
                    try:
                        processors[letter.consumer].retry(letter)
                        row["result"] = "handled"
                    except Exception as error:
                        row["result"], failed = f"failed again: {error!r}"[:120], failed + 1
            rows.append(row)
        self.table(rows, as_json=options["json"])
        if failed:
            raise CommandError(f"{failed} failed again")
