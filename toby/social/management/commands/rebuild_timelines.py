"""Makes home feeds what they should be."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from toby.common.command import Command as BaseCommand
from toby.social import selectors
from toby.social.services.rebuilding import Difference, rebuild_timeline

READERS_AT_ONCE = 1000


class Command(BaseCommand):
    help = (
        "Puts into home feeds what is missing, and takes out what is superfluous. May run while "
        "the consumers do, and may be stopped and begun again. Tells of each feed that differed, "
        "and of all together; with --json, each in a line."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--user", help="only the feed of this username")
        parser.add_argument("--dry-run", action="store_true", help="only tell what differs")

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model().objects.order_by("pk")
        if options["user"]:
            users = selectors.people_named(options["user"]).order_by("pk")
            if not users:
                raise CommandError(f"nobody is called {options['user']}", returncode=2)
        total, all_of_them, differing = users.count(), Difference(), 0
        for done, (user_id, username) in enumerate(one_by_one(users), start=1):
            found = rebuild_timeline(reader_id=user_id, dry_run=options["dry_run"])
            if found != Difference():
                differing += 1
                all_of_them.missing += found.missing
                all_of_them.superfluous += found.superfluous
                self.tell({"reader": username, **asdict(found)}, as_json=options["json"])
            self.progress(done, total, "feeds")
        told = {"readers": total, "differing": differing, **asdict(all_of_them)}
        self.tell({**told, "dry_run": options["dry_run"]}, as_json=options["json"])

    def tell(self, row: dict[str, object], *, as_json: bool) -> None:
        """At once: there may be very many."""
        text = json.dumps(row) if as_json else ", ".join(f"{k} {v}" for k, v in row.items())
        self.stdout.write(text)


def one_by_one(users: Any) -> Iterator[tuple[int, str]]:
    last = 0
    while found := list(users.filter(pk__gt=last).values_list("pk", "username")[:READERS_AT_ONCE]):
        yield from found
        last = found[-1][0]
