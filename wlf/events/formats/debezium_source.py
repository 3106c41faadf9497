"""The `source` of Debezium's messages: where a change was made, as JSON text with a gap for the row's number."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from msgspec import UNSET

from wlf import __version__
from wlf.events.ddl import SchemaChange
from wlf.events.formats.lines import encode_one
from wlf.events.rows import Place, RowChange, RowSnapshot

NAME = "wlf"
"""What Debezium calls the topic prefix: events do not know which pipeline they are in, so it is always this."""

_MARIADB_GTID = re.compile(r"\d+-\d+-\d+\Z")


def quoted(text: str | None) -> str:
    """A text as JSON."""
    return encode_one(text).decode()


@lru_cache(1024)
def connector_of(server: str, gtid: str | None) -> str:
    """`mysql` or `mariadb`, as far as a server's name or a GTID tells."""
    is_mariadb = server.startswith("server_id:") or (gtid is not None and _MARIADB_GTID.match(gtid))
    return "mariadb" if is_mariadb else "mysql"


class SourceText:
    """The text of the sources of one table's rows.

    The server's commit time (MySQL 8) is more exact than the header's, which has seconds. What changes seldom is kept
    from one call to the next. The statement is shown only where the collector is told to bring `query`, for it may hold
    what columns that are masked or left out hold.
    """

    __slots__ = ("_database", "_file", "_file_text", "_head", "_known", "_table")

    def __init__(self, database: str, table: str) -> None:
        self._database = f'","db":{quoted(database)},"sequence":null,"ts_us":'
        self._table = f',"table":{quoted(table)},"server_id":'
        self._known: tuple[Any, ...] = ()
        self._head = self._file_text = ""
        self._file: str | None = None  # "" is the file of an event without a place

    def of(self, event: RowChange, place: Place | None) -> tuple[bytes, bytes]:
        """The text before and behind the row's number, the same for all rows of a rows event."""
        if place is None:
            place = Place("", "", 0, event.ts, None, 0, 1)
        server, file, offset, ts, gtid, _, _, origin = place
        micros = ts * 1_000_000
        server_id, thread, query = event.server_id or 0, event.thread_id, event.query
        if origin is not None:
            micros = origin.commit_us or micros
            server_id = origin.server_id
            thread = origin.thread_id or thread
        known = micros, server or gtid, type(event)
        if known != self._known:
            self._head = self._head_of(micros, connector_of(server, gtid), is_snapshot=type(event) is RowSnapshot)
            self._known = known
        if file is not self._file:
            self._file, self._file_text = file, f',"file":{quoted(file)},"pos":'
        known_gtid = "null" if gtid is None else f'"{gtid}"'  # made of digits, letters, colons and dashes
        text = f'{self._head}{server_id},"gtid":{known_gtid}{self._file_text}{offset},"row":'
        return text.encode(), _TAIL if not thread and not query else _tail(thread or "null", query)

    def _head_of(self, micros: int, connector: str, *, is_snapshot: bool) -> str:
        snapshot = "incremental" if is_snapshot else "false"
        return (
            f',"source":{{"version":"{__version__}","connector":"{connector}","name":"{NAME}","ts_ms":{micros // 1000},'
            f'"snapshot":"{snapshot}{self._database}{micros},"ts_ns":{micros * 1000}{self._table}'
        )


def _tail(thread: int | str, query: Any) -> bytes:
    text = encode_one(query).decode() if query else "null"
    return f',"thread":{thread},"query":{text}}},"transaction":null,"op":"'.encode()


_TAIL = _tail("null", None)


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
