"""`make run` and `make stack`: what a wrong call is told, in one line and with exit code 2."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import command_line
from deploy.local.command_line import prepare_clients
from deploy.local.environment import read_or_make_secrets
from deploy.local.servers import ServerFailed, Unavailable
from deploy.local.servers.base import run_to_end
from deploy.local.servers.nginx import fill_in

ROOT = Path(__file__).resolve().parents[2]


def local(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_port_in_use_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = local("run", TOBY_PORT=str(port))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert str(port) in line
    assert "TOBY_PORT" in line


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1"])
def test_a_port_that_is_none_is_told(port: str) -> None:
    done = local("run", TOBY_PORT=port)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "TOBY_PORT" in done.stderr


def test_a_database_that_is_not_known_is_told() -> None:
    done = local("stack", TOBY_DATABASE="oracle")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("toby: TOBY_DATABASE is 'oracle'")


def test_a_program_that_fails_is_told_of_with_its_last_lines() -> None:
    command = ["sh", "-c", "seq 30; echo sorry >&2; exit 3"]
    with pytest.raises(ServerFailed, match=r"^counting failed \(exit code 3\)$") as failed:
        run_to_end(command, what="counting")
    lines = failed.value.log_tail.splitlines()
    assert (lines[0], lines[-1]) == ("12", "sorry")


def test_what_a_program_logs_is_not_what_it_prints() -> None:
    assert run_to_end(["sh", "-c", "echo log >&2; echo 7"], what="answering") == "7\n"


def test_secrets_are_made_once_and_are_for_the_owners_eyes(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    made = read_or_make_secrets(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_or_make_secrets(path) == made == json.loads(path.read_text())
    assert all(len(value) >= 32 for value in made.values())


def test_the_template_keeps_nginxs_own_variables() -> None:
    filled = fill_in("listen ${TOBY_LISTEN}; return 200 $host${uri};", {"TOBY_LISTEN": "80"})
    assert filled == "listen 80; return 200 $host${uri};"


def test_a_browser_or_node_that_cannot_be_installed_is_told_of_and_ends_ci(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("deploy.local.provision.find_program", lambda *names: None)
    monkeypatch.delenv("CI", raising=False)
    prepare_clients()
    browser, node = capsys.readouterr().out.splitlines()
    assert "chromium" in browser
    assert "nodejs npm" in node
    monkeypatch.setenv("CI", "true")
    with pytest.raises(Unavailable, match="chromium"):
        prepare_clients()


def test_a_command_for_a_toby_that_does_not_run_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "REPOSITORY", tmp_path)
    assert command_line.main(["manage", "social", "check"]) == command_line.NOT_POSSIBLE
    assert capsys.readouterr().err == "toby: no Toby runs here: `make run` starts one\n"
