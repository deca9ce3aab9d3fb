"""Digests that are due, queued at once."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from toby.common.command import Command as BaseCommand
from toby.notifications import digests


class Command(BaseCommand):
    help = (
        "Queues a digest for everybody who is due one; run_periodic does the same every"
        " minute. May be stopped and begun again: nobody gets two of one hour or day."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell how many it would be")

    def handle(self, *args: Any, **options: Any) -> None:
        due = list(digests.Walk().due(timezone.now()))
        mails = items = failed = 0
        for done, user_id in enumerate(due, 1):
            held = digests.send_or_log(user_id, dry_run=options["dry_run"])
            failed += held is None
            mails, items = mails + bool(held), items + (held or 0)
            self.progress(done, len(due), "readers")
        told = {"mails": mails, "items": items, "dry_run": options["dry_run"]}
        self.show(told, as_json=options["json"])
        if failed:
            raise CommandError(f"{failed} of {len(due)} readers' digests failed: see the log")
