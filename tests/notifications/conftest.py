"""What is hinted, where several threads write inboxes; who is connected, who there is, and when."""

import pytest

from deploy.local.stack import Stack
from tests.clock import Clock
from tests.factories import make_user
from tests.notifications.support import MORNING
from toby.accounts.models import User
from toby.common import session_store
from toby.notifications import digests, jobs
from toby.notifications.deliveries import Deliveries
from toby.notifications.hints import Hint
from toby.notifications.places import CONNECTED


@pytest.fixture(autouse=True)
def nobody_is_connected(stack: Stack) -> None:
    """Of other tests: who is connected is told of a publication first."""
    session_store.connection().delete(CONNECTED)


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[Hint]:
    """What consumers would send after each commit, were everybody connected: kept, and not sent."""
    kept: list[Hint] = []
    monkeypatch.setattr(
        Deliveries, "committed", lambda work: kept.extend(inbox.hint() for inbox in work.touched)
    )
    return kept


@pytest.fixture
def morning(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It is MORNING, and the walk over those whose digests are due begins with the first."""
    monkeypatch.setattr(jobs, "walk", digests.Walk())
    clock.now = MORNING
    return clock
