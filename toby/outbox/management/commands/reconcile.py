"""Compares what was emitted with what was consumed: nothing missing, nothing twice.

It does not see a chunk that the consumers of `toby.fanout` lack: chunks stand in no table until
they are done, and cut anew they might be others. That none is lost is left to who cuts: its event
counts as read only once Kafka has its chunks (`toby/consumer/fanout.py`).
"""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connections

from toby.common.command import Command as BaseCommand
from toby.consumer import handlers
from toby.consumer.models import ConsumedEvent
from toby.events import ACCOUNTS, SOCIAL
from toby.outbox.models import OutboxEvent
from toby.settings.environment import database, read

# The database that has the facts.
FACTS = "notifications"
TIMELINE = "timeline"
# Who reads what services emit, and the database that has the consumer's ledger.
CONSUMERS = (("notifications", FACTS), (TIMELINE, "default"))
# Facts that one event made twice for one recipient, and items whose facts do not add up.
TWO_FACTS = (
    "SELECT COUNT(*) FROM (SELECT event_id FROM notifications_fact"
    " GROUP BY event_id, recipient_id HAVING COUNT(*) > 1) AS twice"
)
WRONG_COUNT = (
    "SELECT COUNT(*) FROM notifications_item WHERE fact_count <> (SELECT COUNT(*)"
    " FROM notifications_fact WHERE item_id = notifications_item.id AND retracted_at IS NULL)"
)


class Command(BaseCommand):
    help = (
        "Compares the outbox with the consumers' ledgers; exit code 1 if anything is missing or "
        "doubled. Needs NOTIFICATIONS_DATABASE_URL as well."
    )
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--list", action="store_true", help="name the missing events")
        parser.add_argument("--exit-zero", action="store_true", help="exit 0 whatever is found")

    def handle(self, *args: Any, **options: Any) -> None:
        if TIMELINE not in settings.CONSUMERS:
            raise CommandError(
                "only with DJANGO_SETTINGS_MODULE=toby.settings.social", returncode=2
            )
        if FACTS not in connections.settings:
            like = "mysql://user:password@host:3306/toby_notifications"
            connections.settings[FACTS] = connections.configure_settings(
                {"default": {}, "x": read("NOTIFICATIONS_DATABASE_URL", database, like=like)}
            )["x"]
        missing = {name: self.missing(name, alias) for name, alias in CONSUMERS}
        with connections[FACTS].cursor() as cursor:
            duplicate = 0
            for statement in (TWO_FACTS, WRONG_COUNT):
                cursor.execute(statement)
                duplicate += cursor.fetchone()[0]
        row = {
            "events": OutboxEvent.objects.count(),
            "unpublished": OutboxEvent.objects.filter(published_at=None).count(),
            "missing": sum(len(events) for events in missing.values()),
            "duplicate": duplicate,
        }
        if options["json"]:
            self.show(row, as_json=True)
        else:
            self.stdout.write(", ".join(f"{name} {count}" for name, count in row.items()))
        if options["list"]:
            for consumer, events in missing.items():
                self.table(
                    [{"consumer": consumer, "event": e.event_id, "type": e.type} for e in events],
                    as_json=options["json"],
                )
        if (row["missing"] or row["duplicate"]) and not options["exit_zero"]:
            raise CommandError("something is missing or doubled")

    def missing(self, consumer: str, alias: str) -> list[OutboxEvent]:
        ledger = ConsumedEvent.objects.using(alias).filter(consumer=consumer)
        missing: list[OutboxEvent] = []
        batch: list[OutboxEvent] = []

        def compare() -> None:
            ids = [event.event_id for event in batch]
            known = set(ledger.filter(event_id__in=ids).values_list("event_id", flat=True))
            missing.extend(event for event in batch if event.event_id not in known)
            batch.clear()

        emitted = OutboxEvent.objects.filter(topic__in=(ACCOUNTS, SOCIAL)).order_by("id")
        if consumer == TIMELINE:
            # In notifications something follows from all that is emitted.
            followed = handlers.of_consumer(TIMELINE).events()
            emitted = emitted.filter(type__in=[event.type for event in followed])
        for event in emitted.iterator(chunk_size=1000):
            batch.append(event)
            if len(batch) == 1000:
                compare()
        compare()
        return missing
