"""Fixtures that any test may use."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from deploy.local.stack import Stack
from tests.clock import Clock
from tests.common.support import another_thread
from tests.factories import Caller
from tests.flow.support import Toby, start_toby
from tests.migrations import Older, another_database
from tests.postbox import Postbox
from toby.common import fresh_cache, session_store


@pytest.fixture(scope="session")
def django_db_modify_db_settings(stack: Stack) -> None:
    """The test database is made once the servers are up."""


@pytest.fixture(autouse=True)
def mail_is_queued(settings: Settings) -> None:
    """As in production; the test runner would keep it in memory."""
    settings.EMAIL_BACKEND = "mailer.backend.DbBackend"


@pytest.fixture
def postbox(settings: Settings) -> Iterator[Postbox]:
    """Queued mail is sent to it."""
    postbox = Postbox()
    postbox.start()
    settings.MAILER_EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", postbox.port
    yield postbox
    postbox.server.close()


@pytest.fixture
def redis(stack: Stack) -> Iterator[None]:
    """Redis is up, with nothing of other tests in it."""
    session_store.connection().flushdb()
    fresh_cache.connection().flushdb()
    yield


@pytest.fixture
def redis_down(redis: None, settings: Settings) -> Iterator[None]:
    """Nobody listens where Redis should be."""
    settings.REDIS_URL = "redis://127.0.0.1:1/5"
    for cached in (session_store.connection, session_store.getter):
        cached.cache_clear()
    yield
    for cached in (session_store.connection, session_store.getter):
        cached.cache_clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("django.utils.timezone.now", clock.read)
    return clock


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """A thread that has a database session of its own."""
    with another_thread() as pool:
        yield pool


@pytest.fixture
def api(db: None, redis: None) -> Callable[..., Caller]:
    """`api()` calls without a token, `api(user)` with one of the user's."""
    return Caller


@pytest.fixture
def browser(db: None, redis: None) -> Client:
    return Client()


@pytest.fixture
def older(
    stack: Stack, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[type[Older]]:
    """`older("social", "0022_graph")` has tables as before that migration, with nothing in them.
    Not in a test that is marked django_db: the database is another one."""
    with django_db_blocker.unblock(), another_database(tmp_path):
        yield Older


@pytest.fixture(scope="session")
def toby(stack: Stack) -> Toby:
    """The whole system runs, for tests that go through processes."""
    return start_toby(stack)
