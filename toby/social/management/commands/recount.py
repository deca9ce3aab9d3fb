"""Whether what is counted is kept right; and counted anew where it is not."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from toby.common.command import Command as BaseCommand
from toby.social.services import recounts
from toby.social.services.recounts import Compared


class Command(BaseCommand):
    help = (
        "Counts likes, comments, replies, posts under tags and follows anew, while the site is"
        " running, sets what is kept of them where it is wrong, and tells what was. With --json,"
        " one object a line."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only say what is wrong")

    def handle(self, *args: Any, **options: Any) -> None:
        total, done, wrong = recounts.rows_to_recount(), 0, 0
        for part in recounts.recount(dry_run=options["dry_run"]):
            for one in part.wrong:
                self.tell(one, as_json=options["json"], is_first=not wrong)
                wrong += 1
            done += part.rows
            self.progress(min(done, total), total, "rows")
        if not (wrong or options["json"]):
            self.stdout.write("none")

    def tell(self, one: Compared, *, as_json: bool, is_first: bool) -> None:
        """As it comes: there may be very many."""
        if as_json:
            self.stdout.write(json.dumps(asdict(one)))
            return
        if is_first:
            self.stdout.write(f"{'counter':<20}{'id':>12}{'kept':>10}{'counted':>10}")
        self.stdout.write(f"{one.counter:<20}{one.id:>12}{one.kept:>10}{one.counted:>10}")
