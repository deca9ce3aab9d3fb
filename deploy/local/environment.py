"""What Toby's processes find in their environment, and the secrets made up at the first start."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from deploy.local.ports import Ports
from deploy.local.servers.base import ADDRESS

SECRETS = ("TOBY_SECRET_KEY", "TOBY_TOKEN_KEY", "database_password")


def read_or_make_secrets(path: Path) -> dict[str, str]:
    """Random, and the same ones at every later start; for the owner's eyes only."""
    try:
        known = dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        known = {}
    if any(name not in known for name in SECRETS):
        known = {name: secrets.token_urlsafe(48) for name in SECRETS} | known
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(known))
    return known


def environment(
    *,
    home: Path,
    ports: Ports,
    known_secrets: Mapping[str, str],
    database_url: str,
    notifications_database_url: str,
    has_own_cache: bool,
    kafka_is_volatile: bool,
) -> dict[str, str]:
    """The variables that `toby/settings` reads, apart from those that differ by process."""
    cache = ports["cache" if has_own_cache else "redis"]
    return {
        "DATABASE_URL": database_url,
        "NOTIFICATIONS_DATABASE_URL": notifications_database_url,
        "REDIS_URL": f"redis://{ADDRESS}:{ports['redis']}/0",
        "CACHE_URL": f"redis://{ADDRESS}:{cache}/1",
        "KAFKA_BOOTSTRAP_SERVERS": f"{ADDRESS}:{ports['kafka']}",
        "TOBY_KAFKA_VOLATILE": "1" if kafka_is_volatile else "0",
        "TOBY_SECRET_KEY": known_secrets["TOBY_SECRET_KEY"],
        "TOBY_TOKEN_KEY": known_secrets["TOBY_TOKEN_KEY"],
        "TOBY_PUBLIC_ORIGIN": f"http://{ADDRESS}:{ports['nginx']}",
        "TOBY_ALLOWED_HOSTS": f"{ADDRESS},localhost",
        "EMAIL_URL": f"file://{home / 'mail'}",
        "PYTHONUNBUFFERED": "1",
    }
