"""mysql-replication on a binlog file: its event classes fed with packets, as its stream reader feeds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pymysql.protocol import MysqlPacket
from pymysqlreplication.event import GtidEvent, QueryEvent, RotateEvent, XidEvent
from pymysqlreplication.packet import BinLogPacketWrapper
from pymysqlreplication.row_event import DeleteRowsEvent, RowsEvent, TableMapEvent, UpdateRowsEvent, WriteRowsEvent

_ALLOWED = (
    TableMapEvent,
    WriteRowsEvent,
    UpdateRowsEvent,
    DeleteRowsEvent,
    XidEvent,
    QueryEvent,
    GtidEvent,
    RotateEvent,
)


class _Control:
    """What events ask of the second connection when all metadata is in the binlog."""

    charset = "utf8mb4"

    @staticmethod
    def _get_dbms() -> str:
        return "mysql"


class PeerEvents:
    """The events of a file as mysql-replication decodes them."""

    def __init__(self, path: Path, *, checksum: bool) -> None:
        self._path = path
        self._checksum = checksum
        self._tables: dict[int, Any] = {}
        self._control = _Control()

    def __iter__(self) -> Iterator[Any]:
        content = self._path.read_bytes()
        at = 4
        while at < len(content):
            size = int.from_bytes(content[at + 9 : at + 13], "little")
            event = self._event(b"\0" + content[at : at + size])
            at += size
            if isinstance(event, TableMapEvent):
                self._tables[event.table_id] = event.get_table()
            elif event is not None:
                yield event

    def _event(self, packet: bytes) -> Any:
        return BinLogPacketWrapper(
            MysqlPacket(packet, "utf8mb4"),
            self._tables,
            self._control,
            (9, 0, 0),
            self._checksum,
            _ALLOWED,
            None,
            None,
            None,
            None,
            False,
            False,
            False,
            True,
            False,
        ).event


def decode_all(path: Path, *, checksum: bool) -> int:
    """Decode every row of a file; how many there were."""
    return sum(len(event.rows) for event in PeerEvents(path, checksum=checksum) if isinstance(event, RowsEvent))
