"""The `source` of Debezium's messages: where a change was made, as JSON text with a gap for the row's number."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from wlf.events.ddl import SchemaChange
from wlf.events.formats.lines import encode_one
from wlf.events.rows import Place, RowChange, RowSnapshot
from wlf.version import __version__

NAME = "wlf"
"""What Debezium calls the topic prefix: events do not know which pipeline they are in, so it is always this."""


def quoted(text: str | None) -> str:
    """A text as JSON."""
    return encode_one(text).decode()


def connector_of(server: str, gtid: str | None) -> str:
    """`mysql` or `mariadb`, as far as a server's name or a GTID (`0-1-7`, without colons) tells."""
    if server.startswith("server_id:") or (gtid is not None and ":" not in gtid):
        return "mariadb"
    return "mysql"


class SourceText:
    """The text of the sources of one table's rows.

    The server's commit time (MySQL 8) is more exact than the header's, which has seconds. What changes seldom is kept
    from one call to the next. The statement is shown only where the collector is told to bring `query`, for it may hold
    what columns that are masked or left out hold.
    """

    __slots__ = (
        "_database",
        "_file",
        "_file_text",
        "_has_colon",
        "_kind",
        "_micros",
        "_name",
        "_server",
        "_snapshot",
        "_table",
        "_tail",
        "_thread",
        "_times",
    )

    def __init__(self, database: str, table: str) -> None:
        self._database = f'","db":{quoted(database)},"sequence":null,"ts_us":'
        self._table = f',"table":{quoted(table)},"server_id":'
        self._name = self._snapshot = self._times = self._file_text = ""
        self._kind: type[RowChange] | None = None
        self._server = ""
        self._has_colon = True
        self._micros = -1
        self._file: str | None = None  # "" is the file of an event without a place
        self._thread: int | None = None
        self._tail = _TAIL

    def of(self, event: RowChange, place: Place | None) -> tuple[bytes, bytes]:
        """The text before and behind the row's number, the same for all rows of a rows event.

        The latter is the very object of the last call where it is the same.
        """
        if place is None:
            place = Place("", "", 0, event.ts, None, 0, 1)
        server, file, offset, ts, gtid, _, _, origin = place
        server_id, thread, micros = event.server_id or 0, event.thread_id or None, ts * 1_000_000
        if origin is not None:
            server_id = origin.server_id
            thread = origin.thread_id or thread
            micros = origin.commit_us or micros
        has_colon = gtid is None or ":" in gtid
        if type(event) is not self._kind or server is not self._server or has_colon is not self._has_colon:
            self._kind, self._server, self._has_colon = type(event), server, has_colon
            self._begin_with(connector_of(server, gtid))
        if micros != self._micros:
            self._micros = micros
            self._times = f'{self._name}{micros // 1000}{self._snapshot}{micros},"ts_ns":{micros * 1000}{self._table}'
        if file is not self._file:
            self._file, self._file_text = file, f',"file":{quoted(file)},"pos":'
        known = "null" if gtid is None else f'"{gtid}"'  # made of digits, letters, colons and dashes
        text = f'{self._times}{server_id},"gtid":{known}{self._file_text}{offset},"row":'
        if event.query:
            return text.encode(), _tail(thread, event.query)
        if thread != self._thread:
            self._thread, self._tail = thread, _tail(thread, None)
        return text.encode(), self._tail

    def _begin_with(self, connector: str) -> None:
        self._micros = -1
        self._name = f',"source":{{"version":"{__version__}","connector":"{connector}","name":"{NAME}","ts_ms":'
        self._snapshot = f',"snapshot":"{"incremental" if self._kind is RowSnapshot else "false"}{self._database}'


def _tail(thread: int | None, query: Any) -> bytes:
    text = encode_one(query or None).decode()
    return f',"thread":{thread or "null"},"query":{text}}},"transaction":null,"op":"'.encode()


_TAIL = _tail(None, None)


def ddl_source(event: SchemaChange) -> str:
    """The source of a statement; its place is known where the collector is told to bring `position`."""
    file, _, offset = ("" if event.position is UNSET else event.position).rpartition(":")
    gtid = None if event.gtid is UNSET else event.gtid
    table = None if event.table is UNSET else event.table
    return (
        f'"source":{{"version":"{__version__}","connector":"{connector_of("", gtid)}","name":"{NAME}",'
        f'"ts_ms":{event.ts * 1000},"snapshot":"false","db":{quoted(event.database)},"sequence":null,'
        f'"ts_us":{event.ts * 1_000_000},"ts_ns":{event.ts * 1_000_000_000},"table":{quoted(table)},'
        f'"server_id":{0 if event.server_id is UNSET else event.server_id},"gtid":{quoted(gtid)},'
        f'"file":{quoted(file)},"pos":{offset or 0},"row":0,"thread":null,"query":null}}'
    )
