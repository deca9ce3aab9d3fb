"""Management commands that end with one line and exit code 2 on bad input, never a traceback."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import ValidationError

from toby.common.errors import Refused, field_errors

TELL_EVERY_S = 5.0


class Command(BaseCommand):
    """Refused becomes one line; `--json` is offered where `prints_json`."""

    requires_system_checks: Sequence[str] = ()  # type: ignore[assignment]  # Django says list or tuple
    prints_json = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.told_at = time.monotonic()

    def add_arguments(self, parser: CommandParser) -> None:
        if self.prints_json:
            parser.add_argument("--json", action="store_true", help="print JSON, for programs")

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except Refused as refused:
            errors = refused.members.get("errors", [])
            told = "; ".join(f"{error['field']}: {error['message']}" for error in errors)
            raise CommandError(told or refused.detail, returncode=2) from refused
        except ValidationError as invalid:
            errors = list(field_errors(invalid.detail))
            told = "; ".join(f"{error['field']}: {error['message']}" for error in errors)
            raise CommandError(told, returncode=2) from invalid

    def table(self, rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
        """Prints `rows` as an aligned table, or as a JSON list."""
        if as_json:
            self.stdout.write(json.dumps(list(rows), default=str))
            return
        if not rows:
            self.stdout.write("none")
            return
        names = list(rows[0])
        cells = [names, *([str(row[name]) for name in names] for row in rows)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
        for line in cells:
            text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write(text.rstrip())

    def show(self, row: Mapping[str, object], *, as_json: bool) -> None:
        """Prints one row as a table, or as a JSON object."""
        if as_json:
            self.stdout.write(json.dumps(dict(row), default=str))
        else:
            self.table([row], as_json=False)

    def progress(self, done: int, total: int, what: str) -> None:
        """A line on stderr that overwrites itself on a terminal; elsewhere, in a log say, one every
        TELL_EVERY_S seconds."""
        is_last = done >= total
        if self.stderr.isatty():
            self.stderr.write(f"\r{what}: {done}/{total}", ending="\n" if is_last else "")
            return
        now = time.monotonic()
        if now - self.told_at >= TELL_EVERY_S:
            self.told_at = now
            self.stderr.write(f"{what}: {done}/{total}")
