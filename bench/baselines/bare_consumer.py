"""Likes made notifications by a script: the statements that do it with the fewest deadlocks, by a
cursor. And the facts and items by themselves, as plain inserts.

It does what must not be left out, and nothing else: each event once, under the inboxes' locks, in
one transaction, with what the item was before. It knows one kind of event, asks for nobody's
wishes, blocks or deleted accounts, and tells no screen.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from toby.common.uuid7 import uuid7

LEDGER = (
    "INSERT INTO consumer_consumedevent (consumer, event_id, batch, consumed_at) VALUES {lines}"
    " ON DUPLICATE KEY UPDATE consumer = consumer"
)
INBOXES = (
    "INSERT INTO notifications_inbox"
    " (user_id, epoch, last_seq, floor_seq, unread, unseen, closed, language) VALUES {lines}"
    " ON DUPLICATE KEY UPDATE {update}"
)
ITEMS = (
    "INSERT INTO notifications_item (id, recipient_id, kind, group_key, seq, content_seq,"
    " fact_count, mailed_seq, actor, target, data, state, created_at, updated_at) VALUES {lines}"
    " ON DUPLICATE KEY UPDATE seq = VALUES(seq), content_seq = VALUES(content_seq),"
    " fact_count = VALUES(fact_count), actor = VALUES(actor), target = VALUES(target),"
    " data = VALUES(data), state = VALUES(state), updated_at = VALUES(updated_at)"
)
FACTS = (
    "INSERT INTO notifications_fact (event_id, recipient_id, actor_id, item_id, act, actor, data,"
    " subject, created_at) VALUES {lines} ON DUPLICATE KEY UPDATE recipient_id = recipient_id"
)


class BareConsumer:
    """`uuid` writes an id as the database has it; `client` is a connection of its own client."""

    def __init__(self, client: Any, uuid: Callable[[UUID], str]) -> None:
        self.client, self.uuid = client, uuid

    def insert(self, cursor: Any, statement: str, lines: Sequence[Sequence[Any]]) -> None:
        line = f"({', '.join(['%s'] * len(lines[0]))})"
        said = statement.replace("{lines}", ", ".join([line] * len(lines)))
        cursor.execute(said, [value for each in lines for value in each])

    def consume(self, messages: Sequence[Any]) -> None:
        now = datetime.now(UTC).replace(tzinfo=None)
        events = []
        for message in messages:
            described = dict(message.headers)
            events.append((UUID(described["ce_id"].decode()), json.loads(message.value)))
        self.client.begin()
        with self.client.cursor() as cursor:
            batch = self.uuid(uuid4())
            ids = sorted(self.uuid(event_id) for event_id, _ in events)
            self.insert(cursor, LEDGER, [("bare", each, batch, now) for each in ids])
            cursor.execute("SELECT event_id FROM consumer_consumedevent WHERE batch = %s", [batch])
            new = {str(event_id) for (event_id,) in cursor.fetchall()}
            fresh = [(self.uuid(event_id), event) for event_id, event in events]
            self.write(cursor, [each for each in fresh if each[0] in new], now)
        self.client.commit()

    def write(self, cursor: Any, events: Sequence[tuple[str, Any]], now: datetime) -> None:
        users = sorted({event["post_author_id"] for _, event in events})
        empty = [(user, uuid4().hex[:12], 0, 0, 0, 0, False, "en") for user in users]
        self.insert(cursor, INBOXES.replace("{update}", "user_id = user_id"), empty)
        cursor.execute(
            "SELECT user_id, epoch, last_seq, floor_seq, unread, unseen, closed, language FROM"
            " notifications_inbox WHERE user_id IN %s ORDER BY user_id FOR UPDATE",
            [users],
        )
        inboxes = {row[0]: list(row) for row in cursor.fetchall()}
        keys = {
            (e["post_author_id"], f"post_liked:{e['post_id']}:{now:%Y-%m-%d}") for _, e in events
        }
        cursor.execute(
            "SELECT id, recipient_id, kind, group_key, seq, content_seq, fact_count, state,"
            " created_at FROM notifications_item WHERE (recipient_id, group_key) IN %s",
            [sorted(keys)],
        )
        items = {(row[1], row[3]): list(row) for row in cursor.fetchall()}
        shown: dict[tuple[int, str], tuple[str, str]] = {}
        facts = []
        for event_id, event in events:
            user, liker = event["post_author_id"], event["liker"]
            key = (user, f"post_liked:{event['post_id']}:{now:%Y-%m-%d}")
            inbox, item = inboxes[user], items.get(key)
            if item is None:
                new = [self.uuid(uuid7()), user, "post_liked", key[1], 0, 0, 0, "unseen", now]
                item = items[key] = new
                inbox[4], inbox[5] = inbox[4] + 1, inbox[5] + 1
            inbox[2] += 1
            item[4] = item[5] = inbox[2]
            item[6] += 1
            actor = json.dumps({**liker, "id": liker["user_id"]})
            target = {"type": "post", "id": event["post_id"], "slug": event["post_slug"]}
            shown[key] = actor, json.dumps({**target, "title": event["post_title"]})
            act = f"like:{event['post_id']}:{liker['user_id']}"
            line = (event_id, user, liker["user_id"], item[0], act, actor, "{}")
            facts.append((*line, f"post:{event['post_id']}", now))
        lines = [
            (*item[:7], 0, *shown[key], "{}", *item[7:], now)
            for key, item in sorted(items.items())
            if key in shown
        ]
        self.insert(cursor, ITEMS, lines)
        self.insert(cursor, FACTS, facts)
        update = "last_seq = VALUES(last_seq), unread = VALUES(unread), unseen = VALUES(unseen)"
        counted = [tuple(inboxes[user]) for user in users]
        self.insert(cursor, INBOXES.replace("{update}", update), counted)


def insert_plainly(client: Any, items: Sequence[Any], facts: Sequence[Any]) -> None:
    """Rows of each table, as (columns, lines), by two statements."""
    client.begin()
    with client.cursor() as cursor:
        for table, (columns, lines) in (("item", items), ("fact", facts)):
            line = f"({', '.join(['%s'] * len(columns))})"
            cursor.execute(
                f"INSERT INTO notifications_{table} ({', '.join(columns)}) VALUES"
                f" {', '.join([line] * len(lines))}",
                [value for each in lines for value in each],
            )
    client.commit()
