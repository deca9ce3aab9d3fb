"""Fills a site with people and posts, for trying things and for benchmarks."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError

from toby.common.command import Command as BaseCommand
from toby.social.models import Post
from toby.social.seeding import UNTIL, seed_site


class Command(BaseCommand):
    help = (
        "Adds people, posts in every state, their log, comments, likes, follows and home feeds; "
        "all of it or nothing. No events: nobody is notified. They are found by their words after "
        "rebuild_search. The same --seed on an empty site "
        "gives the same rows."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--users", type=int, default=100, help="2 or more (100)")
        parser.add_argument("--posts", type=int, default=1000, help="(1000)")
        parser.add_argument("--seed", type=int, default=1, help="what all is chosen by (1)")
        parser.add_argument(
            "--until",
            type=day,
            default=UNTIL,
            metavar="DAY",
            help=f"when the newest was written ({UNTIL:%Y-%m-%d})",
        )
        parser.add_argument(
            "--password",
            default="",
            help="with which all of them can log in, moderators too; without, nobody can",
        )
        parser.add_argument("--add", action="store_true", help="to a site that has posts already")
        parser.add_argument("--dry-run", action="store_true", help="say what would be made")

    def handle(
        self, *, users: int, posts: int, password: str, add: bool, json: bool, **options: Any
    ) -> None:
        if users < 2 or posts < 0:
            raise CommandError("--users: 2 or more; --posts: 0 or more", returncode=2)
        if password:
            refuse_weak(password)
        if not add and Post.objects.exists():
            raise CommandError("there are posts already; --add adds to them", returncode=2)
        if options["dry_run"]:
            self.show({"users": users, "posts": posts, "made": False}, as_json=json)
            return
        try:
            made = seed_site(
                users=users,
                posts=posts,
                seed=options["seed"],
                until=options["until"],
                password=password,
                progress=self.progress,
            )
        except IntegrityError as error:
            raise CommandError(
                f"somebody else wrote meanwhile, nothing is made: {error}"
            ) from error
        self.show(made, as_json=json)


def day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def refuse_weak(password: str) -> None:
    try:
        validate_password(password)
    except ValidationError as error:
        raise CommandError(f"--password: {' '.join(error.messages)}", returncode=2) from error
