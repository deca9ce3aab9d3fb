"""Who moderates, and so is told of what is submitted. The caller of `Moderators` holds their
inboxes: what is read here holds until the commit, and nobody else changes it."""

from collections.abc import Iterable, Sequence

from toby.common.writing import upsert
from toby.notifications.models import KnownModerator
from toby.notifications.orders import Moderate, Order, TellModerators, Wide


class Moderators:
    """Those among some users."""

    def __init__(self, user_ids: Iterable[int]) -> None:
        ids = set(user_ids)
        rows = KnownModerator.objects.filter(user_id__in=ids) if ids else ()
        self.known = {row.user_id: row for row in rows}
        self.changed: dict[int, KnownModerator] = {}

    def include(self, user_id: int) -> bool:
        return user_id in self.known and self.known[user_id].active

    def learn(self, news: KnownModerator) -> bool:
        """Whether it is news, and not older than what is known."""
        known = self.known.get(news.user_id)
        if known is not None and known.version >= news.version:
            return False
        self.known[news.user_id] = self.changed[news.user_id] = news
        return True

    def write(self) -> None:
        rows = [self.changed[user_id] for user_id in sorted(self.changed)]
        upsert(rows, unique=["user_id"], update=["active", "version"])


def to_each_moderator(
    orders: Sequence[Order | Wide | TellModerators],
) -> list[Order | Wide]:
    """What is to be told to moderators, to each who is one by now or may become one meanwhile: no
    inbox is held yet, so `Moderators` are asked again."""
    if not any(isinstance(order, TellModerators) for order in orders):
        return [order for order in orders if not isinstance(order, TellModerators)]
    rows = KnownModerator.objects.filter(active=True)
    ids = set(rows.values_list("user_id", flat=True))
    ids |= {order.user_id for order in orders if isinstance(order, Moderate)}
    told: list[Order | Wide] = []
    for order in orders:
        if isinstance(order, TellModerators):
            told += [order.told_to(user_id) for user_id in sorted(ids - {order.actor["id"]})]
        else:
            told.append(order)
    return told
