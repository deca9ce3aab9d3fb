"""Periodic jobs: one process at a time, and none holds up another."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from pytest_django import Settings

from tests.common.support import DEADLINE_S
from toby.common.periodic import Periodic

pytestmark = pytest.mark.django_db(transaction=True)

HERE = "tests.common.test_periodic"
runs: list[str] = []


def first() -> int:
    runs.append("first")
    return 3


def broken() -> int:
    runs.append("broken")
    raise ValueError("a bug")


def last() -> int:
    runs.append("last")
    return 0


def without_database() -> int:
    raise (
        OperationalError(2006, "gone")
        if connection.vendor == "mysql"
        else OperationalError("database is locked")
    )


@pytest.fixture(autouse=True)
def _jobs(settings: Settings, transactional_db: None) -> Iterator[None]:
    settings.PERIODIC_JOBS = [(f"{HERE}.first", 60), (f"{HERE}.broken", 60), (f"{HERE}.last", 60)]
    runs.clear()
    yield
    connection.close()


def test_a_job_that_fails_holds_up_no_other_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    periodic = Periodic()
    with periodic.lock:
        periodic.step()
    assert runs == ["first", "broken", "last"]
    (failure,) = [record for record in caplog.records if record.getMessage() == "periodic.failed"]
    assert failure.__dict__["fields"] == {"job": f"{HERE}.broken"}
    assert failure.exc_info


def test_a_job_runs_when_it_is_due_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("toby.common.periodic.time.monotonic", lambda: now)
    periodic = Periodic()
    with periodic.lock:
        periodic.step()
        now += 59
        periodic.step()
        assert runs.count("first") == 1
        now += 1
        periodic.step()
        assert runs.count("first") == 2
        assert runs.count("broken") == 2


def test_only_the_process_that_has_the_lock_runs_them(elsewhere: ThreadPoolExecutor) -> None:
    active, standby = Periodic(), Periodic()
    with active.lock:
        active.step()
        runs.clear()
        elsewhere.submit(standby.step).result(DEADLINE_S)
        assert runs == []
    elsewhere.submit(standby.step).result(DEADLINE_S)
    assert runs == ["first", "broken", "last"]
    elsewhere.submit(standby.lock.release).result(DEADLINE_S)


def test_trouble_with_the_database_is_let_through_for_the_worker(settings: Settings) -> None:
    settings.PERIODIC_JOBS = [(f"{HERE}.without_database", 60)]
    periodic = Periodic()
    with periodic.lock, pytest.raises(OperationalError):
        periodic.step()


def test_all_can_be_run_at_once_by_a_command() -> None:
    printed = io.StringIO()
    call_command("run_periodic", "--once", "--json", stdout=printed)
    assert json.loads(printed.getvalue()) == [
        {"job": f"{HERE}.first", "rows": 3},
        {"job": f"{HERE}.broken", "rows": None},
        {"job": f"{HERE}.last", "rows": 0},
    ]
