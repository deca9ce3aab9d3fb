"""Jobs that run every so often, in one process at a time: PERIODIC_JOBS of the settings."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from toby.common.locks import NamedLock
from toby.common.logging import log
from toby.common.sql import is_database_trouble

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Job:
    """`run` returns how many rows it dealt with; `due` is on the monotonic clock."""

    name: str
    run: Callable[[], int]
    every_s: int
    due: float = 0.0


def jobs_of_this_service() -> list[Job]:
    return [Job(name, import_string(name), every_s) for name, every_s in settings.PERIODIC_JOBS]


class Periodic:
    """`step` runs what is due, while this process has the lock."""

    def __init__(self) -> None:
        self.jobs = jobs_of_this_service()
        self.lock = NamedLock(f"periodic.{settings.SERVICE}")

    def step(self) -> bool:
        if not self.lock.held and not self.lock.acquire():
            return False
        for job in self.jobs:
            if time.monotonic() >= job.due:
                job.due = time.monotonic() + job.every_s
                run(job)
        return False

    def run_all(self) -> Iterator[dict[str, object]]:
        for job in self.jobs:
            yield {"job": job.name, "rows": run(job)}


def run(job: Job) -> int | None:
    """How many rows it dealt with; None if it failed, which is logged and holds up no other job."""
    try:
        count = job.run()
    except Exception as error:
        if is_database_trouble(error):
            raise
        logger.exception("periodic.failed", extra={"fields": {"job": job.name}})
        return None
    if count:
        log(logger, "periodic.done", job=job.name, rows=count)
    return count
