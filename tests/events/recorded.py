"""Events of every column type, read from binlog files that real servers wrote: MySQL 9.7 and MariaDB 10.11.

Both files hold the same: a table `t` with a column of each type (its name tells the type), four rows, an update of all
columns of row 1, a delete of row 2; then a small table `plain` with inserts, an update of its primary key and one to a
date that does not exist. Their DDL is not read: what a statement becomes, hangs on more than the statement.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from msgspec import UNSET

from wlf.binlog import Decoder, TableMap, Transaction
from wlf.components.collectors._binlog.column_type import column_type
from wlf.events import Origin, Place, RowChange, RowDelete, RowInsert, RowUpdate
from wlf.events.rows import put_place
from wlf.events.table import TableVersion, TableVersions

FILES = Path(__file__).parents[1] / "data" / "binlog"
SERVERS = ("mysql97", "mariadb1011")
_CLASSES: dict[str, type[RowChange]] = {"insert": RowInsert, "update": RowUpdate, "delete": RowDelete}


@cache
def events_of(server: str) -> tuple[RowChange, ...]:
    """All row changes of one server's file, with their places."""
    versions = TableVersions()

    def bind(table: TableMap) -> TableVersion:
        types = tuple(map(column_type, table.columns))
        return versions.get(table.database, table.table, table.names, table.primary_key, types=types)

    raw = (FILES / f"{server}_formats.binlog").read_bytes()
    decoder = Decoder(bind)
    decoder.open_file(f"{server}.000001", raw[:1024])
    events: list[RowChange] = []
    for item in decoder.feed(raw[4:]):
        if isinstance(item, Transaction):
            events += _events(server, item)
    decoder.end_file()
    return tuple(events)


def _events(server: str, transaction: Transaction) -> list[RowChange]:
    made: list[RowChange] = []
    for change in transaction.changes:
        first = len(made)
        version = change.binding
        for number, row in enumerate(change.rows):
            fields: dict[str, Any] = {"xid": transaction.xid, "xoffset": len(made), "data": row}
            if change.olds is not None:
                fields["old"] = change.olds[number]
            made.append(_CLASSES[change.kind](version.database, version.table, change.kind, change.ts, **fields))
        origin = Origin(change.server_id, 7, None, None, transaction.xid)
        where = ("37072cfd" if server == "mysql97" else "server_id:1", transaction.file, change.end_position, change.ts)
        put_place(made[first:], Place(*where, transaction.gtid, first, len(change.rows), origin))
    last = made[-1]
    fields = {name: getattr(last, name) for name in last.__struct_fields__}
    made[-1] = type(last)(**{**fields, "xoffset": UNSET, "commit": True})
    put_place(made[-1:], last.place)
    return made
