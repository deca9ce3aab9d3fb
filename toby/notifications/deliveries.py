"""The work of a batch of events: facts added and retracted, written with the seq they take."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from toby.events import Envelope, Person
from toby.notifications.hints import Hint, announce, announce_ended_sessions, run_in_worker
from toby.notifications.inboxes import lock_inboxes, write
from toby.notifications.models import Fact, Item, Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Add:
    event_id: UUID
    time: datetime
    recipient_id: int
    kind: Kind
    group_key: str
    act: str
    actor: dict[str, Any] | None
    target: dict[str, Any]
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Retract:
    recipient_id: int
    act: str


class Deliveries:
    """Handlers say whom an event concerns; `flush` writes it under the inboxes' locks."""

    def __init__(self) -> None:
        self.orders: list[Add | Retract] = []
        self.hints: list[Hint] = []
        self.ended_sessions: list[str] = []

    def begin(self, envelope: Envelope) -> None:
        self.envelope = envelope

    def tell(
        self,
        recipient_id: int,
        kind: Kind,
        *,
        target: dict[str, Any],
        actor: Person | None = None,
        act: str = "",
        **data: Any,
    ) -> None:
        """The current event concerns this person. Nobody is told of their own act."""
        if actor is not None and actor.user_id == recipient_id:
            return
        self.orders.append(
            Add(
                event_id=self.envelope.id,
                time=self.envelope.time,
                recipient_id=recipient_id,
                kind=kind,
                group_key=f"{kind}:{self.envelope.id}",
                act=act,
                actor=None
                if actor is None
                else {
                    "id": actor.user_id,
                    "username": actor.username,
                    "display_name": actor.display_name,
                    "picture_url": actor.picture_url,
                },
                target=target,
                data=data,
            )
        )

    def take_back(self, recipient_id: int, act: str) -> None:
        """What this person was told of `act` no longer holds."""
        self.orders.append(Retract(recipient_id=recipient_id, act=act))

    def end_session(self, session_id: str) -> None:
        self.ended_sessions.append(session_id)

    def flush(self) -> None:
        if not self.orders:
            return
        now = timezone.now()
        opened = lock_inboxes(order.recipient_id for order in self.orders)
        known = known_facts(self.orders)
        live = facts_to_retract(self.orders)
        added: list[Fact] = []
        for order in self.orders:
            inbox = opened[order.recipient_id]
            if isinstance(order, Add):
                if (order.event_id, order.recipient_id) in known:
                    continue
                known.add((order.event_id, order.recipient_id))
                item = new_item(order, now)
                inbox.join(item, now)
                fact = Fact(
                    event_id=order.event_id,
                    recipient_id=order.recipient_id,
                    item=item,
                    act=order.act,
                    created_at=now,
                )
                added.append(fact)
                live.setdefault((order.recipient_id, order.act), []).append(fact)
            else:
                for fact in live.pop((order.recipient_id, order.act), []):
                    fact.retracted_at = now
                    inbox.part(fact.item, now)
                    if fact.pk is not None:
                        added.append(fact)
        self.hints = write(opened, added)

    def committed(self) -> None:
        run_in_worker(self._announce())

    async def _announce(self) -> None:
        await announce(self.hints)
        await announce_ended_sessions(self.ended_sessions)


def new_item(order: Add, now: datetime) -> Item:
    return Item(
        recipient_id=order.recipient_id,
        kind=order.kind,
        group_key=order.group_key,
        actor=order.actor,
        target=order.target,
        data=order.data,
        created_at=order.time,
        updated_at=now,
    )


def known_facts(orders: list[Add | Retract]) -> set[tuple[UUID, int]]:
    """Of the facts that are to be added, those that are there (read under the inboxes' locks)."""
    adds = [order for order in orders if isinstance(order, Add)]
    event_ids = {order.event_id for order in adds}
    rows = Fact.objects.filter(event_id__in=event_ids)
    if len(adds) <= 500:
        rows = rows.filter(recipient_id__in={order.recipient_id for order in adds})
    return set(rows.values_list("event_id", "recipient_id"))


def facts_to_retract(orders: list[Add | Retract]) -> dict[tuple[int, str], list[Fact]]:
    """The live facts of the acts that are to be taken back."""
    found: dict[tuple[int, str], list[Fact]] = {}
    retracts = [order for order in orders if isinstance(order, Retract)]
    if not retracts:
        return found
    wanted = Q(pk__in=[])
    for order in retracts:
        wanted |= Q(recipient_id=order.recipient_id, act=order.act)
    for fact in Fact.objects.filter(wanted, retracted_at=None).select_related("item"):
        found.setdefault((fact.recipient_id, fact.act), []).append(fact)
    return found
