"""Fixtures that any test may use."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from deploy.local.stack import Stack
from tests.factories import Caller
from tests.flow.support import Toby, start_toby
from toby.common import session_store


@pytest.fixture(scope="session")
def django_db_modify_db_settings(stack: Stack) -> None:
    """The test database is made once the servers are up."""


@pytest.fixture
def redis(stack: Stack) -> Iterator[None]:
    """Redis is up, with nothing of other tests in it."""
    session_store.connection().flushdb()
    yield


@pytest.fixture
def api(db: None, redis: None) -> Callable[..., Caller]:
    """`api()` calls without a token, `api(user)` with one of the user's."""
    return Caller


@pytest.fixture
def browser(db: None, redis: None) -> Client:
    return Client()


@pytest.fixture(scope="session")
def toby(stack: Stack) -> Toby:
    """The whole system runs, for tests that go through processes."""
    return start_toby(stack)
