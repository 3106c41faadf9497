"""MySQL as a test server, the version that Debian's unstable suite has (9.x)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tests.servers import debian
from tests.servers.cache import Recipe
from tests.servers.commands import run
from tests.servers.sql import SqlServer, run_once

PROGRAMS = ("mysqld", "mysql", "mysqladmin", "mysqlbinlog", "mysqldump", "mysqlslap")


def install(home: Path, suite: str) -> str:
    """Unpack the server and its clients; the version."""
    debian.unpack(home, suite, ["mysql-server-core", "mysql-client-core"], PROGRAMS)
    return run([home / "bin" / "mysqld", "--version"]).split("Ver ")[1].split()[0]


class MySQL(SqlServer):
    """A MySQL server with GTIDs and full row metadata; accounts use caching_sha2_password, TLS is on."""

    recipe = Recipe("mysql", "sid", install)
    binlog_program = "mysqlbinlog"
    reset_binlog = "RESET BINARY LOGS AND GTIDS"
    defaults: ClassVar[dict[str, str | int]] = {
        "server-id": 1,
        "log-bin": "binlog",
        "binlog-format": "ROW",
        "binlog-row-image": "FULL",
        "binlog-row-metadata": "FULL",
        "gtid-mode": "ON",
        "enforce-gtid-consistency": "ON",
        "innodb-buffer-pool-size": "32M",
        "performance-schema": "OFF",  # it takes 240 MB of memory
        "mysqlx": "OFF",
        # A killed process loses nothing with these two, only a crashed machine would.
        "innodb-flush-log-at-trx-commit": 2,
        "sync-binlog": 0,
    }

    def base_argv(self, data: Path) -> list[str]:
        usr = self.home / "root" / "usr"
        component = next(iter(sorted((usr / "lib" / "mysql").glob("**/component_*.so"))))
        return [
            str(self.program("mysqld")),
            "--no-defaults",
            "--user=root",
            "--skip-name-resolve",
            f"--basedir={usr}",
            f"--lc-messages-dir={usr / 'share' / 'mysql'}",
            f"--character-sets-dir={usr / 'share' / 'mysql' / 'charsets'}",
            f"--plugin-dir={component.parent}",
            f"--datadir={data}",
            "--secure-file-priv=",
            "--innodb-redo-log-capacity=16M",
        ]

    def initialise(self, data: Path) -> None:
        init = data.with_name("root.sql")
        init.write_text(self.root_sql())
        run_once([*self.base_argv(data), "--initialize-insecure", f"--init-file={init}"])
        # Its uuid is in every GTID: each copy of the template makes one of its own.
        (data / "auto.cnf").unlink()
