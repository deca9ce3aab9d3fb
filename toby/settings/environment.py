"""Reads environment variables, typed; a missing or wrong one ends the process with one line."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never, TypeVar
from urllib.parse import unquote, urlsplit

import dj_database_url

T = TypeVar("T")
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def stop(name: str, problem: str, like: str) -> Never:
    print(f"toby: {name} {problem}; it should look like {like}", file=sys.stderr)
    raise SystemExit(2)


def read(name: str, parse: Callable[[str], T], *, like: str, default: T | None = None) -> T:
    """The variable's value as `parse` makes it; a variable without a default is required."""
    raw = os.environ.get(name)
    if raw is None or raw == "":
        if default is None:
            stop(name, "is not set", like)
        return default
    try:
        return parse(raw)
    except (ValueError, KeyError):
        stop(name, "cannot be read", like)


def flag(raw: str) -> bool:
    lowered = raw.strip().lower()
    if lowered not in TRUE | FALSE:
        raise ValueError(raw)
    return lowered in TRUE


def words(raw: str) -> list[str]:
    return [word.strip() for word in raw.split(",") if word.strip()]


def positive(raw: str) -> int:
    number = int(raw)
    if number < 1:
        raise ValueError(raw)
    return number


def not_negative(raw: str) -> int:
    number = int(raw)
    if number < 0:
        raise ValueError(raw)
    return number


def at_least(least: int) -> Callable[[str], int]:
    def read_number(raw: str) -> int:
        number = int(raw)
        if number < least:
            raise ValueError(raw)
        return number

    return read_number


def one_of(*choices: str) -> Callable[[str], str]:
    def choose(raw: str) -> str:
        if raw not in choices:
            raise ValueError(raw)
        return raw

    return choose


def long_key(raw: str) -> str:
    """A secret of at least 32 characters."""
    if len(raw) < 32:
        raise ValueError("too short")
    return raw


def redis_url(raw: str) -> str:
    if urlsplit(raw).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError(raw)
    return raw


def origin(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
        raise ValueError(raw)
    return f"{parts.scheme}://{parts.netloc}"


def mail(raw: str) -> dict[str, Any]:
    """Django's mail settings from `file:///folder`, `console:` or `smtp://user:password@host:port`."""
    parts = urlsplit(raw)
    backends = "django.core.mail.backends"
    if parts.scheme == "file" and parts.path:
        return {
            "MAILER_EMAIL_BACKEND": f"{backends}.filebased.EmailBackend",
            "EMAIL_FILE_PATH": Path(parts.path),
        }
    if parts.scheme == "console":
        return {"MAILER_EMAIL_BACKEND": f"{backends}.console.EmailBackend"}
    if parts.scheme in {"smtp", "smtp+tls"} and parts.hostname:
        return {
            "MAILER_EMAIL_BACKEND": f"{backends}.smtp.EmailBackend",
            "EMAIL_HOST": parts.hostname,
            "EMAIL_PORT": parts.port or 25,
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        }
    raise ValueError(raw)


def database(raw: str) -> dict[str, Any]:
    """A `DATABASES` entry from a URL, with what each vendor needs to be safe under load.

    READ COMMITTED: under REPEATABLE READ the relay and the consumers would miss late commits.
    IMMEDIATE: a SQLite transaction that begins by reading cannot wait for its turn to write.
    """
    parsed: dict[str, Any] = dict(dj_database_url.parse(raw))
    if "sqlite3" in parsed["ENGINE"]:
        parsed["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                "PRAGMA journal_size_limit=67108864;"
            ),
        }
    elif "mysql" in parsed["ENGINE"]:
        parsed["OPTIONS"] = {
            "charset": "utf8mb4",
            "isolation_level": "read committed",
            "connect_timeout": 2,
            "init_command": "SET sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'",
        }
        parsed["TEST"] = {"CHARSET": "utf8mb4"}
    else:
        raise ValueError(raw)
    parsed["CONN_MAX_AGE"] = 60
    parsed["CONN_HEALTH_CHECKS"] = True
    return parsed
