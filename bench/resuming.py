"""`python -m bench.resuming`: a client comes back to an inbox in which 1,000 items have changed."""

import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec

from bench.figures import Row, compare
from bench.inboxes import another_item
from bench.wire import PATIENCE_S, SERVE_PORT, Crowd, Processes, bearers, notifications_site

ITEMS, ROUNDS = 1_000, 31
GATE_MS = 50.0


def rows(processes: Processes) -> list[Row]:
    processes.start_toby()
    inbox = filled_inbox(user_id=1)
    crowd = Crowd()
    crowd.connect(SERVE_PORT, [("/ws/notifications", bearers(1)[0])])
    ratio = compare(resuming(crowd, inbox.epoch), selecting(inbox.user_id), rounds=ROUNDS)
    ours, theirs = ratio.medians()
    return [
        Row(
            "RESUME",
            f"to the last frame of {ITEMS:,} changes / a bare SELECT of them, made JSON",
            f"{ours:.1f} ms ({ratio})",
            f"{theirs:.1f} ms",
            f"<= {GATE_MS:g} ms",
            ours <= GATE_MS,
        )
    ]


def filled_inbox(user_id: int) -> Any:
    from toby.notifications.models import Inbox, Item

    inbox = Inbox(user_id=user_id)
    Item.objects.bulk_create([another_item(inbox, number) for number in range(1, ITEMS + 1)])
    inbox.save(force_insert=True)
    return inbox


def resuming(crowd: Crowd, epoch: str) -> Callable[[], float]:
    """Milliseconds from the client's frame until the counts, which come last."""
    [line] = crowd.lines
    said = json.dumps({"type": "resume", "after": f"{epoch}-0"})
    tokens = [f"{epoch}-{seq}" for seq in range(ITEMS + 1)]

    def resume() -> float:
        began = time.perf_counter()
        line.say(said)
        took = crowd.read(ITEMS + 1, within_s=PATIENCE_S) - began
        *items, counts = [json.loads(text) for text in crowd.taken()[0]]
        assert [(item["prev"], item["token"]) for item in items] == list(pairwise(tokens))
        assert (counts["type"], counts["token"]) == ("counts", tokens[-1])
        return took * 1000

    return resume


def selecting(user_id: int) -> Callable[[], float]:
    """Milliseconds for the same rows by the database's own client in this process, each made JSON
    as it is: without a text, and sent to nobody."""
    from django.db import connection

    statement = "SELECT * FROM notifications_item WHERE recipient_id = %s AND seq > 0 ORDER BY seq"
    connection.ensure_connection()
    client = connection.connection

    def select() -> float:
        began = time.perf_counter()
        with client.cursor() as cursor:
            cursor.execute(statement, (user_id,))
            names = [column[0] for column in cursor.description]
            made = [
                msgspec.json.encode(dict(zip(names, row, strict=True))) for row in cursor.fetchall()
            ]
        took = time.perf_counter() - began
        assert len(made) == ITEMS
        return took * 1000

    return select


if __name__ == "__main__":
    with notifications_site() as site:
        told = rows(site)
    print(json.dumps([row.as_dict() for row in told]))
