"""The loop of a process outside HTTP."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from toby.common.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


class Passing(Exception):
    """Worth another try."""


@pytest.fixture(autouse=True)
def _signals_and_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("toby.common.worker.FIRST_WAIT_S", 0.001)
    monkeypatch.setattr("toby.common.worker.LONGEST_WAIT_S", 0.004)
    monkeypatch.delenv("TOBY_HEARTBEAT_FILE", raising=False)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def run(*steps: Callable[[], bool], idle_s: float = 0.0) -> Worker:
    """A worker that does `steps` one after the other, and then is stopped."""
    left = list(steps)

    def step() -> bool:
        if not left:
            worker.stop()
            return False
        return left.pop(0)()

    worker = Worker(step, idle_s=idle_s, retriable=lambda error: isinstance(error, Passing))
    worker.run()
    assert not left
    return worker


def fail(error: Exception) -> Callable[[], bool]:
    def step() -> bool:
        raise error

    return step


def test_a_step_that_fails_for_a_while_is_tried_again_on_a_new_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sessions: list[object] = []

    def use_the_database() -> bool:
        connection.ensure_connection()
        sessions.append(connection.connection)
        return True

    run(use_the_database, use_the_database, fail(Passing()), fail(Passing()), use_the_database)
    assert sessions[0] is sessions[1] is not sessions[2]
    retries = [record for record in caplog.records if record.getMessage() == "worker.retry"]
    assert len(retries) == 2


def test_it_waits_longer_each_time_but_not_without_bound_and_begins_anew_after_a_success(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run(*[fail(Passing())] * 4, lambda: True, fail(Passing()))
    waits = [
        record.__dict__["fields"]["wait_s"]
        for record in caplog.records
        if record.getMessage() == "worker.retry"
    ]
    assert waits == [0.001, 0.002, 0.004, 0.004, 0.001]


def test_a_step_that_fails_for_another_reason_ends_the_process() -> None:
    with pytest.raises(ValueError, match="a bug"):
        run(fail(ValueError("a bug")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_step_end_and_begins_no_other(number: signal.Signals) -> None:
    done: list[str] = []

    def step() -> bool:
        os.kill(os.getpid(), number)
        done.append("ended")
        return True

    Worker(step, retriable=lambda error: False).run()
    assert done == ["ended"]


def test_a_signal_ends_the_wait_of_a_worker_that_has_nothing_to_do() -> None:
    def step() -> bool:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        return False

    before = signal.signal(
        signal.SIGALRM, lambda number, frame: os.kill(os.getpid(), signal.SIGTERM)
    )
    try:
        # The test would take a minute if the wait went on.
        Worker(step, idle_s=60, retriable=lambda error: False).run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_heartbeat_shows_that_steps_succeed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "beats" / "worker"
    monkeypatch.setenv("TOBY_HEARTBEAT_FILE", str(file))
    seen: list[bool] = []

    def look() -> bool:
        seen.append(file.exists())
        return True

    run(look, fail(Passing()), look, look)
    assert seen == [False, True, True]


def test_a_worker_whose_steps_fail_has_no_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "worker"
    monkeypatch.setenv("TOBY_HEARTBEAT_FILE", str(file))
    with pytest.raises(ValueError, match="a bug"):
        run(fail(Passing()), fail(Passing()), fail(ValueError("a bug")))
    assert not file.exists()
