"""Comparing what was emitted with what was consumed."""

import io
import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from tests.notifications.support import approved, consume
from toby.common.kafka import Incoming
from toby.consumer.models import ConsumedEvent
from toby.consumer.processing import Processor
from toby.events import ACCOUNTS, SOCIAL, Event, Person, UserRegistered, UserUnfollowed
from toby.events.envelope import contracts
from toby.notifications.handlers import handlers
from toby.notifications.models import Item
from toby.outbox.emit import emit
from toby.outbox.management.commands import reconcile
from toby.outbox.models import OutboxEvent
from toby.outbox.relay import outgoing
from toby.settings import social

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_database(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """In the tests both consumers' ledgers lie in the one database."""
    consumers = [(name, "default") for name, _ in reconcile.CONSUMERS]
    monkeypatch.setattr(reconcile, "CONSUMERS", consumers)
    monkeypatch.setattr(reconcile, "FACTS", "default")
    settings.CONSUMERS = social.CONSUMERS


def emit_one(event: Event, *, known_to: tuple[str, ...] = ()) -> OutboxEvent:
    with transaction.atomic():
        row = emit(event)
    for consumer in known_to:
        ConsumedEvent.objects.create(
            consumer=consumer, event_id=row.event_id, batch=uuid4(), consumed_at=timezone.now()
        )
    return row


def unfollowed(**options: Any) -> OutboxEvent:
    return emit_one(UserUnfollowed(follower_id=1, followee_id=2, version=1), **options)


def registered(**options: Any) -> OutboxEvent:
    ana = Person(user_id=1, username="ana", display_name="Ana")
    return emit_one(UserRegistered(user_id=1, user=ana, version=1), **options)


def run(*arguments: str) -> tuple[str, int]:
    """What is printed, and the exit code."""
    printed = io.StringIO()
    try:
        call_command("reconcile", *arguments, stdout=printed)
    except CommandError as error:
        return printed.getvalue(), error.returncode
    return printed.getvalue(), 0


def test_where_all_is_known_nothing_is_missing_and_nothing_twice() -> None:
    unfollowed(known_to=("notifications", "timeline"))
    assert run() == ("events 1, unpublished 1, missing 0, duplicate 0\n", 0)
    found = {"events": 1, "unpublished": 1, "missing": 0, "duplicate": 0}
    assert json.loads(run("--json")[0]) == found


def test_a_consumer_answers_only_for_what_something_follows_from_there() -> None:
    row = registered()
    printed, code = run("--list")
    assert [line.split()[0] for line in printed.splitlines()[2:3]] == ["notifications"]
    assert (printed.splitlines()[0].split(", ")[2], code) == ("missing 1", 1)
    OutboxEvent.objects.filter(pk=row.pk).update(topic="toby.fanout")
    assert run()[1] == 0


def test_from_all_that_is_emitted_something_follows_in_notifications() -> None:
    """Which is what lets it answer for all."""
    emitted = {event for event in contracts().values() if event.topic in (ACCOUNTS, SOCIAL)}
    assert handlers.events() == emitted


def test_with_other_settings_than_those_of_the_timeline_it_says_so(settings: Settings) -> None:
    settings.CONSUMERS = {}
    assert run()[1] == 2


def test_what_any_consumer_lacks_is_counted_and_named() -> None:
    nobody_knows, half_known = unfollowed(), unfollowed(known_to=("timeline",))
    printed, code = run("--list")
    assert code == 1
    first, *rest = printed.splitlines()
    assert first == "events 2, unpublished 2, missing 3, duplicate 0"
    named = [line.split()[:2] for line in rest if "social.user_unfollowed.v1" in line]
    assert named == [
        ["notifications", str(nobody_knows.event_id)],
        ["notifications", str(half_known.event_id)],
        ["timeline", str(nobody_knows.event_id)],
    ]


def test_more_events_than_are_compared_at_once_are_all_compared() -> None:
    now = timezone.now()
    OutboxEvent.objects.bulk_create(
        OutboxEvent(
            event_id=uuid4(),
            type=UserUnfollowed.type,
            topic=UserUnfollowed.topic,
            key="1",
            data=b"{}",
            occurred_at=now,
        )
        for _ in range(1001)
    )
    printed, code = run("--json", "--exit-zero")
    assert (json.loads(printed)["missing"], code) == (2 * 1001, 0)


def test_an_item_that_counts_a_fact_twice_is_a_duplicate() -> None:
    consume(approved(author_id=1))
    assert run()[1] == 0
    Item.objects.update(fact_count=2)
    printed, code = run("--json")
    assert (json.loads(printed)["duplicate"], code) == (1, 1)


def test_an_event_that_rightly_notified_nobody_is_not_missing() -> None:
    row = registered()
    sent = outgoing(row)
    Processor("notifications", handlers).process(
        [
            Incoming(
                topic=sent.topic,
                partition=0,
                offset=0,
                key=sent.key,
                value=sent.value,
                headers=list(sent.headers),
            )
        ]
    )
    assert not Item.objects.exists()
    assert run()[1] == 0
