"""The table of Toby's own processes: what runs, with which settings, and how its health shows.

To add a process, add a row. nginx and the other servers are not here but in `modes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from deploy.local.child import Child, wait_until
from deploy.local.ports import Ports
from deploy.local.servers.base import ADDRESS, REPOSITORY, ask, seconds_since_touched

HEARTBEAT_MAX_AGE_S = 10


class Health(Enum):
    """How one sees that a process is well."""

    HTTP = "it answers 200 to GET /readyz on its port"
    HEARTBEAT = "its heartbeat file is younger than 10 s"


GUNICORN = (
    *("-m", "gunicorn", "-c", "python:toby.gunicorn_conf", "--bind", "{address}"),
    *("--graceful-timeout", "4"),
)
SERVE = ("manage.py", "serve", "--host", "{host}", "--port", "{port}")


@dataclass(frozen=True)
class Row:
    """One process. `arguments` are Python's; `{address}`, `{host}` and `{port}` are filled in."""

    name: str
    settings: str
    arguments: tuple[str, ...]
    health: Health


PROCESSES = (
    Row("auth-1", "accounts", GUNICORN, Health.HTTP),
    Row("auth-2", "accounts", GUNICORN, Health.HTTP),
    Row("social-1", "social", GUNICORN, Health.HTTP),
    Row("social-2", "social", GUNICORN, Health.HTTP),
    Row("notifications-1", "notifications", SERVE, Health.HTTP),
    Row("notifications-2", "notifications", SERVE, Health.HTTP),
    Row("relay", "social", ("manage.py", "relay_outbox"), Health.HEARTBEAT),
    Row("consumer", "notifications", ("manage.py", "consume_events"), Health.HEARTBEAT),
    Row(
        "notification-fanout",
        "notifications",
        ("manage.py", "consume_events", "notification-fanout"),
        Health.HEARTBEAT,
    ),
    Row("timeline", "social", ("manage.py", "consume_events"), Health.HEARTBEAT),
    Row(
        "timeline-fanout",
        "social",
        ("manage.py", "consume_events", "timeline-fanout"),
        Health.HEARTBEAT,
    ),
    Row("mail", "accounts", ("manage.py", "send_queued_mail"), Health.HEARTBEAT),
    Row("mail-notifications", "notifications", ("manage.py", "send_queued_mail"), Health.HEARTBEAT),
    Row("periodic-social", "social", ("manage.py", "run_periodic"), Health.HEARTBEAT),
    Row("periodic-notifications", "notifications", ("manage.py", "run_periodic"), Health.HEARTBEAT),
)


class Process:
    """A row of the table, running."""

    def __init__(
        self,
        row: Row,
        *,
        python: Path,
        ports: Ports,
        environment: Mapping[str, str],
        heartbeat: Path,
        log: Path,
    ) -> None:
        self.name = row.name
        self.log = log
        # What the next start gets: a test may change it.
        self.environment = dict(environment)
        self.port = ports[row.name] if row.health is Health.HTTP else 0
        self._health = row.health
        self._heartbeat = heartbeat
        filled = [
            argument.format(host=ADDRESS, port=self.port, address=f"{ADDRESS}:{self.port}")
            for argument in row.arguments
        ]
        self._child = Child(
            [str(python), *filled], log=log, environment=self.environment, folder=REPOSITORY
        )

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def exit_code(self) -> int | None:
        return self._child.exit_code

    def start(self) -> None:
        """Return at once; see `is_healthy` and `wait_until_healthy`."""
        if not self.running:
            self._heartbeat.unlink(missing_ok=True)
            self._child.start()

    def stop(self, timeout_s: float = 10) -> None:
        self._child.stop(timeout_s)

    def kill(self) -> None:
        self._child.kill()

    def is_healthy(self) -> bool:
        if not self.running:
            return False
        if self._health is Health.HTTP:
            question = f"GET /readyz HTTP/1.0\r\nHost: {ADDRESS}\r\n\r\n".encode()
            return b" 200 " in ask(self.port, question, timeout_s=3).split(b"\r\n")[0]
        return seconds_since_touched(self._heartbeat) < HEARTBEAT_MAX_AGE_S

    def wait_until_healthy(self, timeout_s: float = 30) -> bool:
        return wait_until(self.is_healthy, timeout_s=timeout_s, pause_s=0.1)
