"""Writes docs/openapi/: one document a service, and the three joined, which social serves.

`--check` writes nothing and ends with 1 if what is there is not what the views say.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "openapi"
SERVICES = {"auth": "accounts", "social": "social", "notifications": "notifications"}
# Nothing is connected to; settings only have to be readable.
ENVIRONMENT = {
    "TOBY_SECRET_KEY": "x" * 50,
    "TOBY_TOKEN_KEY": "x" * 50,
    "TOBY_PUBLIC_ORIGIN": "http://127.0.0.1:8000",
    "TOBY_ALLOWED_HOSTS": "127.0.0.1",
    "DATABASE_URL": "sqlite:////dev/null",
    "NOTIFICATIONS_DATABASE_URL": "sqlite:////dev/null",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CACHE_URL": "redis://127.0.0.1:1/1",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
}


class Unjoinable(Exception):
    """The documents do not fit together, or one could not be made."""


def document(settings: str) -> dict[str, Any]:
    """What drf-spectacular says of one service; Unjoinable if it warns of anything."""
    done = subprocess.run(
        [sys.executable, "manage.py", "spectacular", "--format", "openapi-json", "--fail-on-warn"],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, "DJANGO_SETTINGS_MODULE": f"toby.settings.{settings}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unjoinable(f"{settings}: {done.stderr.strip()[-2000:]}")
    return dict(json.loads(done.stdout))


def joined(documents: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """All paths and components in one; a name that means two things is an error."""
    whole: dict[str, Any] = {
        "openapi": next(iter(documents.values()))["openapi"],
        "info": {"title": "Toby", "version": "1"},
        "paths": {},
        "components": {},
    }
    for service, one in documents.items():
        take(whole["paths"], one["paths"], f"paths of {service}")
        for kind, named in one["components"].items():
            take(whole["components"].setdefault(kind, {}), named, f"{kind} of {service}")
    return whole


def take(into: dict[str, Any], what: Mapping[str, Any], where: str) -> None:
    for name, value in what.items():
        if into.setdefault(name, value) != value:
            raise Unjoinable(f"{where}: {name} is something else in another service")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.openapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    try:
        documents = {service: document(settings) for service, settings in SERVICES.items()}
        documents["toby"] = joined(documents)
    except Unjoinable as problem:
        print(f"openapi: {problem}", file=sys.stderr)
        return 1
    stale = []
    for name, content in documents.items():
        path = FOLDER / f"{name}.json"
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        if options.check:
            if not path.exists() or path.read_text() != text:
                stale.append(path.name)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale:
        print(
            f"openapi: not what the views say: {', '.join(stale)}; run make openapi",
            file=sys.stderr,
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
