"""The house itself: settings that start or say why not, and documents that are right."""

import ast
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, models
from django.db.models import Q
from django.db.models.functions import Lower
from django.test.utils import isolate_apps

from deploy.local.processes import PROCESSES
from toby.notifications.streams import HEARTBEAT_S
from toby.notifications.views import MOST_WAIT_S

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


def lines_of_code(source: str) -> int:
    """Without docstring, imports, comments and empty lines."""
    code: set[int] = set()
    for node in ast.parse(source).body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_docstring and not isinstance(node, ast.Import | ast.ImportFrom):
            code |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = source.splitlines()
    said = [lines[number - 1].strip() for number in code]
    return len([line for line in said if line and not line.startswith("#")])


def test_lines_of_code_are_counted_however_they_are_indented() -> None:
    source = '"""What."""\nimport os\n\n# Why.\nA = [\n    1,\n\n    # two\n    2,\n]\nB = os\n'
    assert lines_of_code(source) == 5


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_settings_say_only_what_differs(service: str) -> None:
    assert lines_of_code((ROOT / "toby" / "settings" / f"{service}.py").read_text()) < 30


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_and_passes_the_checks_of_deployment(service: str) -> None:
    done = manage(
        service,
        *("check", "--deploy", "--fail-level", "WARNING"),
        TOBY_SECRET_KEY="0123456789abcdefghijklmnopqrstuvwxyz" * 2,
        TOBY_PUBLIC_ORIGIN="https://toby.example",
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_its_migrations_are_complete(service: str) -> None:
    done = manage(service, "makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout


@pytest.mark.django_db
def test_the_database_keeps_every_constraint() -> None:
    """On MariaDB and MySQL conditional ones and ones on expressions vanish (models.W036, W044)."""
    call_command("check", databases=["default"], fail_level="WARNING", stdout=StringIO())


@pytest.mark.django_db
@isolate_apps("toby.social")
def test_one_that_it_would_not_keep_is_told() -> None:
    class Planted(models.Model):
        name = models.CharField(max_length=10)

        class Meta:
            app_label = "social"
            constraints = (
                models.UniqueConstraint(fields=["name"], condition=~Q(name=""), name="conditional"),
                models.UniqueConstraint(Lower("name"), name="on_an_expression"),
            )

        def __str__(self) -> str:
            return self.name

    found = {warning.id for warning in Planted.check(databases=["default"])}
    vanish = {"SQLite": set(), "MariaDB": {"models.W036", "models.W044"}, "MySQL": {"models.W036"}}
    assert found == vanish[getattr(connection, "display_name", "")]


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
        ("social", "TOBY_TRUST_AFTER", "-1"),
        ("notifications", "TOBY_NOTIFICATIONS_KEPT_FOR_S", "3600"),
        ("social", "TOBY_NEW_ACCOUNT_FOR_S", "-1"),
        ("social", "TOBY_NEW_ACCOUNT_COMMENTS_EVERY_S", "0"),
        ("social", "TOBY_NAME_MODERATORS", "perhaps"),
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


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("recount", "--dry-run"), "the database"),
        (("shell", "-c", "from toby.common.session_store import *; sessions_open('s')"), "Redis"),
    ],
)
def test_a_command_whose_server_is_away_says_so_in_a_line_or_shows_where_if_it_is_to(
    arguments: tuple[str, ...], what: str
) -> None:
    away = {"DATABASE_URL": "mysql://toby:never-said@127.0.0.1:1/toby"}
    done = manage("social", *arguments, **away)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"manage.py: {what} cannot be used now: ")
    assert "never-said" not in line
    assert "Traceback" in manage("social", *arguments, "--traceback", **away).stderr


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


def test_nginx_waits_longer_than_any_answer_of_notifications_may_take() -> None:
    """Else a request that waits in vain gets a 504."""
    text = (ROOT / "deploy" / "nginx" / "toby.conf.template").read_text()
    for path, longest_s in (("changes", MOST_WAIT_S), ("stream", HEARTBEAT_S)):
        location = text.partition(f"location = /api/v1/notifications/{path} {{")[2].partition("}")
        (timeout_s,) = re.findall(r"proxy_read_timeout (\d+)s;", location[0])
        assert int(timeout_s) > 2 * longest_s, path
