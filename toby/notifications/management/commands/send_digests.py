"""Digests that are due, queued at once."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from toby.common.command import Command as BaseCommand
from toby.notifications import digests


class Command(BaseCommand):
    help = (
        "Queues a digest for everybody who is due one; run_periodic does the same every few"
        " minutes. May be stopped and begun again: nobody gets two of one hour or day."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell how many it would be")

    def handle(self, *args: Any, **options: Any) -> None:
        due = list(digests.due(timezone.now()))
        mails = items = 0
        for done, user_id in enumerate(due, 1):
            held = digests.send_digest(user_id, dry_run=options["dry_run"])
            mails, items = mails + (held > 0), items + held
            self.progress(done, len(due), "readers")
        told = {"mails": mails, "items": items, "dry_run": options["dry_run"]}
        self.show(told, as_json=options["json"])
