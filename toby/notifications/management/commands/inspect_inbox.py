"""What is in somebody's inbox, and what it is made of."""

import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from toby.common.command import Command as BaseCommand
from toby.common.errors import Refused
from toby.notifications.inspection import inbox_shown, items_shown
from toby.notifications.selectors import known_person

ITEMS, FACTS_EACH, MOST = 20, 10, 1000


class Command(BaseCommand):
    help = (
        "Shows somebody's inbox, and its items, the newest first, each with the facts that it is"
        " made of. Shows numbers, and who did what; nobody's words."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("user", help="a username; or an id, as 12, or id:12 for certain")
        parser.add_argument("--limit", type=int, default=ITEMS, help=f"items, up to {MOST}")
        parser.add_argument(
            "--facts", type=int, default=FACTS_EACH, help=f"facts of each item, up to {MOST}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("limit", "facts"):
            if not 1 <= options[name] <= MOST:
                raise Refused(f"--{name}: from 1 to {MOST}")
        person = known_person(options["user"])
        inbox = inbox_shown(person.user_id)
        items = items_shown(person.user_id, limit=options["limit"], facts_each=options["facts"])
        if options["json"]:
            told = {"username": person.username, "inbox": inbox, "items": items}
            self.stdout.write(json.dumps(told, default=str))
            return
        self.table([{"username": person.username, **inbox}] if inbox else [], as_json=False)
        if items:
            self.stdout.write("")
            self.table([line for item in items for line in lines_of(item)], as_json=False)


def lines_of(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One a fact; the item itself stands on the first."""
    facts = item["facts"] or [dict.fromkeys(("event_id", "actor_id", "act", "retracted"))]
    shown = {name: value for name, value in item.items() if name != "facts"}
    for fact in facts:
        of_fact = {("fact retracted" if name == "retracted" else name): fact[name] for name in fact}
        row = {**shown, **of_fact}
        yield {name: "" if value is None else value for name, value in row.items()}
        shown = dict.fromkeys(shown)
