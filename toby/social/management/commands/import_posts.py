"""Posts from a folder of Markdown files."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rest_framework.exceptions import ValidationError

from toby.common.command import Command as BaseCommand
from toby.common.errors import Refused, field_errors
from toby.common.principals import Principal
from toby.social import markdown_files, selectors
from toby.social.management.commands.moderation import moderator_named
from toby.social.markdown_files import BadFile
from toby.social.models import ImportedFile
from toby.social.serializers.posts import PostIn
from toby.social.services.imports import Outcome, import_file


class Command(BaseCommand):
    help = (
        "Makes a post of each .md and .markdown file of a folder and of the folders in it: front "
        "matter with title, and if you like tags and cover_url (author, date and slug are passed "
        "over), then the body. Run again, also after it was killed, it goes on where it was: a "
        "file is known by its path in the folder. Files that are no posts are listed with the "
        "reason; then the exit code is 1, and all others are imported."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path)
        parser.add_argument("--author", required=True, help="whose posts they become, a username")
        then = parser.add_mutually_exclusive_group()
        then.add_argument("--submit", action="store_true", help="put them into the queue")
        then.add_argument(
            "--publish-as",
            metavar="MODERATOR",
            default="",
            help="submit them, and approve them in this moderator's name, who is not the author",
        )
        parser.add_argument(
            "--update",
            action="store_true",
            help="propose what has changed since a file was imported; otherwise it is left alone",
        )
        parser.add_argument("--dry-run", action="store_true", help="read and check, make nothing")

    def handle(self, *args: Any, folder: Path, author: str, json: bool, **options: Any) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder", returncode=2)
        by = selectors.principal_named(author)
        if by is None:
            raise CommandError(f"there is nobody called {author}", returncode=2)
        publish_as = options["publish_as"]
        approve_as = moderator_named(publish_as) if publish_as else None
        if approve_as and approve_as.user_id == by.user_id:
            raise CommandError("--publish-as: nobody decides on their own", returncode=2)
        how = {"update": options["update"], "submit": options["submit"], "approve_as": approve_as}
        counts, told = self.import_all(folder, by, how, is_dry=options["dry_run"])
        if json:
            self.show({**counts, "files": told}, as_json=True)
        else:
            if told:
                self.table(told, as_json=False)
            self.show(counts, as_json=False)
        if counts["skipped"]:
            raise CommandError("some files are not imported", returncode=1)

    def import_all(
        self, folder: Path, by: Principal, how: dict[str, Any], *, is_dry: bool
    ) -> tuple[dict[str, int], list[dict[str, str]]]:
        """How many files became what, and what is to be told of some."""
        counts = {**{outcome.value: 0 for outcome in Outcome}, "skipped": 0}
        told: list[dict[str, str]] = []
        paths = list(markdown_files.files_in(folder))
        for done, path in enumerate(paths, 1):
            try:
                digest, text = checked(folder, path)
                if is_dry:
                    outcome = foreseen(by, path, digest, update=how["update"])
                else:
                    outcome = import_file(by=by, path=path, digest=digest, text=text, **how)
                counts[outcome] += 1
                if outcome == Outcome.CHANGED:
                    told.append(line(path, "changed since it was imported; --update proposes it"))
            except Refused as refused:
                counts["skipped"] += 1
                told.append(line(path, refused.detail))
            self.progress(done, len(paths), "files")
        return counts, told


def checked(folder: Path, path: str) -> tuple[str, dict[str, Any]]:
    """As the API would take it. Raises BadFile."""
    digest, text = markdown_files.read(folder, path)
    given = PostIn(data=text)
    try:
        given.is_valid(raise_exception=True)
    except ValidationError as invalid:
        errors = field_errors(invalid.detail)
        told = (f"{error['field']}: {error['message']}" for error in errors)
        raise BadFile("; ".join(told)) from invalid
    return digest, given.validated_data


def foreseen(by: Principal, path: str, digest: str, *, update: bool) -> Outcome:
    known = ImportedFile.objects.filter(author_id=by.user_id, path=path).first()
    if known is None:
        return Outcome.IMPORTED
    if known.digest == digest:
        return Outcome.THERE
    return Outcome.UPDATED if update else Outcome.CHANGED


def line(path: str, reason: str) -> dict[str, str]:
    """A name may hold anything, also what a terminal would obey."""
    return {"file": ascii(path)[1:-1] if not path.isprintable() else path, "reason": reason}
