"""Makes a personal access token for somebody's scripts."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from toby.accounts import services
from toby.accounts.selectors import user_named
from toby.common.command import Command as BaseCommand
from toby.common.principals import READ, SCOPES


class Command(BaseCommand):
    help = "Makes a personal access token and prints it, this once."
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--name", required=True, help="what it is for")
        parser.add_argument("--scope", action="append", choices=SCOPES, help=f"default: {READ}")
        parser.add_argument("--days", type=int, default=30, help="how long it is good for")
        parser.add_argument("--dry-run", action="store_true", help="say what would be made")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_named(options["username"])
        if not 1 <= options["days"] <= 366:
            raise CommandError("--days: from 1 to 366", returncode=2)
        scopes, name = options["scope"] or [READ], options["name"]
        row = {"username": user.username, "name": name, "scopes": ",".join(sorted(set(scopes)))}
        if not options["dry_run"]:
            issued = services.issue_token(
                user_id=user.pk, name=name, scopes=scopes, days=options["days"]
            )
            row["token"] = issued.token
        self.show(row, as_json=options["json"])
