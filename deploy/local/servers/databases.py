"""MariaDB and MySQL, each with its own data folder and port, beside any server of the machine."""

from __future__ import annotations

import getpass
import os
import re
import shutil
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from deploy.local.servers.base import (
    ADDRESS,
    Server,
    Unavailable,
    ask,
    find_program,
    first_match,
)

USER = "toby"
DATABASES = ("toby", "toby_notifications")


class Database(Server):
    """A server with the user `toby`, who may do anything in databases `toby%` and `test_toby%`.

    `fast` gives up safety from a power cut, for tests: what is committed still survives a kill.
    """

    start_timeout_s = 60.0

    def __init__(
        self,
        home: Path,
        port: int,
        *,
        password: str,
        databases: Sequence[str] = DATABASES,
        fast: bool = False,
    ) -> None:
        if not re.fullmatch(r"[\w-]+", password, re.ASCII):
            raise ValueError("the password may have letters, digits, _ and - only")
        super().__init__(home, port)
        self._password = password
        self._databases = list(databases)
        self._fast = fast

    @abstractmethod
    def own_settings(self) -> list[str]:
        """Lines of my.cnf that only this product understands."""

    @abstractmethod
    def base_command(self) -> list[str]:
        """The program with its configuration."""

    @abstractmethod
    def initialise(self) -> None:
        """Make the system tables in `home/data`."""

    def url(self, database: str) -> str:
        return f"mysql://{USER}:{self._password}@{self.address}/{database}"

    def prepare(self) -> None:
        (self.home / "tmp").mkdir(exist_ok=True)
        (self.home / "my.cnf").write_text("\n".join(self._settings()) + "\n")
        accounts = self.home / "accounts.sql"
        accounts.touch(mode=0o600)
        accounts.write_text("\n".join(self._accounts()) + "\n")
        done = self.home / "initialised"
        if not done.exists():
            shutil.rmtree(self.home / "data", ignore_errors=True)
            self.initialise()
            done.touch()

    def command(self) -> Sequence[str]:
        return [*self.base_command(), f"--init-file={self.home / 'accounts.sql'}"]

    def answers(self) -> bool:
        # The server greets first, with protocol 10, and only after it has run the init file.
        return ask(self.port, b"")[4:5] == b"\x0a"

    def _settings(self) -> list[str]:
        return [
            "[mysqld]",
            f"datadir={self.home / 'data'}",
            f"tmpdir={self.home / 'tmp'}",
            # Relative to datadir: the path of a socket may be no longer than 107 bytes.
            "socket=mysqld.sock",
            "pid-file=mysqld.pid",
            f"bind-address={ADDRESS}",
            f"port={self.port}",
            "skip-name-resolve",
            "skip-log-bin",
            "character-set-server=utf8mb4",
            "transaction-isolation=READ-COMMITTED",
            "max-connections=500",
            "max-connect-errors=1000000",
            "innodb-buffer-pool-size=128M",
            f"innodb-flush-log-at-trx-commit={2 if self._fast else 1}",
            "innodb-print-all-deadlocks=ON",
            "table-open-cache=800",
            "performance-schema=OFF",
            *self.own_settings(),
            # Not another user: the repository may lie where nobody else can enter.
            *(["user=root"] if os.geteuid() == 0 else []),
        ]

    def _accounts(self) -> list[str]:
        """Statements that hold at every start; an init file wants each on a line of its own."""
        lines = [f"CREATE DATABASE IF NOT EXISTS `{name}`;" for name in self._databases]
        for host in (ADDRESS, "localhost"):
            account = f"'{USER}'@'{host}'"
            identified = f"IDENTIFIED BY '{self._password}'"
            lines += [
                f"CREATE USER IF NOT EXISTS {account} {identified};",
                f"ALTER USER {account} {identified};",
                f"GRANT ALL ON `toby%`.* TO {account};",
                rf"GRANT ALL ON `test\_toby%`.* TO {account};",
                # To see who waits for whom; ending one's own connections needs no right.
                f"GRANT PROCESS ON *.* TO {account};",
            ]
        return lines


class MariaDB(Database):
    """From the package `mariadb-server`."""

    name = "mariadb"

    def program(self) -> Path:
        found = find_program("mariadbd")
        if not found:
            raise Unavailable("MariaDB is missing: apt-get install mariadb-server")
        return found

    def version(self) -> str:
        number = first_match(r"Ver ([\d.]+)", [str(self.program()), "--no-defaults", "--version"])
        return f"MariaDB {number}"

    def own_settings(self) -> list[str]:
        return ["collation-server=utf8mb4_unicode_520_ci", "innodb-log-file-size=64M"]

    def initialise(self) -> None:
        script = find_program("mariadb-install-db", "mysql_install_db")
        if not script:
            raise Unavailable("mariadb-install-db is missing: apt-get install mariadb-server")
        command = [
            str(script),
            "--no-defaults",
            f"--datadir={self.home / 'data'}",
            "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={getpass.getuser()}",
            "--skip-test-db",
            *(["--user=root"] if os.geteuid() == 0 else []),
        ]
        self.run_once(command, purpose="making the data folder")

    def base_command(self) -> list[str]:
        return [str(self.program()), f"--defaults-file={self.home / 'my.cnf'}"]


class MySQL(Database):
    """MySQL proper, from packages unpacked into a folder: Debian's stable release has only MariaDB.

    `root` is that folder. The program runs on the C library unpacked beside it, so it needs neither
    chroot nor the rights for it.
    """

    name = "mysql"

    def __init__(
        self,
        home: Path,
        port: int,
        *,
        root: Path,
        password: str,
        databases: Sequence[str] = DATABASES,
        fast: bool = False,
    ) -> None:
        super().__init__(home, port, password=password, databases=databases, fast=fast)
        self._root = root.resolve()

    def version(self) -> str:
        return f"MySQL {first_match('Ver ([0-9.]+)', [*self._program(), '--version'])}"

    def own_settings(self) -> list[str]:
        return ["mysqlx=OFF", "innodb-redo-log-capacity=128M", "secure-file-priv=NULL"]

    def initialise(self) -> None:
        command = [*self.base_command(), "--initialize-insecure"]
        self.run_once(command, purpose="making the data folder")

    def base_command(self) -> list[str]:
        program, *arguments = self._program()
        share = self._root / "usr/share/mysql"
        return [
            program,
            *arguments,
            f"--defaults-file={self.home / 'my.cnf'}",
            f"--basedir={self._root / 'usr'}",
            f"--lc-messages-dir={share}",
            f"--character-sets-dir={share / 'charsets'}",
            f"--plugin-dir={self._root / 'usr/lib/mysql/plugin'}",
        ]

    def _program(self) -> list[str]:
        loaders = sorted(self._root.glob("usr/lib*/**/ld-linux-*.so.*"))
        server = self._root / "usr/sbin/mysqld"
        if not loaders or not server.exists():
            raise Unavailable("MySQL is missing: python3 -m deploy.local provision --mysql")
        libraries = [str(found.parent) for found in sorted(self._root.glob("usr/lib/*/libc.so.6"))]
        libraries.append(str(self._root / "usr/lib/mysql/private"))
        return [str(loaders[0]), "--library-path", os.pathsep.join(libraries), str(server)]
