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
    "log_replica_updates",
    "log_slave_updates",
    "rpl_semi_sync_master_enabled",
    "rpl_semi_sync_source_enabled",
    "server_id",
    "server_uuid",
    "version",
)


class Server(NamedTuple):
    """One server: `variables` are its global variables, by name in lower case, as far as it has them."""

    address: str
    variables: Mapping[str, str]

    @property
    def version(self) -> tuple[int, ...]:
        """The version without its suffix: (10, 11, 6)."""
        return parse_version(self.variables["version"])

    @property
    def is_mariadb(self) -> bool:
        """MariaDB, in place of MySQL or one of its other relatives."""
        return "mariadb" in self.variables["version"].lower()

    @property
    def make(self) -> str:
        """`MySQL 9.7.0`, `MariaDB 10.11.6`."""
        return f"{'MariaDB' if self.is_mariadb else 'MySQL'} {'.'.join(map(str, self.version))}"

    @property
    def uuid(self) -> str:
        """Names the server in positions. MariaDB has no uuid, so its server_id must do."""
        return self.variables.get("server_uuid") or f"server_id:{self.variables['server_id']}"

    @property
    def has_gtids(self) -> bool:
        """Do its transactions have GTIDs?"""
        return self.is_mariadb or self.variables.get("gtid_mode", "OFF").upper() == "ON"

    @property
    def has_semi_sync(self) -> bool:
        """Does it write the header of semi-synchronous replication for replicas that ask for it?

        MariaDB always does, MySQL does with the plugin, whether it is enabled or not.
        """
        return any(f"rpl_semi_sync_{name}_enabled" in self.variables for name in ("source", "master"))


def _is_on(value: str) -> bool:
    return value.upper() in ("ON", "1")


def parse_version(text: str) -> tuple[int, ...]:
    """(10, 11, 6) of `5.5.5-10.11.6-MariaDB-log`."""
    numbers = text.removeprefix("5.5.5-").partition("-")[0]
    return tuple(int(part) for part in numbers.split(".") if part.isdecimal())


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
    if not _is_on(variables.get("log_bin", "OFF")):
        raise SetupError(
            f"{server.address}: the binary log is off", hint="start the server with --log-bin and a --server-id"
        )
    image = variables.get("binlog_row_image", "FULL").upper()
    if "PARTIAL_JSON" in variables.get("binlog_row_value_options", "").upper() and image != "FULL":
        raise SetupError(
            f"{server.address}: binlog_row_value_options=PARTIAL_JSON logs changes of documents, "
            f"which binlog_row_image={image} leaves out of the image before",
            hint="SET GLOBAL binlog_row_image = FULL, or binlog_row_value_options = ''",
        )
    if (form := variables.get("binlog_format", "ROW").upper()) != "ROW":
        logger.warning(
            "%s: binlog_format=%s: statements that are not logged as rows cannot be read, they are counted in "
            "wlf_dropped_events_total with reason statement (SET GLOBAL binlog_format = ROW)",
            server.address,
            form,
        )
    if image != "FULL":
        logger.warning(
            "%s: binlog_row_image=%s: events hold only the columns that the server logs", server.address, image
        )


def check_replica(server: Server, *, is_replica: bool) -> None:
    """Refuse a replica that does not write down what it replicates: its binlog lacks nearly all changes.

    Raises:
        SetupError: log_replica_updates is off.
    """
    name = "log_replica_updates" if "log_replica_updates" in server.variables else "log_slave_updates"
    if is_replica and not _is_on(server.variables.get(name, "ON")):
        raise SetupError(
            f"{server.address}: the server is a replica with {name}=OFF: its binlog lacks what it replicates",
            hint=f"start it with --{name.replace('_', '-')}, or read from its source",
        )


def check_semi_sync(server: Server, logger: logging.Logger) -> None:
    """Warn where the server would wait for no acknowledgement."""
    enabled = (server.variables.get(f"rpl_semi_sync_{name}_enabled", "OFF") for name in ("source", "master"))
    if not any(map(_is_on, enabled)):
        word = "source" if not server.is_mariadb and server.version >= (8, 0, 26) else "master"
        plugin = f", after INSTALL PLUGIN rpl_semi_sync_{word} SONAME 'semisync_{word}.so'"
        logger.warning(
            "%s: semi_sync is asked for, but the server does not wait for acknowledgements "
            "(SET GLOBAL rpl_semi_sync_%s_enabled = ON%s)",
            server.address,
            word,
            "" if server.has_semi_sync else plugin,
        )


def clock_of(side: SideConnection) -> float:
    """The server's clock, Unix seconds."""
    ((seconds,),) = side.query("SELECT UNIX_TIMESTAMP(SYSDATE(6))")
    return float(seconds)


def end_of_binlog(side: SideConnection, server: Server) -> End:
    """The end of the server's binlog.

    The GTID set may lack transactions that are being committed at this moment, never the other way round: the decoder
    learns of them at the head of the next file. A set with too much in it would have them skipped after a failover.

    Raises:
        SetupError: the account lacks REPLICATION CLIENT (MariaDB: BINLOG MONITOR).
    """
    gtids = _position_of_mariadb(side) if server.is_mariadb else None
    renamed = not server.is_mariadb and server.version >= (8, 2)
    rows = side.query("SHOW BINARY LOG STATUS" if renamed else "SHOW MASTER STATUS")
    if not rows:
        raise SetupError(f"{server.address}: the binary log is off", hint="start the server with --log-bin")
    if not server.is_mariadb and server.has_gtids:
        gtids = "".join(str(rows[0][4]).split())
    return End(str(rows[0][0]), int(rows[0][1]), gtids)


def _position_of_mariadb(side: SideConnection) -> str:
    # SHOW VARIABLES would cut a long one at 1 024 bytes.
    ((gtids,),) = side.query("SELECT @@GLOBAL.gtid_binlog_pos")
    return "".join(str(gtids).split())


def binlog_files(side: SideConnection) -> dict[str, int]:
    """Size in bytes by name of the files that the server still has, oldest first."""
    # Servers before 8.0.14 and MariaDB have two columns, MySQL since then a third one, `Encrypted`.
    return {str(row[0]): int(row[1]) - _encryption_head(row) for row in side.query("SHOW BINARY LOGS")}


def _encryption_head(row: tuple[object, ...]) -> int:
    """The size of an encrypted file counts a head that no offset counts."""
    return 512 if len(row) > 2 and str(row[2]).lower() == "yes" else 0
