"""`python -m bench.consuming DATABASE`: likes made notifications. Events come from memory: to read
them from Kafka costs everybody the same."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any

from bench.baselines.bare_consumer import BareConsumer, insert_plainly
from bench.figures import Ratio, Row, compare
from bench.site import set_up
from bench.stack import HOME, PORT
from deploy.local.modes import real_database
from deploy.local.servers import Redis
from toby.common.uuid7 import uuid7

EVENTS, ROUNDS = 500, 21
OF_BARE, OF_PLAIN = 0.60, 0.30
# Of whom each consumer tells its own people.
OURS, BARE = 1, 1_000_001
numbers = count(1)


@contextmanager
def consumers_site(database_name: str) -> Iterator[None]:
    """Database and Redis on one core, this process on the other; tables are empty."""
    cores = sorted(os.sched_getaffinity(0))
    home = HOME / f"consuming-{database_name}"
    database = real_database(home, PORT + 84, kind=database_name, password="bench", fast=False)
    redis = Redis(home / "redis", PORT + 85)
    os.sched_setaffinity(0, {cores[0]})
    try:
        database.start()
        redis.start()
        os.sched_setaffinity(0, set(cores[1:]) or set(cores))
        os.environ["NOTIFICATIONS_DATABASE_URL"] = database.url("toby_notifications")
        shared = database.url("toby")
        set_up(shared, f"redis://{redis.address}", settings="toby.settings.notifications")
        empty()
        yield
    finally:
        redis.stop()
        database.stop()
        os.sched_setaffinity(0, cores)


def empty() -> None:
    from toby.consumer.models import ConsumedEvent
    from toby.notifications.models import Fact, Inbox, Item

    for model in (Fact, Item, Inbox, ConsumedEvent):
        model._default_manager.all().delete()


def likes(first_user: int, recipients: int) -> list[Any]:
    """As many messages as a batch has. Of few recipients each is liked by very many; of many each
    by one, a post of its own each time."""
    from django.utils import timezone

    from toby.common.kafka import Incoming
    from toby.events import Person, PostLiked
    from toby.events.envelope import headers

    round_number, found = next(numbers), []
    for number in range(EVENTS):
        user = first_user + number % recipients
        post = user if recipients < EVENTS else round_number * EVENTS + number
        liker = 2_000_000 + round_number * EVENTS + number
        event = PostLiked(
            post_id=post,
            post_slug=f"what-came-of-it-{post}",
            post_title=f"What came of it, part {post}",
            post_author_id=user,
            liker=Person(
                user_id=liker, username=f"r{liker}", display_name="A Reader", picture_url=""
            ),
        )
        described = headers(
            id=uuid7(), source="/toby/social", type=event.type, time=timezone.now(), request_id=""
        )
        message = Incoming(
            topic=event.topic,
            partition=0,
            offset=next(numbers),
            key=event.key_value,
            value=event.to_json(),
            headers=list(described),
        )
        found.append(message)
    return found


def rate(work: Callable[[Any], None], prepare: Callable[[], Any]) -> Callable[[], float]:
    """Events a second; what is prepared is no part of it."""

    def once() -> float:
        given = prepare()
        began = time.perf_counter()
        work(given)
        return EVENTS / (time.perf_counter() - began)

    return once


def rows(database_name: str) -> list[Row]:
    from django.db import connection

    from toby.consumer.processing import Processor
    from toby.notifications.handlers import handlers

    connection.ensure_connection()
    client = connection.connection
    native = connection.features.has_native_uuid_field
    bare = BareConsumer(client, lambda each: str(each) if native else each.hex)
    processor = Processor("notifications", handlers)
    told = []
    for recipients in (500, 5):
        empty()
        ours = rate(processor.process, partial(likes, OURS, recipients))
        theirs = rate(bare.consume, partial(likes, BARE, recipients))
        to_bare = compare(ours, theirs, rounds=ROUNDS)
        assert_the_same(recipients)
        plain = rate(lambda given: insert_plainly(client, *given), partial(copies, recipients))
        to_plain = compare(ours, plain, rounds=ROUNDS)
        for baseline, ratio, gate in (
            ("a bare script", to_bare, OF_BARE),
            ("plain inserts", to_plain, OF_PLAIN),
        ):
            what = f"{EVENTS} likes for {recipients} people on {database_name} / {baseline}"
            told.append(row(what, ratio, gate))
    return told


def assert_the_same(recipients: int) -> None:
    """Both have told their people of the same."""
    from django.db.models import Sum

    from toby.notifications.models import Fact, Inbox, Item

    def told(first: int) -> tuple[Any, ...]:
        people = range(first, first + recipients)
        items = Item.objects.filter(recipient_id__in=people)
        inboxes = Inbox.objects.filter(user_id__in=people)
        return (
            Fact.objects.filter(recipient_id__in=people).count(),
            items.count(),
            items.aggregate(Sum("fact_count")),
            inboxes.aggregate(Sum("last_seq"), Sum("unread"), Sum("unseen")),
        )

    assert told(OURS) == told(BARE), (told(OURS), told(BARE))
    assert told(OURS)[0] == (ROUNDS + 1) * EVENTS


def copies(recipients: int) -> tuple[Any, Any]:
    """Of the rows that the last batch of ours made, with other keys."""
    from django.db import connection

    from toby.notifications.models import Fact, Item

    columns, lines = {}, {}
    native = connection.features.has_native_uuid_field
    fresh: dict[str, str] = {}
    ordered = {"item": Item.objects.order_by("-updated_at"), "fact": Fact.objects.order_by("-id")}
    many = {"item": recipients, "fact": EVENTS}
    move = next(numbers) * EVENTS
    with connection.cursor() as cursor:
        for name, found in ordered.items():
            ids = list(
                found.filter(recipient_id__lt=BARE).values_list("pk", flat=True)[: many[name]]
            )
            keys = [(str(pk) if native else pk.hex) if name == "item" else pk for pk in ids]
            cursor.execute(f"SELECT * FROM notifications_{name} WHERE id IN %s", [keys])
            columns[name] = [column[0] for column in cursor.description]
            lines[name] = [
                dict(zip(columns[name], line, strict=True)) for line in cursor.fetchall()
            ]

    def another() -> str:
        one = uuid7()
        return str(one) if native else one.hex

    for item in lines["item"]:
        item["id"] = fresh.setdefault(str(item["id"]), another())
        item["recipient_id"] += 3_000_000 + move
    for fact in lines["fact"]:
        del fact["id"]
        fact["event_id"], fact["item_id"] = another(), fresh[str(fact["item_id"])]
        fact["recipient_id"] += 3_000_000 + move
    columns["fact"].remove("id")
    made = {
        name: (columns[name], [[line[column] for column in columns[name]] for line in lines[name]])
        for name in columns
    }
    return made["item"], made["fact"]


def row(what: str, ratio: Ratio, gate: float) -> Row:
    ours, theirs = ratio.medians()
    return Row(
        "P8",
        what,
        f"{ratio} ({ours:,.0f}/s)",
        f"{theirs:,.0f}/s",
        f">= {gate:.2f}x",
        ratio.median >= gate,
    )


if __name__ == "__main__":
    with consumers_site(sys.argv[1]):
        found = rows(sys.argv[1])
    print(json.dumps([each.as_dict() for each in found]))
