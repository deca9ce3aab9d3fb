"""Tells notifications to which addresses digests go, of accounts that are older than the event."""

from typing import Any

from django.core.management.base import CommandParser

from toby.accounts.models import User
from toby.accounts.services import announce_address
from toby.common.command import Command as BaseCommand


class Command(BaseCommand):
    help = (
        "Sends the event of each account's address again. Needed once, for accounts that were made"
        " before there were digests. Does no harm if it is run again."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell how many there are")

    def handle(self, *args: Any, **options: Any) -> None:
        users = User.objects.filter(deleted_at=None).order_by("id")
        ids = list(users.values_list("id", flat=True))
        if not options["dry_run"]:
            for done, user_id in enumerate(ids, 1):
                announce_address(user_id=user_id)
                self.progress(done, len(ids), "accounts")
        told = {"accounts": len(ids), "dry_run": options["dry_run"]}
        self.show(told, as_json=options["json"])
