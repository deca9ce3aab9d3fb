"""Brings the real servers onto this machine: Debian's packages, Kafka's jars, and MySQL if wanted.

Quick when all is there. Nothing that it installs is left running.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local.servers.base import (
    REPOSITORY,
    Unavailable,
    find_program,
    first_match,
    run_to_end,
)

KAFKA_VERSION = "4.3.1"
JAVA_AT_LEAST = 17
POM = Path(__file__).with_name("kafka") / "pom.xml"
NODE_PACKAGES = Path(__file__).with_name("node")
NODE_AT_LEAST = 18
POLICY = Path("/usr/sbin/policy-rc.d")
NO_SERVICES = "#!/bin/sh\nexit 101\n"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def cache_folder() -> Path:
    """Where what was fetched is kept between runs; `TOBY_CACHE` names another place."""
    return Path(os.environ.get("TOBY_CACHE") or REPOSITORY / "var" / "cache").resolve()


def kafka_jars() -> Path:
    version = os.environ.get("TOBY_KAFKA_VERSION", KAFKA_VERSION)
    return cache_folder() / f"kafka-{version}"


def mysql_root() -> Path:
    return cache_folder() / "mysql"


def node_packages() -> Path:
    """Another folder for each lock file: what is in it has the sums that stand there."""
    lock = NODE_PACKAGES.joinpath("package-lock.json").read_bytes()
    return cache_folder() / f"node-{hashlib.sha256(lock).hexdigest()[:12]}"


def provision(*, real: bool = True, mysql: bool = False) -> None:
    """Install what is missing for `stack` and the tests.

    Raises Unavailable with one line naming what is missing where it may not install, and
    ServerFailed with the installer's last lines where that failed.
    """
    if real:
        _install(_missing_packages())
        _fetch_kafka()
    if mysql:
        _fetch_mysql()


def provision_browser() -> None:
    """Install Chromium, which the test of the moderators' desk drives. Raises as `provision`."""
    if find_program(*BROWSERS) is None:
        _install(["chromium"])


def provision_node() -> None:
    """Install Node and the packages that a test runs on it. Raises as `provision`."""
    if find_node() is not None:
        return
    wanted = {"nodejs": find_program("node", "nodejs"), "npm": find_program("npm")}
    _install([package for package, program in wanted.items() if program is None])
    folder = node_packages()
    print("fetching Node's packages", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(NODE_PACKAGES, folder)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    _run([str(find_program("npm")), "ci", *options])
    (folder / "complete").touch()


def find_node() -> str | None:
    """Node, where it is new enough and its packages are there."""
    node = find_program("node", "nodejs")
    version = first_match(r"v(\d+)", [str(node), "--version"]) if node else None
    is_there = (node_packages() / "complete").exists()
    return str(node) if is_there and int(version or 0) >= NODE_AT_LEAST else None


def _missing_packages() -> list[str]:
    wanted: Mapping[str, bool] = {
        "mariadb-server": find_program("mariadbd") is None,
        "redis-server": find_program("redis-server") is None,
        "nginx": find_program("nginx") is None,
        "gcc": find_program("gcc", "cc") is None,
        "pkg-config": find_program("pkg-config", "pkgconf") is None,
        "default-libmysqlclient-dev": not _has_mysql_headers(),
        "python3-dev": not Path(sysconfig.get_paths()["include"], "Python.h").exists(),
    }
    missing = [package for package, is_missing in wanted.items() if is_missing]
    if not (kafka_jars() / "complete").exists() and find_program("mvn") is None:
        missing.append("maven")
    if not _has_java():
        missing.append(f"openjdk-{JAVA_AT_LEAST}-jre-headless")
    return missing


def _has_java() -> bool:
    java = find_program("java")
    return bool(java) and int(first_match(r'version "(\d+)', [str(java), "-version"]) or 0) >= (
        JAVA_AT_LEAST
    )


def _has_mysql_headers() -> bool:
    tool = find_program("pkg-config", "pkgconf")
    if not tool:
        return False
    return any(
        subprocess.run([tool, "--exists", library], check=False).returncode == 0
        for library in ("mysqlclient", "mariadb", "libmariadb")
    )


def _may_install() -> bool:
    return os.geteuid() == 0 and find_program("apt-get") is not None


def _install(packages: Sequence[str]) -> None:
    if not packages:
        return
    if not _may_install():
        names = " ".join(packages)
        raise Unavailable(f"missing, and only root on Debian or Ubuntu may install it: {names}")
    print(f"installing {' '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "-q", "update"], environment)
    with _services_stay_off():
        _run(["apt-get", "-qy", "--no-install-recommends", "install", *packages], environment)


@contextmanager
def _services_stay_off() -> Iterator[None]:
    """Debian starts a server as it installs it, unless this file says not to."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(NO_SERVICES)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def _fetch_kafka() -> None:
    folder = kafka_jars()
    if (folder / "complete").exists():
        return
    maven = find_program("mvn")
    if not maven:
        raise Unavailable("Maven is missing: apt-get install maven")
    version = folder.name.removeprefix("kafka-")
    print(f"fetching Apache Kafka {version}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    _run([str(maven), "-q", "-B", "-f", str(POM), *goal, f"-Dkafka.version={version}"])
    (folder / "complete").touch()


def _fetch_mysql() -> None:
    """Unpack MySQL and the libraries it needs, from Debian's development release."""
    folder = mysql_root()
    if (folder / "complete").exists():
        return
    if os.geteuid() != 0:
        raise Unavailable("MySQL is not in the cache, and only root may fetch it")
    if not find_program("debootstrap"):
        _install(["debootstrap"])
    print("fetching MySQL", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as download:
        include = "--include=mysql-server-core"
        _run(["debootstrap", "--variant=minbase", "--download-only", include, "sid", download])
        packages = sorted(Path(download, "var/cache/apt/archives").glob("*.deb"))
        for package in packages:
            if package.name.startswith(("mysql", "lib", "zlib", "gcc")):
                _run(["dpkg-deb", "--extract", str(package), str(folder)])
    (folder / "complete").touch()


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    run_to_end(command, what=command[0], environment=environment)


if __name__ == "__main__":
    provision(mysql="--mysql" in sys.argv)
