"""What a stack stands on: embedded servers from wheels, or those of production; its databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import provision
from deploy.local.ports import Ports
from deploy.local.servers import (
    Database,
    Kafka,
    MariaDB,
    MySQL,
    Nginx,
    Redis,
    Server,
    Tansu,
    Unavailable,
    Valkey,
)

# The shared one, and that of notifications.
NAMES = ("toby", "toby_notifications")


@dataclass(frozen=True)
class Databases:
    """Both, the shared one first: on the server whose home this is, or in SQLite's `files`."""

    home: Path
    urls: list[str]
    files: list[Path]


def embedded_servers(home: Path, ports: Ports) -> dict[str, Server]:
    """Without one for databases: SQLite needs none."""
    return {
        "redis": Valkey(home / "valkey", ports["redis"]),
        "kafka": Tansu(home / "tansu", ports["kafka"]),
    }


def real_servers(
    home: Path, ports: Ports, *, database: str, password: str, fast: bool
) -> dict[str, Server]:
    """`database` is mariadb or mysql; for anything else raises Unavailable."""
    return {
        "database": real_database(
            home, ports["database"], kind=database, password=password, fast=fast
        ),
        "redis": Redis(home / "redis", ports["redis"]),
        "cache": Redis(home / "cache", ports["cache"], name="cache", cache=True),
        "kafka": Kafka(
            home / "kafka",
            ports["kafka"],
            controller_port=ports["kafka controller"],
            jars=provision.kafka_jars(),
        ),
    }


def make_nginx(home: Path, ports: Ports, *, limits: bool, prefer_wheel: bool) -> Nginx:
    """In front of all copies of the services."""
    upstreams = {
        service: ports.copies_of(service) for service in ("auth", "social", "notifications")
    }
    return Nginx(
        home / "nginx",
        ports["nginx"],
        upstreams=upstreams,
        limits=limits,
        prefer_wheel=prefer_wheel,
    )


def databases_on(servers: Mapping[str, Server], home: Path) -> Databases:
    """SQLite's, below `home`, if none of these servers is for databases."""
    for server in servers.values():
        if isinstance(server, Database):
            return Databases(server.home, [server.url(name) for name in NAMES], files=[])
    files = [home / f"{name}.sqlite3" for name in NAMES]
    return Databases(home, [f"sqlite:///{path}" for path in files], files)


def real_database(home: Path, port: int, *, kind: str, password: str, fast: bool) -> Database:
    if kind == "mariadb":
        return MariaDB(home / "mariadb", port, password=password, fast=fast)
    if kind == "mysql":
        root = provision.mysql_root()
        return MySQL(home / "mysql", port, root=root, password=password, fast=fast)
    raise Unavailable(f"TOBY_DATABASE is {kind!r}; it should be mariadb or mysql")
