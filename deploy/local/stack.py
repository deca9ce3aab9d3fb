"""All of Toby on this machine as one object, which starts and stops it in order.

`run` and `stack` use it for people; tests, benchmarks and the chaos runs use it as it is.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Literal

from deploy.local import provision, virtualenv
from deploy.local.child import tail, wait_until
from deploy.local.environment import environment, read_or_make_secrets
from deploy.local.ports import Ports
from deploy.local.processes import PROCESSES, Process
from deploy.local.servers import (
    Database,
    Kafka,
    MariaDB,
    MySQL,
    Nginx,
    Redis,
    Server,
    ServerFailed,
    Tansu,
    Unavailable,
    Valkey,
)
from deploy.local.servers.base import REPOSITORY
from deploy.local.units import Unit

Mode = Literal["embedded", "real"]
UP_WITHIN_S = 60.0
OLD_PORTS_WITHIN_S = 10.0
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
        self._fast = fast
        self._secrets = read_or_make_secrets(self.home / "secrets.json")
        self._ending = threading.Event()
        self._lock_file: TextIOWrapper | None = None

        servers = self._embedded_servers() if mode == "embedded" else self._real_servers(database)
        upstreams = {
            service: self.ports.copies_of(service)
            for service in ("auth", "social", "notifications")
        }
        nginx = Nginx(
            self.home / "nginx",
            port,
            upstreams=upstreams,
            limits=limits,
            prefer_wheel=mode == "embedded",
        )
        self._database_home = next(
            (server.home for server in servers.values() if isinstance(server, Database)), self.home
        )
        self.addresses = self._addresses(servers)
        self._environment = {**os.environ, **self.addresses, **(env or {})}
        self._servers = {name: self._unit(name, server) for name, server in servers.items()}
        if mode == "embedded":
            self._servers["kafka"].after_restart = self._fill_empty_broker
        self._nginx = self._unit("nginx", nginx)
        self._processes = {
            row.name: Unit(
                row.name,
                Process(
                    row,
                    python=self._python,
                    ports=self.ports,
                    environment=self.env_for(row.settings, process=row.name),
                    heartbeat=self._heartbeat(row.name),
                    log=self.log_path(row.name),
                ),
                say,
            )
            for row in PROCESSES
        }

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
                "processes are healthy", lambda: _in_parallel([self._start_processes, alongside])
            )
            self._watch(self._processes.values())
        except BaseException:
            self.stop()
            raise

    def start_servers(self) -> None:
        """Only the database, Redis and Kafka: for tests that start what else they need."""
        self.claim()
        try:
            _in_parallel([self._starter(unit) for unit in self._servers.values()])
        except BaseException:
            self.stop()
            raise
        self._watch(self._servers.values())

    def claim(self) -> None:
        """Make sure that nobody else runs here and that the ports are free; put old logs aside.

        `start` does it too; done before, a problem shows before anything slow. Raises Unavailable.
        """
        if self._lock_file:
            return
        self._lock()
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
        _in_parallel([_stopper(unit, PROCESSES_STOP_WITHIN_S) for unit in processes])
        _in_parallel([_stopper(unit, SERVERS_STOP_WITHIN_S) for unit in servers])
        self._release()

    def kill(self) -> None:
        """Everything at once, by SIGKILL."""
        self._ending.set()
        for unit in self._all_units():
            unit.restarts = False
            unit.kill()
        self._release()

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
        done = subprocess.run(
            [str(self._python), "manage.py", *arguments],
            cwd=REPOSITORY,
            env=self.env_for(settings, process=arguments[0]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode:
            output = (done.stdout + done.stderr).splitlines()
            message = f"manage.py {arguments[0]} failed under toby.settings.{settings}"
            raise ServerFailed(message, "\n".join(output[-20:]))
        return done.stdout

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

    def _embedded_servers(self) -> dict[str, Server]:
        return {
            "redis": Valkey(self.home / "valkey", self.ports["redis"]),
            "kafka": Tansu(self.home / "tansu", self.ports["kafka"]),
        }

    def _real_servers(self, database: str) -> dict[str, Server]:
        password = self._secrets["database_password"]
        port = self.ports["database"]
        server: Database
        if database == "mariadb":
            server = MariaDB(self.home / "mariadb", port, password=password, fast=self._fast)
        elif database == "mysql":
            root = provision.mysql_root()
            server = MySQL(self.home / "mysql", port, root=root, password=password, fast=self._fast)
        else:
            raise Unavailable(f"TOBY_DATABASE is {database!r}; it should be mariadb or mysql")
        return {
            "database": server,
            "redis": Redis(self.home / "redis", self.ports["redis"]),
            "cache": Redis(self.home / "cache", self.ports["cache"], name="cache", cache=True),
            "kafka": Kafka(
                self.home / "kafka",
                self.ports["kafka"],
                controller_port=self.ports["kafka controller"],
                jars=provision.kafka_jars(),
            ),
        }

    def _addresses(self, servers: Mapping[str, Server]) -> dict[str, str]:
        database = servers.get("database")
        urls = [f"sqlite:///{self._sqlite(name)}" for name in ("toby", "toby_notifications")]
        if isinstance(database, Database):
            urls = [database.url(name) for name in ("toby", "toby_notifications")]
        return environment(
            home=self.home,
            ports=self.ports,
            known_secrets=self._secrets,
            database_url=urls[0],
            notifications_database_url=urls[1],
            has_own_cache="cache" in servers,
            kafka_is_volatile=self.mode == "embedded",
        )

    def _sqlite(self, name: str) -> Path:
        return self.home / f"{name}.sqlite3"

    def _heartbeat(self, name: str) -> Path:
        return self.home / "heartbeats" / name

    def _unit(self, name: str, server: Server) -> Unit:
        server.log = self.log_path(name)
        return Unit(name, server, self._say)

    def _all_units(self) -> list[Unit]:
        return [self._nginx, *self._processes.values(), *self._servers.values()]

    def _lock(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self._lock_file = (self.home / "lock").open("a+")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock_file = None
            raise Unavailable(f"{self.home} is in use: Toby runs from there already") from None
        self._lock_file.seek(0)
        was_left_in_a_hurry = bool(self._lock_file.read())
        busy = self.ports.first_busy()
        if busy and was_left_in_a_hurry:
            # Servers whose supervisor was killed are still ending.
            wait_until(lambda: not self.ports.first_busy(), timeout_s=OLD_PORTS_WITHIN_S)
            busy = self.ports.first_busy()
        if busy:
            self._release()
            raise Unavailable(busy)
        self._lock_file.write("in use\n")
        self._lock_file.flush()
        self._ending = threading.Event()

    def _release(self) -> None:
        if self._lock_file:
            self._lock_file.truncate(0)
            self._lock_file.close()
            self._lock_file = None

    def _starter(self, unit: Unit) -> Callable[[], None]:
        def start() -> None:
            began = time.monotonic()
            unit.start()
            server = unit.part
            if isinstance(server, Server):
                took_s = time.monotonic() - began
                self._say(f"{server.version()} answers on {server.address} ({took_s:.1f} s)")

        return start

    def _timed(self, what: str, work: Callable[[], None]) -> None:
        began = time.monotonic()
        work()
        self._say(f"{what} ({time.monotonic() - began:.1f} s)")

    def _make_tables_and_topics(self) -> None:
        work: list[Callable[[], object]] = []
        tables = self._database_home / "tables.json"
        topics = self.home / "kafka" / "topics.json"
        tables_now = _fingerprint("toby/**/migrations/*.py", "requirements/base.txt")
        topics_now = _fingerprint("toby/events/**/*.py", "toby/**/create_topics.py")
        if _read(tables) != tables_now or not self._has_tables():
            work += [lambda: self._migrate("social"), lambda: self._migrate("notifications")]
        if self.mode == "embedded" or _read(topics) != topics_now:
            work.append(lambda: self.manage("social", "create_topics"))
        _in_parallel(work)
        tables.write_text(json.dumps(tables_now))
        if self.mode == "real":
            topics.write_text(json.dumps(topics_now))

    def _migrate(self, settings: str) -> None:
        self.manage(settings, "migrate", "--noinput")

    def _fill_empty_broker(self) -> None:
        """Tansu forgot everything: make the topics, and let the relay send the outbox again."""
        self.manage("social", "create_topics")
        relay = self._processes["relay"]
        if relay.running:
            relay.stop()
            relay.start()

    def _has_tables(self) -> bool:
        """A real server's stamp lies in its home and goes with it; SQLite's files may go alone."""
        if self.mode == "real":
            return True
        return all(_has_migrations(self._sqlite(name)) for name in ("toby", "toby_notifications"))

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


def _stopper(unit: Unit, timeout_s: float) -> Callable[[], None]:
    return lambda: unit.stop(timeout_s)


def _in_parallel(work: Sequence[Callable[[], object]]) -> None:
    """Do all of it in threads; at the first failure raise it without waiting for the others."""
    failures: list[BaseException] = []

    def do(one: Callable[[], object]) -> None:
        try:
            one()
        except BaseException as problem:
            failures.append(problem)

    threads = [threading.Thread(target=do, args=[one], daemon=True) for one in work]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not failures:
        time.sleep(0.02)
    if failures:
        raise failures[0]


def _fingerprint(*patterns: str) -> str:
    """Of the contents of files of the repository."""
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(REPOSITORY.glob(pattern)):
            digest.update(str(path.relative_to(REPOSITORY)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _has_migrations(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("SELECT 1 FROM django_migrations LIMIT 1").fetchone())
    except sqlite3.Error:
        return False
