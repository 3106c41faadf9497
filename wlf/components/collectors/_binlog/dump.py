"""Ask the server for its binlog: session variables, then COM_BINLOG_DUMP, then the bare socket.

The commands and variables are those of the MySQL protocol documentation ("Replication Protocol") and of the MariaDB
knowledge base ("Replication Protocol").
"""

from __future__ import annotations

import random
import socket
import struct
import uuid
from typing import Any, NamedTuple

from pymysql.connections import Connection

from wlf.binlog.control import parse_error_packet
from wlf.components.collectors._binlog.connection import query, take_socket
from wlf.components.collectors._binlog.server import Server
from wlf.errors import Retryable

MAX_OFFSET = 0xFFFF_FFFF
"""COM_BINLOG_DUMP has 32 bits for it."""

_COM_BINLOG_DUMP = 0x12
_COM_BINLOG_DUMP_GTID = 0x1E
_SEND_ANNOTATE_ROWS = 0x02
_THROUGH_GTID = 0x04
_YEAR_S = 31_536_000
_NAMESPACE = uuid.UUID("5ae0d0a3-5c2c-4f0b-8f0e-9f1c7a1f3b11")


class Request(NamedTuple):
    """What to ask for: a file and an offset, or (`gtid`) all that is not in a GTID set.

    `gtid` is the set's binary form for MySQL and its text for MariaDB.
    """

    file: str
    offset: int
    gtid: bytes | str | None = None


class Identity:
    """What the server knows the collector by. It ends the stream of whoever asked before under the same name.

    The name stays for the life of a collector, so that a new connection ends what is left of a lost one. MySQL goes by
    the uuid, MariaDB by the id: from a configured id follows the uuid, so two with the same id are noticed on both.
    """

    def __init__(self, configured: int | None) -> None:
        self.is_configured = configured is not None
        self._name(configured or _random_server_id())

    def draw_again(self) -> None:
        """Another one goes by the id that was drawn."""
        self._name(_random_server_id())

    def _name(self, server_id: int) -> None:
        self.server_id = server_id
        self.uuid = str(uuid.uuid5(_NAMESPACE, str(server_id)) if self.is_configured else uuid.uuid4())


def _random_server_id() -> int:
    """An id that is unlikely to be another replica's: people count from 1."""
    return random.SystemRandom().randint(2_147_483_649, 4_294_967_294)


class Wishes(NamedTuple):
    """How the stream is to be, beside where it begins."""

    heartbeat_ms: int
    identity: Identity
    semi_sync: bool = False


def prepare(connection: Connection[Any], server: Server, wishes: Wishes, request: Request) -> None:
    """Set the session variables that the server looks at when the dump begins."""
    nanoseconds = wishes.heartbeat_ms * 1_000_000
    settings = [
        # A consumer that pauses must not lose its stream: the default drops it after 60 s without reading.
        f"net_write_timeout = {_YEAR_S}",
        "@master_binlog_checksum = @@GLOBAL.binlog_checksum",
        f"@master_heartbeat_period = {nanoseconds}",
    ]
    if server.is_mariadb:
        # 4: knows GTID events; with less the server puts dummies in their place.
        settings += ["@mariadb_slave_capability = 4"]
        if isinstance(request.gtid, str):
            settings += [
                f"@slave_connect_state = {connection.escape(request.gtid)}",
                "@slave_gtid_strict_mode = 1",
                "@slave_gtid_ignore_duplicates = 0",
            ]
    else:
        settings += [
            "@source_binlog_checksum = @@GLOBAL.binlog_checksum",
            f"@source_heartbeat_period = {nanoseconds}",
            f"@replica_uuid = '{wishes.identity.uuid}'",
            f"@slave_uuid = '{wishes.identity.uuid}'",
        ]
    if wishes.semi_sync:
        # MySQL's older plugin and MariaDB know the second name only.
        settings += [*([] if server.is_mariadb else ["@rpl_semi_sync_replica = 1"]), "@rpl_semi_sync_slave = 1"]
    query(connection, f"SET {', '.join(settings)}")


def start(
    connection: Connection[Any], server: Server, identity: Identity, request: Request, timeout_s: float
) -> tuple[socket.socket, bytes]:
    """Send the command and take the socket over: (the socket, the first bytes that came).

    Raises:
        ServerRefused: it answered with an error.
        Retryable: it did not answer.
    """
    server_id = identity.server_id
    if isinstance(request.gtid, bytes):
        payload = _dump_gtid(server_id, request.gtid)
    else:
        # Without its ANNOTATE_ROWS events MariaDB's stream has holes, and offsets could not be counted.
        payload = _dump(server_id, request, _SEND_ANNOTATE_ROWS if server.is_mariadb else 0)
    taken = take_socket(connection)
    try:
        taken.settimeout(timeout_s)
        taken.sendall(struct.pack("<I", len(payload)) + payload)
        # To find a GTID the server may read for minutes before it answers at all.
        first = b"" if request.gtid is not None else _first_bytes(taken)
        _check_refusal(first)
    except OSError as error:
        taken.close()
        raise Retryable(f"{server.address}: the server did not start to send its binlog: {error}") from error
    except BaseException:
        taken.close()
        raise
    taken.settimeout(None)
    return taken, first


def _first_bytes(sock: socket.socket) -> bytes:
    """What comes at once: the name of the file, or the reason why not."""
    first = sock.recv(65_536)
    if not first:
        raise ConnectionError("it closed the connection")
    return first


def _check_refusal(first: bytes) -> None:
    """An error that came in one piece is told at once; one in pieces will be met by the decoder."""
    size = int.from_bytes(first[:3], "little")
    if first[4:5] == b"\xff" and len(first) >= 4 + size:
        raise parse_error_packet(first[4 : 4 + size])


def _dump(server_id: int, request: Request, flags: int) -> bytes:
    # MariaDB takes the place from @slave_connect_state when that is set: then the file must be empty.
    file, offset = (request.file, request.offset) if request.gtid is None else ("", 4)
    return struct.pack("<BIHI", _COM_BINLOG_DUMP, offset, flags, server_id) + file.encode()


def _dump_gtid(server_id: int, gtids: bytes) -> bytes:
    return struct.pack("<BHIIQI", _COM_BINLOG_DUMP_GTID, _THROUGH_GTID, server_id, 0, 4, len(gtids)) + gtids
