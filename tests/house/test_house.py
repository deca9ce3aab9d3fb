"""The house itself: settings that start or say why not, and documents that are right."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.processes import PROCESSES

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("accounts", "social", "notifications")
ENVIRONMENT = {
    "TOBY_SECRET_KEY": "k" * 50,
    "TOBY_TOKEN_KEY": "t" * 50,
    "TOBY_PUBLIC_ORIGIN": "http://127.0.0.1:8000",
    "TOBY_ALLOWED_HOSTS": "127.0.0.1",
    "DATABASE_URL": "sqlite:////dev/null",
    "NOTIFICATIONS_DATABASE_URL": "sqlite:////dev/null",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CACHE_URL": "redis://127.0.0.1:1/1",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
}


def manage(settings: str, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**inherited, **ENVIRONMENT, **changes}
    environment["DJANGO_SETTINGS_MODULE"] = f"toby.settings.{settings}"
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if value},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_settings_say_only_what_differs(service: str) -> None:
    lines = (ROOT / "toby" / "settings" / f"{service}.py").read_text().splitlines()
    said = [line for line in lines if line and not line.startswith(("from", "import", " ", ")"))]
    assert len(said) < 30


@pytest.mark.parametrize(
    ("service", "name", "value"),
    [
        ("accounts", "TOBY_SECRET_KEY", ""),
        ("accounts", "TOBY_TOKEN_KEY", "short"),
        ("accounts", "DATABASE_URL", ""),
        ("social", "DATABASE_URL", "postgres://somewhere/toby"),
        ("social", "TOBY_PUBLIC_ORIGIN", "toby.example"),
        ("social", "REDIS_URL", "http://127.0.0.1"),
        ("social", "TOBY_REGISTRATION", "perhaps"),
        ("notifications", "NOTIFICATIONS_DATABASE_URL", ""),
        ("notifications", "TOBY_KAFKA_PARTITIONS", "0"),
    ],
)
def test_a_missing_or_wrong_variable_is_told_in_one_line(
    service: str, name: str, value: str
) -> None:
    done = manage(service, "check", **{name: value})
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert name in line
    assert "it should look like" in line
    assert value == "" or value not in line.partition("it should")[0].replace(name, "")


def test_notifications_starts_without_knowing_the_shared_database() -> None:
    assert manage("notifications", "check", DATABASE_URL="").returncode == 0


def test_without_settings_a_command_says_which_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "toby.settings.social" in done.stderr


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_only_files_that_are_there(document: Path) -> None:
    text = document.read_text()
    named = re.findall(r"`((?:toby|tests|deploy|docs|bench|requirements)/[\w./-]*)`", text)
    named += re.findall(r"\]\(([\w./-]+)\)", text)
    for name in named:
        there = (ROOT / name).exists() or (document.parent / name).exists()
        assert there, f"{document.name} names {name}"


def test_every_target_that_the_readme_names_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make ([a-z-]+)", (ROOT / "README.md").read_text()):
        assert f"\n{target}:" in makefile, f"make {target}"


def test_compose_runs_every_process_of_the_table() -> None:
    """A row of deploy/local/processes.py is a service of deploy/compose.yml, with its command."""
    compose = (ROOT / "deploy" / "compose.yml").read_text()
    for row in PROCESSES:
        words = [word for word in row.arguments if re.fullmatch(r"[a-z_]+(\.[a-z:_]+)?", word)]
        said = words[1] if words[0] == "manage.py" else words[0]
        assert said in compose, f"{row.name}: {said}"
    copies = {row.name.partition("-")[0] for row in PROCESSES if row.name[-1].isdigit()}
    for service in copies:
        assert re.search(rf"^  {service}:", compose, re.MULTILINE), service
