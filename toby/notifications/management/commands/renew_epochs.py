"""What clients hold, declared to be of no use: once, after a restore."""

from typing import Any

from django.core.management.base import CommandParser

from toby.common.command import Command as BaseCommand
from toby.notifications.models import Inbox
from toby.notifications.restoring import renew_epochs


class Command(BaseCommand):
    help = (
        "Lets every client start afresh. To be run once the database of notifications was restored"
        " from a backup, before the site is opened: its seqs are given once more, and who holds a"
        " later one would miss what they bring. May be stopped and begun again."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell how many there are")

    def handle(self, *args: Any, **options: Any) -> None:
        total = done = Inbox.objects.count()
        if not options["dry_run"]:
            done = 0
            for inboxes in renew_epochs():
                done += inboxes
                self.progress(min(done, total), total, "inboxes")
        self.show({"inboxes": done, "dry_run": options["dry_run"]}, as_json=options["json"])
