"""The search's index made anew: after an update that changes how words are read, say."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from toby.common.command import Command as BaseCommand
from toby.social.services import search

MOST_AT_ONCE = 1000


class Command(BaseCommand):
    help = (
        "Makes what posts are found by what it should be, while the site is running, and tells how "
        "many rows were not."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say how many rows it would be")
        parser.add_argument(
            "--at-once",
            type=int,
            default=search.AT_ONCE,
            help=f"posts in a transaction, up to {MOST_AT_ONCE}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        at_once, dry_run = options["at_once"], options["dry_run"]
        if not 1 <= at_once <= MOST_AT_ONCE:
            raise CommandError(f"--at-once: from 1 to {MOST_AT_ONCE}", returncode=2)
        total = search.to_rebuild().count()
        rebuilt = search.Rebuilt()
        for part in search.rebuild(at_once=at_once, dry_run=dry_run):
            rebuilt += part
            self.progress(min(rebuilt.posts, total), total, "posts")
        self.show({**asdict(rebuilt), "dry_run": dry_run}, as_json=options["json"])
