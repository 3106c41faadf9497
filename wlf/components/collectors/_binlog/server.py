"""What the collector must know of a server before it reads its binlog, and which settings cannot work."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from wlf.errors import SetupError

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection

_VARIABLES = (
    "binlog_checksum",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_metadata",
    "binlog_row_value_options",
    "gtid_mode",
    "log_bin",
    "server_id",
    "server_uuid",
    "version",
)

_UNREADABLE: Mapping[str, tuple[str, str]] = {
    "binlog_row_value_options": ("PARTIAL_JSON", "''"),
}


class Server(NamedTuple):
    """One server: `variables` are its global variables, by name in lower case, as far as it has them."""

    address: str
    variables: Mapping[str, str]

    @property
    def version(self) -> tuple[int, ...]:
        """The version without its suffix: (10, 11, 6)."""
        text = self.variables["version"].removeprefix("5.5.5-").partition("-")[0]
        return tuple(int(part) for part in text.split(".") if part.isdecimal())

    @property
    def is_mariadb(self) -> bool:
        """MariaDB, in place of MySQL or one of its other relatives."""
        return "mariadb" in self.variables["version"].lower()

    @property
    def uuid(self) -> str:
        """Names the server in positions. MariaDB has no uuid, so its server_id must do."""
        return self.variables.get("server_uuid") or f"server_id:{self.variables['server_id']}"

    @property
    def has_gtids(self) -> bool:
        """Do its transactions have GTIDs?"""
        return self.is_mariadb or self.variables.get("gtid_mode", "OFF").upper() == "ON"


class End(NamedTuple):
    """Where a server's binlog ends now, with the GTID set of all that lies before."""

    file: str
    offset: int
    gtid: str | None


def look_at(side: SideConnection, address: str) -> Server:
    """Ask the server for its settings."""
    names = ", ".join(f"'{name}'" for name in _VARIABLES)
    rows = side.query(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    return Server(address, {str(name).lower(): str(value) for name, value in rows})


def check(server: Server, logger: logging.Logger) -> None:
    """Refuse settings under which changes would be missing; warn of those under which some may be.

    Raises:
        SetupError: the binlog is off, or written in a form that is not read yet.
    """
    variables = server.variables
    if variables.get("log_bin", "OFF").upper() not in ("ON", "1"):
        raise SetupError(
            f"{server.address}: the binary log is off", hint="start the server with --log-bin and a --server-id"
        )
    for name, (bad, good) in _UNREADABLE.items():
        if bad in variables.get(name, "").upper():
            raise SetupError(
                f"{server.address}: {name}={variables[name]} is not supported yet", hint=f"SET GLOBAL {name} = {good}"
            )
    if (form := variables.get("binlog_format", "ROW").upper()) != "ROW":
        logger.warning(
            "%s: binlog_format=%s: statements that are not logged as rows cannot be read, they are counted in "
            "wlf_dropped_events_total with reason statement (SET GLOBAL binlog_format = ROW)",
            server.address,
            form,
        )
    if (image := variables.get("binlog_row_image", "FULL").upper()) != "FULL":
        logger.warning(
            "%s: binlog_row_image=%s: events hold only the columns that the server logs", server.address, image
        )


def end_of_binlog(side: SideConnection, server: Server) -> End:
    """The end of the server's binlog.

    Raises:
        SetupError: the account lacks REPLICATION CLIENT (MariaDB: BINLOG MONITOR).
    """
    renamed = not server.is_mariadb and server.version >= (8, 2)
    rows = side.query("SHOW BINARY LOG STATUS" if renamed else "SHOW MASTER STATUS")
    if not rows:
        raise SetupError(f"{server.address}: the binary log is off", hint="start the server with --log-bin")
    return End(str(rows[0][0]), int(rows[0][1]), executed_gtids(side, server))


def executed_gtids(side: SideConnection, server: Server) -> str | None:
    """The GTID set of all that the server's binlog holds or held; None where it has no GTIDs."""
    if not server.has_gtids:
        return None
    # SHOW VARIABLES would cut a long set at 1 024 bytes.
    name = "gtid_binlog_pos" if server.is_mariadb else "gtid_executed"
    ((gtids,),) = side.query(f"SELECT @@GLOBAL.{name}")
    return "".join(str(gtids).split())


def binlog_files(side: SideConnection) -> dict[str, int]:
    """Size in bytes by name of the files that the server still has, oldest first."""
    return {str(row[0]): int(row[1]) for row in side.query("SHOW BINARY LOGS")}
