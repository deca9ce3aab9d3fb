"""Deletes the accounts whose owners asked for it, once their time to undo it is over."""

from typing import Any

from django.core.management.base import CommandParser

from toby.accounts import services
from toby.common.command import Command as BaseCommand


class Command(BaseCommand):
    help = (
        "Deletes accounts whose owners asked for it and can no longer undo it; run_periodic does "
        "the same every ten minutes."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say which it would be")

    def handle(self, *args: Any, **options: Any) -> None:
        due = list(services.due_deletions())
        rows = []
        for done, deletion in enumerate(due, 1):
            if options["dry_run"] or services.delete_account(user_id=deletion.user_id):
                rows.append(
                    {"user": deletion.user_id, "asked": deletion.asked_at, "due": deletion.due_at}
                )
            self.progress(done, len(due), "accounts")
        self.table(rows, as_json=options["json"])
