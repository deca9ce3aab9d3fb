"""A named lock is held by one session at a time, and no longer than the session lives."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection

from tests.common.support import DEADLINE_S
from tests.flow.support import eventually
from toby.common.locks import NamedLock
from toby.common.sql import is_database_trouble

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _a_session_of_its_own(transactional_db: None) -> Iterator[None]:
    """A lock shortens its session's timeout: no other test shall have that session."""
    yield
    connection.close()


@pytest.fixture
def only_on_a_server() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no sessions")


def acquire(name: str = "test") -> NamedLock | None:
    lock = NamedLock(name)
    return lock if lock.acquire(wait_s=0) else None


def is_free_for(thread: ThreadPoolExecutor, name: str = "test") -> bool:
    def try_it() -> bool:
        lock = acquire(name)
        if lock:
            lock.release()
        return lock is not None

    return thread.submit(try_it).result(DEADLINE_S)


def test_one_session_holds_it_and_others_do_not_get_it(elsewhere: ThreadPoolExecutor) -> None:
    lock = acquire()
    assert lock is not None
    assert lock.held
    assert not is_free_for(elsewhere)
    lock.release()


def test_it_is_free_once_it_was_released(elsewhere: ThreadPoolExecutor) -> None:
    with NamedLock("test") as lock:
        assert lock.acquire()
        assert not is_free_for(elsewhere)
    assert not lock.held
    assert is_free_for(elsewhere)


def test_releasing_what_is_not_held_does_no_harm(elsewhere: ThreadPoolExecutor) -> None:
    theirs = elsewhere.submit(acquire).result(DEADLINE_S)
    NamedLock("test").release()
    assert acquire() is None
    assert theirs is not None
    elsewhere.submit(theirs.release).result(DEADLINE_S)


def test_another_name_is_another_lock(elsewhere: ThreadPoolExecutor) -> None:
    with NamedLock("test") as lock:
        assert lock.acquire()
        assert is_free_for(elsewhere, "other")


def test_taking_it_again_keeps_it(elsewhere: ThreadPoolExecutor) -> None:
    with NamedLock("test") as lock:
        assert lock.acquire()
        assert lock.acquire()
        assert lock.held
        assert not is_free_for(elsewhere)


@pytest.mark.usefixtures("only_on_a_server")
def test_it_is_lost_with_the_session_and_its_holder_knows(elsewhere: ThreadPoolExecutor) -> None:
    lock = elsewhere.submit(acquire).result(DEADLINE_S)
    assert lock is not None
    with connection.cursor() as cursor:
        cursor.execute("KILL %s", [elsewhere.submit(ask, "CONNECTION_ID()").result(DEADLINE_S)])
    mine = eventually(acquire, within_s=DEADLINE_S)
    error = elsewhere.submit(ask, "1").exception(DEADLINE_S)
    assert isinstance(error, OperationalError)
    assert is_database_trouble(error)
    # As the worker does after such an error.
    elsewhere.submit(connection_close).result(DEADLINE_S)
    assert not elsewhere.submit(lambda: lock.held).result(DEADLINE_S)
    assert elsewhere.submit(ask, "1").result(DEADLINE_S) == 1
    assert not elsewhere.submit(lambda: lock.held).result(DEADLINE_S)
    elsewhere.submit(lock.release).result(DEADLINE_S)
    assert mine.held
    assert not is_free_for(elsewhere)


@pytest.mark.usefixtures("only_on_a_server")
def test_a_holder_that_says_nothing_loses_it(
    elsewhere: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toby.common.locks.SESSION_TIMEOUT_S", 2)
    assert elsewhere.submit(acquire).result(DEADLINE_S)
    assert acquire() is None
    assert eventually(acquire, within_s=10)


@pytest.mark.usefixtures("only_on_a_server")
def test_its_name_says_of_which_database_it_is_and_fits(elsewhere: ThreadPoolExecutor) -> None:
    with NamedLock("x" * 100) as lock:
        assert lock.acquire()
        holder = ask(f"IS_USED_LOCK('{(connection.settings_dict['NAME'] + '.' + 'x' * 100)[:64]}')")
        assert holder == ask("CONNECTION_ID()")


def ask(expression: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression}")
        return int(cursor.fetchone()[0])


def connection_close() -> None:
    connection.close()
