"""The `source` of Debezium's messages: where a change was made, as JSON text with a gap for the row's number."""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import UNSET

from wlf import __version__
from wlf.events.ddl import SchemaChange
from wlf.events.formats.lines import encode_one
from wlf.events.rows import Place, RowChange, RowSnapshot

NAME = "wlf"
"""What Debezium calls the topic prefix: events do not know which pipeline they are in, so it is always this."""

_MARIADB_GTID = re.compile(r"\d+-\d+-\d+\Z")


@lru_cache(4096)
def quoted(text: str | None) -> str:
    """A text as JSON."""
    return encode_one(text).decode()


@lru_cache(1024)
def connector_of(server: str, gtid: str | None) -> str:
    """`mysql` or `mariadb`, as far as a server's name or a GTID tells."""
    is_mariadb = server.startswith("server_id:") or (gtid is not None and _MARIADB_GTID.match(gtid))
    return "mariadb" if is_mariadb else "mysql"


def row_source(event: RowChange, place: Place | None) -> tuple[bytes, bytes]:
    """The text before and behind the row's number, the same for all rows of a rows event and one table."""
    if place is None:
        place = Place("", "", 0, event.ts, None, 0, 1)
    origin = place.origin
    micros = place.ts * 1_000_000
    server_id = 0 if event.server_id is UNSET else event.server_id
    thread = None if event.thread_id is UNSET else event.thread_id
    query = None if event.query is UNSET else event.query
    if origin is not None:
        micros = origin.commit_us or micros
        server_id = origin.server_id
        thread = origin.thread_id if thread is None else thread
        query = origin.query if query is None else query
    gtid = place.gtid
    head = (
        f'"source":{{"version":"{__version__}","connector":"{connector_of(place.server, gtid)}","name":"{NAME}",'
        f'"ts_ms":{micros // 1000},"snapshot":"{"incremental" if type(event) is RowSnapshot else "false"}",'
        f'"db":{quoted(event.database)},"sequence":null,"ts_us":{micros},"ts_ns":{micros}000,'
        f'"table":{quoted(event.table)},"server_id":{server_id},"gtid":{"null" if gtid is None else quoted(gtid)},'
        f'"file":{quoted(place.file)},"pos":{place.offset},"row":'
    )
    tail = (
        f',"thread":{"null" if thread is None else thread},'
        f'"query":{"null" if query is None else encode_one(query).decode()}}},"transaction":null,"op":"'
    )
    return head.encode(), tail.encode()


def ddl_source(event: SchemaChange) -> str:
    """The source of a statement; its place is known where the collector is told to bring `position`."""
    file, _, offset = ("" if event.position is UNSET else event.position).rpartition(":")
    gtid = None if event.gtid is UNSET else event.gtid
    table = None if event.table is UNSET else event.table
    return (
        f'"source":{{"version":"{__version__}","connector":"{connector_of("", gtid)}","name":"{NAME}",'
        f'"ts_ms":{event.ts}000,"snapshot":"false","db":{quoted(event.database)},"sequence":null,'
        f'"ts_us":{event.ts}000000,"ts_ns":{event.ts}000000000,"table":{quoted(table)},'
        f'"server_id":{0 if event.server_id is UNSET else event.server_id},"gtid":{quoted(gtid)},'
        f'"file":{quoted(file)},"pos":{offset or 0},"row":0,"thread":null,"query":{encode_one(event.sql).decode()}}}'
    )
