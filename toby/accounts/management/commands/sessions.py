"""Lists somebody's sessions and ends them."""

from typing import Any

from django.core.management.base import CommandParser

from toby.accounts import services
from toby.accounts.selectors import open_sessions, user_named
from toby.common.command import Command as BaseCommand


class Command(BaseCommand):
    help = "Lists an account's open sessions, or ends them all."
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("act", choices=["list", "revoke"])
        parser.add_argument("username")
        parser.add_argument("--dry-run", action="store_true", help="say what would be ended")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_named(options["username"])
        rows = [
            {
                "id": session.id,
                "device": session.device_name,
                "address": session.address,
                "created": session.created_at,
                "last used": session.rotated_at,
            }
            for session in open_sessions(user.pk)
        ]
        if options["act"] == "revoke" and not options["dry_run"]:
            services.revoke_sessions(user=user)
        self.table(rows, as_json=options["json"])
