"""All of Toby on this machine as one object, which starts and stops it in order.

`run` and `stack` use it for people; tests, benchmarks and the chaos runs use it as it is.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal

from deploy.local import virtualenv
from deploy.local.child import tail, wait_until
from deploy.local.claim import Claim
from deploy.local.environment import environment, read_or_make_secrets
from deploy.local.modes import databases_on, embedded_servers, make_nginx, real_servers
from deploy.local.parallel import in_parallel
from deploy.local.ports import Ports
from deploy.local.processes import PROCESSES, Process, Row
from deploy.local.servers import Server, ServerFailed
from deploy.local.servers.base import REPOSITORY, run_to_end
from deploy.local.tables import make_tables, make_topics
from deploy.local.units import Unit

Mode = Literal["embedded", "real"]
UP_WITHIN_S = 60.0
# Together under the 10 s that a stop may take.
NGINX_STOPS_WITHIN_S, PROCESSES_STOP_WITHIN_S, SERVERS_STOP_WITHIN_S = 2.0, 4.0, 3.5


def _say_nothing(_line: str) -> None:
    pass


class Stack:
    """Toby with everything it needs, below one folder and from one port on.

    `mode` is "embedded" (servers from wheels, SQLite) or "real" (`database` is mariadb or mysql).
    `fast` relaxes what only a power cut can hurt, `limits` are nginx's, `env` is laid over the
    environment of every process. Expects the virtual environment, and in mode "real" what
    `provision` installs, to be there.
    """

    def __init__(
        self,
        mode: Mode,
        home: Path,
        port: int = 8000,
        *,
        database: str = "mariadb",
        fast: bool = False,
        limits: bool = True,
        env: Mapping[str, str] | None = None,
        python: Path | None = None,
        say: Callable[[str], None] = _say_nothing,
    ) -> None:
        self.mode = mode
        self.home = home.resolve()
        self.ports = Ports(port)
        self.origin = f"http://127.0.0.1:{port}"
        self._python = python or _default_python()
        self._say = say
        known_secrets = read_or_make_secrets(self.home / "secrets.json")
        self._ending = threading.Event()
        self._claim = Claim(self.home, self.ports)

        if mode == "embedded":
            servers = embedded_servers(self.home, self.ports)
        else:
            password = known_secrets["database_password"]
            servers = real_servers(
                self.home, self.ports, database=database, password=password, fast=fast
            )
        self._databases = databases_on(servers, self.home)
        self.addresses = environment(
            home=self.home,
            ports=self.ports,
            known_secrets=known_secrets,
            database_url=self._databases.urls[0],
            notifications_database_url=self._databases.urls[1],
            has_own_cache="cache" in servers,
            kafka_is_volatile=mode == "embedded",
        )
        self._environment = {**os.environ, **self.addresses, **(env or {})}
        self._servers = {name: self._unit(name, server) for name, server in servers.items()}
        if mode == "embedded":
            self._servers["kafka"].after_restart = self._fill_empty_broker
        nginx = make_nginx(self.home, self.ports, limits=limits, prefer_wheel=mode == "embedded")
        self._nginx = self._unit("nginx", nginx)
        self._processes = {row.name: self._process_unit(row) for row in PROCESSES}

    def start(self, *, alongside: Callable[[], None] = lambda: None) -> None:
        """Return when every server and process is healthy, and `alongside` is done.

        That is called as soon as there are tables, while the processes start. Raises ServerFailed
        (with `log_tail`) or Unavailable; whatever had started is stopped then.
        """
        self.start_servers()
        self.start_processes(alongside=alongside)

    def start_processes(self, *, alongside: Callable[[], None] = lambda: None) -> None:
        """All but the servers, which run already; as `start`."""
        try:
            self._timed("tables and topics are ready", self._make_tables_and_topics)
            self._timed(
                "processes are healthy", lambda: in_parallel([self._start_processes, alongside])
            )
            self._watch(self._processes.values())
        except BaseException:
            self.stop()
            raise

    def start_servers(self) -> None:
        """Only the database, Redis and Kafka: for tests that start what else they need."""
        self.claim()
        try:
            in_parallel([partial(self._start_server, unit) for unit in self._servers.values()])
        except BaseException:
            self.stop()
            raise
        self._watch(self._servers.values())

    def claim(self) -> None:
        """Make sure that nobody else runs here and that the ports are free; put old logs aside.

        `start` does it too; done before, a problem shows before anything slow. Raises Unavailable.
        """
        if self._claim.is_held:
            return
        self._claim.take()
        self._ending = threading.Event()
        for folder in ("logs", "heartbeats", "mail"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        for old in (self.home / "logs").glob("*.log"):
            old.replace(old.with_suffix(".log.old"))

    def stop(self) -> None:
        """Everything in order: nginx, then the processes, then the servers; within 10 s."""
        self._ending.set()
        processes = self._processes.values()
        servers = self._servers.values()
        self._nginx.stop(NGINX_STOPS_WITHIN_S)
        in_parallel([partial(unit.stop, PROCESSES_STOP_WITHIN_S) for unit in processes])
        in_parallel([partial(unit.stop, SERVERS_STOP_WITHIN_S) for unit in servers])
        self._claim.release()

    def kill(self) -> None:
        """Everything at once, by SIGKILL."""
        self._ending.set()
        for unit in self._all_units():
            unit.restarts = False
            unit.kill()
        self._claim.release()

    def process(self, name: str) -> Unit:
        """A row of the table in `processes.py`, by name."""
        return self._processes[name]

    def server(self, name: str) -> Unit:
        """nginx, database, redis, cache or kafka; embedded, cache is the same as redis."""
        if name == "nginx":
            return self._nginx
        return self._servers[name if name in self._servers else "redis"]

    def versions(self) -> list[str]:
        """Of every server, as it says itself; they need not run."""
        parts = [unit.part for unit in [*self._servers.values(), self._nginx]]
        found = [part.version() for part in parts if isinstance(part, Server)]
        return list(dict.fromkeys(found))

    def restart(
        self, name: str, env: Mapping[str, str] | None = None, *, healthy: bool = True
    ) -> None:
        """Start a process anew, with `env` over its environment until the next restart.

        With `healthy`, return when it is, or raise ServerFailed.
        """
        unit = self._processes[name]
        assert isinstance(unit.part, Process)
        unit.stop()
        settings = unit.part.environment["DJANGO_SETTINGS_MODULE"].rpartition(".")[2]
        unit.part.environment.clear()
        unit.part.environment.update({**self.env_for(settings, process=name), **(env or {})})
        unit.start()
        if healthy and not self.wait_until_healthy(name):
            raise self._failure(name, "was not healthy again in time")

    def is_healthy(self, name: str) -> bool:
        """Whether a process does its work now."""
        part = self._processes[name].part
        return isinstance(part, Process) and part.is_healthy()

    def wait_until_healthy(self, name: str, timeout_s: float = 30) -> bool:
        return wait_until(lambda: self.is_healthy(name), timeout_s=timeout_s, pause_s=0.1)

    def env_for(self, settings: str, *, process: str = "toby") -> dict[str, str]:
        """The whole environment of a process; `settings` is accounts, social or notifications."""
        return {
            "TOBY_HEARTBEAT_FILE": str(self._heartbeat(process)),
            **self._environment,
            "DJANGO_SETTINGS_MODULE": f"toby.settings.{settings}",
            "TOBY_PROCESS": process,
        }

    def manage(self, settings: str, *arguments: str, timeout_s: float = 120) -> str:
        """Run a management command and return what it printed. Raises ServerFailed if it failed."""
        return run_to_end(
            [str(self._python), "manage.py", *arguments],
            what=f"manage.py {arguments[0]} under toby.settings.{settings}",
            environment=self.env_for(settings, process=arguments[0]),
            folder=REPOSITORY,
            timeout_s=timeout_s,
        )

    def log(self, name: str) -> str:
        """All that a process or server has logged since the start."""
        with suppress(OSError):
            return self.log_path(name).read_text(errors="replace")
        return ""

    def log_path(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def log_paths(self) -> dict[str, Path]:
        """Of the processes and nginx, in the order of the table."""
        return {name: self.log_path(name) for name in [*self._processes, "nginx"]}

    def _heartbeat(self, name: str) -> Path:
        return self.home / "heartbeats" / name

    def _unit(self, name: str, server: Server) -> Unit:
        server.log = self.log_path(name)
        return Unit(name, server, self._say)

    def _process_unit(self, row: Row) -> Unit:
        process = Process(
            row,
            python=self._python,
            ports=self.ports,
            environment=self.env_for(row.settings, process=row.name),
            heartbeat=self._heartbeat(row.name),
            log=self.log_path(row.name),
        )
        return Unit(row.name, process, self._say)

    def _all_units(self) -> list[Unit]:
        return [self._nginx, *self._processes.values(), *self._servers.values()]

    def _start_server(self, unit: Unit) -> None:
        began = time.monotonic()
        unit.start()
        server = unit.part
        if isinstance(server, Server):
            took_s = time.monotonic() - began
            self._say(f"{server.version()} answers on {server.address} ({took_s:.1f} s)")

    def _timed(self, what: str, work: Callable[[], None]) -> None:
        began = time.monotonic()
        work()
        self._say(f"{what} ({time.monotonic() - began:.1f} s)")

    def _make_tables_and_topics(self) -> None:
        tables = self._databases.home / "tables.json"
        topics = self.home / "kafka" / "topics.json" if self.mode == "real" else None
        in_parallel(
            [
                partial(make_tables, self.manage, stamp=tables, sqlite_files=self._databases.files),
                partial(make_topics, self.manage, stamp=topics),
            ]
        )

    def _fill_empty_broker(self) -> None:
        """Tansu forgot everything: make the topics, and let the relay send the outbox again."""
        self.manage("social", "create_topics")
        relay = self._processes["relay"]
        if relay.running:
            relay.stop()
            relay.start()

    def _start_processes(self) -> None:
        for unit in self._processes.values():
            unit.start()
        waiting = dict(self._processes)
        deadline = time.monotonic() + UP_WITHIN_S
        while waiting:
            for name, unit in list(waiting.items()):
                if not unit.running:
                    raise self._failure(name, "ended at its start")
                if self.is_healthy(name):
                    del waiting[name]
            if self._ending.is_set():
                raise ServerFailed("stopped while starting")
            if waiting and time.monotonic() > deadline:
                late = next(iter(waiting))
                raise self._failure(late, f"was not healthy after {UP_WITHIN_S:.0f} s")
            time.sleep(0.1)
        self._nginx.start()
        self._watch([self._nginx])

    def _failure(self, name: str, what: str) -> ServerFailed:
        path = self.log_path(name)
        return ServerFailed(f"{name} {what}, see {path}", tail(path, 20))

    def _watch(self, units: Iterable[Unit]) -> None:
        for unit in units:
            thread = threading.Thread(target=unit.watch, args=[self._ending], daemon=True)
            thread.start()


def _default_python() -> Path:
    return virtualenv.PYTHON if virtualenv.PYTHON.exists() else Path(sys.executable)
