"""Old notifications, pruned at once rather than by and by."""

from typing import Any

from django.core.management.base import CommandParser

from toby.common.command import Command as BaseCommand
from toby.notifications import pruning


class Command(BaseCommand):
    help = (
        "Retracts notifications that are older than TOBY_NOTIFICATIONS_KEPT_FOR_S, and deletes what"
        " was retracted more than 30 days ago, while the site is running. The periodic job does the"
        " same by and by. May be stopped and begun again."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell how many are due")

    def handle(self, *args: Any, **options: Any) -> None:
        due = {"expired": pruning.expired().count(), "deleted": pruning.old_tombstones().count()}
        if not options["dry_run"]:
            total, done = sum(due.values()), 0
            due = dict.fromkeys(due, 0)
            for what, items in pruning.prune():
                due[what] += items
                done += items
                self.progress(min(done, total), total, "notifications")
        self.show({**due, "dry_run": options["dry_run"]}, as_json=options["json"])
