"""A message from the operators to people's inboxes."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from rest_framework import serializers

from toby.common.command import Command as BaseCommand
from toby.common.serializers import In
from toby.notifications.announcements import Announcement, announce, everybody
from toby.notifications.models import KnownUser
from toby.notifications.selectors import known_people


class AnnouncementIn(In):
    name = serializers.RegexField(r"^[a-z0-9][a-z0-9.-]*$", max_length=60)
    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=2000)
    link = serializers.RegexField(r"^(/([^/\s]\S*)?|https?://\S+)$", max_length=500, required=False)


class Command(BaseCommand):
    help = (
        "Tells people something, while the site is running: those who are connected see it at once."
        " May be stopped and begun again by the same name: nobody is told twice."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="what it is known by, as maintenance-2026-05")
        parser.add_argument("--title", required=True)
        parser.add_argument("--text", required=True)
        parser.add_argument("--link", help="a path of this site, as /about, or an address")
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--all", action="store_true", help="everybody")
        whom.add_argument("--to", nargs="+", metavar="USER", help="usernames, or ids as id:12")
        parser.add_argument("--dry-run", action="store_true", help="only tell how many are to be")

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("name", "title", "text", "link")
        given = AnnouncementIn(data={n: options[n] for n in names if options[n] is not None})
        given.is_valid(raise_exception=True)
        people = everybody() if options["all"] else named(options["to"])
        total, done, new, told = people.count(), 0, 0, 0
        announcement = Announcement(**given.validated_data)
        for part in announce(announcement, people, dry_run=options["dry_run"]):
            done, new, told = done + part.people, new + part.new, told + part.told
            self.progress(min(done, total), total, "people")
        row = {
            "name": announcement.name,
            "people": done,
            "told": new if options["dry_run"] else told,
            "told_before": done - new,
            "dry_run": options["dry_run"],
        }
        self.show(row, as_json=options["json"])


def named(names: list[str]) -> Any:
    people = known_people(names)
    gone = [person.username for person in people if person.deleted]
    if gone:
        raise CommandError(f"deleted: {', '.join(gone)}", returncode=2)
    return KnownUser.objects.filter(user_id__in=[person.user_id for person in people])
