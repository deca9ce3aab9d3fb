"""Each import contract of setup.cfg breaks on a violation planted in a copy of the tree."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("toby", "tests", "deploy", "bench")

# By the contract's name in setup.cfg: where, and what is planted there.
VIOLATIONS = {
    "services": ("toby/social/selectors/people.py", "import toby.accounts.models"),
    "shared": ("toby/common/health.py", "import toby.social.models"),
    "outbox": ("toby/notifications/services.py", "import toby.outbox.emit"),
    "events": ("toby/events/social.py", "import django.utils.timezone"),
    "kafka": ("toby/outbox/relay.py", "import confluent_kafka"),
    "down": ("toby/social/models/posts.py", "import toby.social.services.posts"),
    "tests": ("toby/common/worker.py", "import tests.factories"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "setup.cfg", copy)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "*.json", "nginx", "templates")
        shutil.copytree(ROOT / package, copy / package, ignore=ignored)
    return copy


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def contracts() -> dict[str, str]:
    """The contracts' titles by their names."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    prefix = "importlinter:contract:"
    return {
        section.removeprefix(prefix): config[section]["name"]
        for section in config.sections()
        if section.startswith(prefix)
    }


def test_every_contract_has_a_violation_here() -> None:
    assert set(VIOLATIONS) == set(contracts())


def test_the_tree_as_it_is_breaks_none(tree: Path) -> None:
    done = lint(tree)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", list(VIOLATIONS))
def test_a_violation_breaks_its_contract(tree: Path, name: str) -> None:
    path, planted = VIOLATIONS[name]
    file = tree / path
    original = file.read_text()
    file.write_text(original + f"\n{planted}\n")
    try:
        done = lint(tree)
    finally:
        file.write_text(original)
    assert done.returncode == 1
    assert f"{contracts()[name]} BROKEN" in done.stdout
