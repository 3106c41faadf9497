"""MariaDB as a test server, from the Debian suite that its edition names (bookworm has 10.11, trixie 11.8)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from tests.servers import debian
from tests.servers.cache import Recipe
from tests.servers.commands import run
from tests.servers.sql import SqlServer, run_once

PROGRAMS = ("mariadbd", "mariadb", "mariadb-admin", "mariadb-binlog", "mariadb-dump", "mariadb-slap")


def install(home: Path, suite: str) -> str:
    """Unpack the server and its clients; the version."""
    debian.unpack(home, suite, ["mariadb-server", "mariadb-client"], PROGRAMS)
    return run([home / "bin" / "mariadbd", "--version"]).split("Ver ")[1].split()[0]


class MariaDB(SqlServer):
    """A MariaDB server; row metadata is the server's default NO_LOG unless the options say otherwise."""

    recipe = Recipe("mariadb", "bookworm", install)
    binlog_program = "mariadb-binlog"
    reset_binlog = "RESET MASTER"
    defaults: ClassVar[dict[str, str | int]] = {
        "server-id": 1,
        "log-bin": "binlog",
        "binlog-format": "ROW",
        "character-set-server": "utf8mb4",
        "innodb-buffer-pool-size": "32M",
        # A killed process loses nothing with these two, only a crashed machine would.
        "innodb-flush-log-at-trx-commit": 2,
        "sync-binlog": 0,
    }

    def base_argv(self, data: Path) -> list[str]:
        usr = self.home / "root" / "usr"
        return [
            str(self.program("mariadbd")),
            "--no-defaults",
            "--user=root",
            "--skip-name-resolve",
            f"--basedir={usr}",
            f"--lc-messages-dir={self._share()}",
            f"--character-sets-dir={self._share() / 'charsets'}",
            f"--plugin-dir={next(iter(sorted(usr.glob('lib/**/plugin'))), usr / 'lib')}",
            f"--datadir={data}",
            "--innodb-log-file-size=16M",
        ]

    def initialise(self, data: Path) -> None:
        # As mariadb-install-db does it, which cannot be used: it ignores the loader that the program needs here.
        (data / "mysql").mkdir(parents=True)
        names = ("system_tables", "performance_tables", "system_tables_data")
        scripts = [self._script(name).read_text() for name in names]
        head = "USE mysql;\nSET @auth_root_socket=NULL;\nSET @skip_auth_anonymous=1;\n"
        tail = "\nDELETE FROM global_priv WHERE User = 'root';\nFLUSH PRIVILEGES;\n" + self.root_sql()
        argv = [*self.base_argv(data), "--bootstrap", "--log-warnings=0", "--enforce-storage-engine="]
        try:
            run_once(argv, head + "\n".join(scripts) + tail)
        except BaseException:
            shutil.rmtree(data)
            raise

    def _share(self) -> Path:
        return self._script("system_tables").parent

    def _script(self, name: str) -> Path:
        return next((self.home / "root" / "usr" / "share").glob(f"m[ya]*/m*_{name}.sql"))
