"""What operators are shown of an inbox: numbers, and who did what. No words of anybody's, so that
nothing can be read here that was taken back."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from toby.notifications.models import Fact, Inbox, Item


def inbox_shown(user_id: int) -> dict[str, Any] | None:
    """None where there is none yet: one is made at the first look of its owner, not of others."""
    names = "user_id", "epoch", "last_seq", "floor_seq", "unread", "unseen", "closed"
    found: dict[str, Any] | None = Inbox.objects.filter(user_id=user_id).values(*names).first()
    return found


def items_shown(user_id: int, *, limit: int, facts_each: int) -> list[dict[str, Any]]:
    """The `limit` items with the newest facts, tombstones too; of each the last `facts_each` facts,
    the newest first."""
    items = list(Item.objects.filter(recipient_id=user_id).order_by("-content_seq")[:limit])
    facts = last_facts(items, facts_each)
    return [
        {
            "id": str(item.id),
            "kind": item.kind,
            "group": item.group_key.removeprefix(f"{item.kind}:"),
            "seq": item.seq,
            "content_seq": item.content_seq,
            "state": item.state,
            "retracted": item.retracted_at,
            "fact_count": item.fact_count,
            "facts": facts.get(item.pk, []),
        }
        for item in items
    ]


def last_facts(items: Sequence[Item], facts_each: int) -> dict[Any, list[dict[str, Any]]]:
    newest_first = Window(RowNumber(), partition_by=F("item"), order_by=F("id").desc())
    rows = Fact.objects.filter(item__in=items).annotate(place=newest_first)
    found: dict[Any, list[dict[str, Any]]] = {}
    for fact in rows.filter(place__lte=facts_each).order_by("-id"):
        shown = {
            "event_id": str(fact.event_id),
            "actor_id": fact.actor_id,
            "act": fact.act,
            "retracted": fact.retracted_at,
        }
        found.setdefault(fact.item_id, []).append(shown)
    return found
