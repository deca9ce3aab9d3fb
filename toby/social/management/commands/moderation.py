"""The moderators' queue from a shell: what waits, decisions as by API and in admin, and the log."""

import csv
from typing import Any

import msgspec
from django.core.management.base import CommandError, CommandParser

from toby.common.command import Command as BaseCommand
from toby.common.principals import Principal
from toby.social import selectors
from toby.social.serializers.moderation import LogOut
from toby.social.services import moderation

MOST = 100
LOG_FILTERS = ("act", "actor", "post", "user")
NOBODY = Principal(user_id=0, username="")


class Command(BaseCommand):
    help = "Lists what waits, decides on revisions in a moderator's name, and exports the log."
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        acts = parser.add_subparsers(dest="act", required=True)
        queue = acts.add_parser("queue", help="what waits, the longest first")
        queue.add_argument("--author", default="", help="only this username's")
        queue.add_argument("--limit", type=int, default=20, help=f"up to {MOST}")
        reports = acts.add_parser("reports", help="what readers report, the longest first")
        reports.add_argument("--author", default="", help="only this username's")
        reports.add_argument("--limit", type=int, default=20, help=f"up to {MOST}")
        for name, what in (("approve", "make revisions live"), ("reject", "refuse revisions")):
            decide = acts.add_parser(name, help=what)
            decide.add_argument("revision", nargs="+", help="ID:VERSION, as the queue shows them")
            decide.add_argument("--by", required=True, help="a moderator's username")
            decide.add_argument("--dry-run", action="store_true", help="say what would be done")
            if name == "reject":
                decide.add_argument("--reason", default="", help="the authors are told")
                decide.add_argument(
                    "--template", default="", help="the name of a reason's template"
                )
        log = acts.add_parser("log", help="who did what, when and why, the oldest first")
        for name in LOG_FILTERS:
            log.add_argument(f"--{name}", dest=f"only_{name}", default="", help=f"only this {name}")
        log.add_argument("--csv", action="store_true", help="print CSV, for spreadsheets")
        for one in acts.choices.values():
            one.add_argument("--json", action="store_true", help="print JSON, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "queue":
            self.queue(**options)
        elif options["act"] == "reports":
            self.reports(**options)
        elif options["act"] == "log":
            self.log(**options)
        else:
            self.decide(**options)

    def queue(self, *, author: str, limit: int, json: bool, **options: Any) -> None:
        rows = selectors.queue(seen_by=NOBODY, author=author).order_by("queue_order")
        table = [
            {
                "revision": f"{row.pk}:{row.version}",
                "author": row.post.author.username,
                "submitted": row.submitted_at,
                "title": row.title,
            }
            for row in rows[: at_most(limit)]
        ]
        self.table(table, as_json=json)

    def reports(self, *, author: str, limit: int, json: bool, **options: Any) -> None:
        rows = selectors.reports(seen_by=NOBODY, author=author).order_by("id")
        table = [
            {
                "case": f"{row.pk}:{row.version}",
                "kind": row.kind,
                "author": row.author.username,
                "reports": row.report_count,
                "reasons": ", ".join(sorted(row.reasons)),
                "since": row.first_reported_at,
                "title": row.title,
            }
            for row in rows[: at_most(limit)]
        ]
        self.table(table, as_json=json)

    def log(self, *, json: bool, **options: Any) -> None:
        """All of it, a line at a time: it may be long."""
        wanted = {name: options[f"only_{name}"] for name in LOG_FILTERS}
        lines = selectors.log(**wanted).order_by("id").iterator(chunk_size=500)
        rows = (msgspec.structs.asdict(LogOut.of(line)) for line in lines)
        if options["csv"]:
            writer = csv.DictWriter(self.stdout, LogOut.__struct_fields__)
            writer.writeheader()
            writer.writerows({name: unarmed(cell) for name, cell in row.items()} for row in rows)
        elif json:
            for row in rows:
                self.stdout.write(msgspec.json.encode(row).decode())
        else:
            self.table(list(rows), as_json=False)

    def decide(self, *, act: str, revision: list[str], by: str, json: bool, **options: Any) -> None:
        moderator = moderator_named(by)
        chosen = [id_and_version(text) for text in revision]
        if options["dry_run"]:
            seen = [selectors.revision(pk, seen_by=moderator) for pk, _ in chosen]
            self.table([{"revision": row.pk, "would": act} for row in seen], as_json=json)
            return
        told = {name: options[name] for name in ("reason", "template") if name in options}
        decided = moderation.decide_on_many(act=act, revisions=chosen, by=moderator, **told)
        rows = [
            {
                "revision": one.revision_id,
                "done": one.refused is None,
                "refused": one.refused.detail if one.refused else "",
            }
            for one in decided
        ]
        self.table(rows, as_json=json)
        if any(one.refused for one in decided):
            raise CommandError("not all were decided on", returncode=1)


def at_most(limit: int) -> int:
    if not 1 <= limit <= MOST:
        raise CommandError(f"--limit: from 1 to {MOST}", returncode=2)
    return limit


def moderator_named(username: str) -> Principal:
    found = selectors.principal_named(username)
    if found is None or not found.is_moderator:
        raise CommandError(f"{username} is no moderator", returncode=2)
    return found


def id_and_version(text: str) -> tuple[int, int]:
    parts = text.split(":")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise CommandError(f"{text}: should look like 31:2", returncode=2)
    return int(parts[0]), int(parts[1])


def unarmed(cell: object) -> object:
    """A spreadsheet would run a text that begins like a formula (OWASP, CSV injection)."""
    is_formula = isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if is_formula else cell
