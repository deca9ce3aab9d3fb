"""Who is told nothing of whom. The caller holds the listeners' inboxes: what is read here holds
until the commit, and nobody else changes it."""

from collections.abc import Iterable

from toby.common.sql import RowIn
from toby.common.writing import upsert
from toby.notifications.models import Silence, Why

PAIRS_AT_ONCE = 500
ALL = tuple(Why)
APART = (Why.BLOCKS, Why.IS_BLOCKED)
# Of the listener.
BY_CHOICE = (Why.BLOCKS, Why.MUTES)

Pair = tuple[int, int]


class Silences:
    """Those among some pairs of a listener and a speaker."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.known = {(s.listener_id, s.speaker_id, s.why): s for s in read(set(pairs))}
        self.changed: dict[tuple[int, int, str], Silence] = {}

    def keeps(self, listener_id: int, speaker_id: int, why: Iterable[Why] = ALL) -> bool:
        """Whether the listener is told nothing of the speaker, for one of these reasons."""
        if not self.known:
            return False
        found = (self.known.get((listener_id, speaker_id, reason)) for reason in why)
        return any(silence is not None and silence.active for silence in found)

    def learn(self, news: Silence) -> bool:
        """Whether it is news, and not older than what is known."""
        key = news.listener_id, news.speaker_id, news.why
        known = self.known.get(key)
        if known is not None and known.version >= news.version:
            return False
        self.known[key] = self.changed[key] = news
        return True

    def write(self) -> None:
        upsert(
            [self.changed[key] for key in sorted(self.changed)],
            unique=["listener_id", "speaker_id", "why"],
            update=["active", "version"],
        )


def read(pairs: set[Pair]) -> list[Silence]:
    found: list[Silence] = []
    ordered = sorted((speaker_id, listener_id) for listener_id, speaker_id in pairs)
    for start in range(0, len(ordered), PAIRS_AT_ONCE):
        part = ordered[start : start + PAIRS_AT_ONCE]
        found += Silence.objects.filter(RowIn(["speaker_id", "listener_id"], part))
    return found
