"""Gives an account a role."""

from typing import Any

from django.core.management.base import CommandParser

from toby.accounts import services
from toby.accounts.selectors import user_named
from toby.common.command import Command as BaseCommand


class Command(BaseCommand):
    help = "Makes a role an account's only one; it holds from the next request on."
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("role", choices=["user", "moderator", "admin"])
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_named(options["username"])
        row = {"username": user.username, "was": ",".join(user.roles) or "user"}
        if not options["dry_run"]:
            services.set_role(user=user, role=options["role"])
        row["is"] = row["was"] if options["dry_run"] else options["role"]
        self.show(row, as_json=options["json"])
