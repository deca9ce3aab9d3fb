"""Tags' scores made anew: once the half-life is another."""

from typing import Any

from django.core.management.base import CommandParser

from toby.common.command import Command as BaseCommand
from toby.social.models import Tag
from toby.social.services import tags


class Command(BaseCommand):
    help = (
        "Adds up anew how popular each tag is, while the site is running, and tells how many were "
        "not as they should be."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell how many")

    def handle(self, *args: Any, **options: Any) -> None:
        total, done, changed = Tag.objects.count(), 0, 0
        for looked_at, different in tags.rescore(dry_run=options["dry_run"]):
            done, changed = done + looked_at, changed + different
            self.progress(min(done, total), total, "tags")
        told = {"tags": done, "changed": changed, "dry_run": options["dry_run"]}
        self.show(told, as_json=options["json"])
