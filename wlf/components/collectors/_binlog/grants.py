"""The privileges that reading a binlog takes, as the statement to run on the server in use."""

from __future__ import annotations

from wlf.components.collectors._binlog.server import parse_version

ASK = "SELECT VERSION(), CURRENT_USER()"
"""Gives what `grant` wants to know."""


def grant(version: str, account: str, *privileges: str) -> str:
    """The statement for an account as CURRENT_USER() names it; `privileges` are further ones, such as SELECT."""
    name, _, host = account.rpartition("@")
    # MariaDB has split it up in 10.5.
    splits = "mariadb" in version.lower() and parse_version(version) >= (10, 5)
    monitor = "BINLOG MONITOR" if splits else "REPLICATION CLIENT"
    return f"GRANT {', '.join(('REPLICATION SLAVE', monitor, *privileges))} ON *.* TO '{name}'@'{host}'"
