"""Live posts as a folder of Markdown files."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from toby.common.command import Command as BaseCommand
from toby.social import markdown_files, selectors
from toby.social.models import Post, PostQuerySet
from toby.social.tagging import BadTag, normal_tag

AT_ONCE = 500


class Command(BaseCommand):
    help = (
        "Writes each live post into a folder, as SLUG.md, that import_posts reads. A file that is "
        "there and says the same is left; one that says something else is overwritten with --force "
        "only, else listed, and the exit code is 1. Killed, it leaves no half file: run it again."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, help="made where it is missing")
        parser.add_argument("--author", default="", help="only this username's")
        parser.add_argument("--tag", default="", help="only those with this tag")
        parser.add_argument("--force", action="store_true", help="overwrite what differs")
        parser.add_argument("--dry-run", action="store_true", help="write nothing")

    def handle(
        self, *, folder: Path, author: str, tag: str, force: bool, json: bool, **options: Any
    ) -> None:
        posts = wanted(author, tag)
        total = posts.count()
        outcomes: Counter[str] = Counter(written=0, there=0, different=0)
        different: list[str] = []
        try:
            if not options["dry_run"]:
                folder.mkdir(parents=True, exist_ok=True)
            for done, post in enumerate(in_turn(posts), 1):
                file, content = folder / f"{post.slug}.md", markdown_files.written(post)
                outcome = state_of(file, content)
                if outcome == "different" and force:
                    outcome = "written"
                if outcome == "written" and not options["dry_run"]:
                    write(file, content)
                if outcome == "different":
                    different.append(file.name)
                outcomes[outcome] += 1
                self.progress(done, total, "posts")
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}", returncode=2) from error
        if json:
            self.show({**outcomes, "files": different}, as_json=True)
        else:
            if different:
                self.table([{"different": name} for name in different], as_json=False)
            self.show(outcomes, as_json=False)
        if different:
            raise CommandError("some files differ; --force overwrites them", returncode=1)


def wanted(author: str, tag: str) -> PostQuerySet:
    posts = Post.objects.live().select_related("author").order_by("live_order")
    if author:
        by = selectors.principal_named(author)
        if by is None:
            raise CommandError(f"there is nobody called {author}", returncode=2)
        posts = posts.filter(author_id=by.user_id)
    if tag:
        try:
            posts = posts.filter(tag_rows__tag__name=normal_tag(tag))
        except BadTag as error:
            raise CommandError(f"--tag: {error}", returncode=2) from error
    return posts


def in_turn(posts: PostQuerySet) -> Iterator[Post]:
    """AT_ONCE at a time: the driver would hold all of them in memory."""
    last = 0
    while page := list(posts.filter(live_order__gt=last)[:AT_ONCE]):
        yield from page
        last = page[-1].live_order or 0


def state_of(file: Path, content: bytes) -> str:
    if not file.is_symlink():
        if not file.exists():
            return "written"
        if file.is_file() and file.read_bytes() == content:
            return "there"
    return "different"


def write(file: Path, content: bytes) -> None:
    """All of it or nothing."""
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    with part.open("xb") as opened:
        opened.write(content)
    part.replace(file)
