"""What is hinted, where several threads write inboxes."""

import pytest

from toby.notifications.deliveries import Deliveries
from toby.notifications.hints import Hint


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[Hint]:
    """What consumers would send after each commit: kept, and not sent. A process sends by one event
    loop, which threads cannot share."""
    kept: list[Hint] = []
    monkeypatch.setattr(Deliveries, "committed", lambda work: kept.extend(work.hints))
    return kept
