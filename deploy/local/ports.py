"""Which port is whose: all follow from one number, so two copies of Toby need two numbers."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from deploy.local.servers.base import ADDRESS, Unavailable

OFFSETS = {
    "nginx": 0,
    "auth-1": 11,
    "auth-2": 12,
    "social-1": 21,
    "social-2": 22,
    "notifications-1": 31,
    "notifications-2": 32,
    "redis": 41,
    "cache": 42,
    "kafka": 43,
    "kafka controller": 44,
    "database": 45,
}


@dataclass(frozen=True)
class Ports:
    """Ports by name; `base` is that of the public origin."""

    base: int = 8000

    def __getitem__(self, name: str) -> int:
        return self.base + OFFSETS[name]

    def copies_of(self, service: str) -> list[int]:
        return [self[name] for name in OFFSETS if name.rpartition("-")[0] == service]

    def first_busy(self) -> str:
        """One line about a port that cannot be had; empty if all are free."""
        for name in OFFSETS:
            if _is_busy(self[name]):
                advice = f"stop what uses it, or choose others: TOBY_PORT={self.base + 1000}"
                return f"port {self[name]}, wanted for {name}, is in use: {advice}"
        return ""


def _is_busy(port: int) -> bool:
    with socket.socket() as attempt:
        # As the servers do: connections that are only dying away are no obstacle.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((ADDRESS, port))
        except OSError:
            return True
    return False


def port_from(text: str) -> int:
    """`TOBY_PORT` as a number. Raises Unavailable if it is none that leaves room for the others."""
    highest = 65535 - max(OFFSETS.values())
    if not text.isdecimal() or not 1 <= int(text) <= highest:
        raise Unavailable(
            f"TOBY_PORT is {text!r}; it should be a number up to {highest}, like 8000"
        )
    return int(text)
