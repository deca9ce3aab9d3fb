"""Tells the other services of the roles that accounts have."""

from typing import Any

from django.core.management.base import CommandParser

from toby.accounts import services
from toby.accounts.models import User
from toby.common.command import Command as BaseCommand


class Command(BaseCommand):
    help = (
        "Tells the other services who moderates: for accounts that had their role before there was"
        " an event of it. However often it is run, nobody learns anything twice."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say whose they would be")

    def handle(self, *args: Any, **options: Any) -> None:
        users = list(User.objects.with_a_role().distinct().order_by("id"))
        if not options["dry_run"]:
            for user in users:
                services.announce_role(user_id=user.pk)
        rows = [{"username": user.username, "role": user.role} for user in users]
        self.table(rows, as_json=options["json"])
