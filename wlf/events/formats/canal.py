"""Canal's FlatMessage: a row change as JSON whose values are all texts, its keys in the order Canal sends them in.

Canal puts the rows of one rows event into one message; here each row is a message of its own, for an event is what is
delivered or refused. https://github.com/alibaba/canal/wiki: MQ messages with `canal.mq.flatMessage = true`
"""

from __future__ import annotations

from collections.abc import Sequence
from time import time_ns
from typing import Any, NamedTuple

from msgspec import UNSET

from wlf.events.base import Event
from wlf.events.ddl import SchemaChange
from wlf.events.dead_letter import DeadLetter
from wlf.events.formats.canal_columns import column_of
from wlf.events.formats.forms import (
    Forms,
    RowFunction,
    Unversioned,
    column_types,
    row_function,
    with_version,
)
from wlf.events.formats.lines import NoForm, encode_lines, encode_one
from wlf.events.rows import Place, RowChange, RowUpdate
from wlf.events.table import TableVersion

_TYPES = {
    "insert": b',"type":"INSERT"}',
    "update": b',"type":"UPDATE"}',
    "delete": b',"type":"DELETE"}',
    "bootstrap-insert": b',"type":"INSERT"}',
}
_DATA = b'{"data":['
_DDL_TYPES = {
    "table-create": "CREATE",
    "table-alter": "ALTER",
    "table-drop": "ERASE",
    "table-rename": "RENAME",
    "table-truncate": "TRUNCATE",
}


class _Form(NamedTuple):
    """What is compiled for a table version: its row function, and the constant parts of its messages."""

    row: RowFunction
    database: bytes
    """`],"database":...,"es":`"""
    types: bytes
    """`,"isDdl":false,"mysqlType":{...},"old":`"""
    keys: bytes
    """`,"pkNames":...,"sql":"","sqlType":{...},"table":...,"ts":`"""


def _compile(version: TableVersion) -> _Form:
    columns = [column_of(kind) for kind in column_types(version)]
    shown = [
        (name, column)
        for index, (name, column) in enumerate(zip(version.columns, columns, strict=True))
        if index not in version.skip
    ]
    keys = _json([version.columns[index] for index in version.primary_key] or None)
    numbers = _json({name: column.sql_type for name, column in shown})
    return _Form(
        row_function([column.convert for column in columns]),
        f'],"database":{_json(version.database)},"es":'.encode(),
        f',"isDdl":false,"mysqlType":{_json({name: column.mysql_type for name, column in shown})},"old":'.encode(),
        f',"pkNames":{keys},"sql":"","sqlType":{numbers},"table":{_json(version.table)},"ts":'.encode(),
    )


def _json(value: Any) -> str:
    return encode_one(value).decode()


_forms = Forms(_compile)


def encode_canal(events: Sequence[Event]) -> list[bytes]:
    """FlatMessages. See EncodeAll."""
    try:
        return _encode(events)
    except Unversioned:
        return _encode(list(map(with_version, events)))


def _encode(events: Sequence[Any]) -> list[bytes]:
    texts = iter(encode_lines(_images(events)))
    now = time_ns() // 1_000_000
    time = b"%d" % now
    payloads: list[bytes] = []
    append, join = payloads.append, b"".join
    make: Any = None
    last: Any = None
    place: Any = None
    ts = 0
    database = types = stop = where = b""
    for event in events:
        if not isinstance(event, RowChange):
            append(_other(event, now).encode())
            continue
        kind = event.type
        if type(event.data) is not make or kind is not last:
            make, last, place = type(event.data), kind, None
            _, database, types, keys = _forms.of(make)
            stop = b"".join((keys, time, _TYPES[kind]))
        at = getattr(event, "place", None)
        if at is not place or at is None or event.ts != ts:
            place, ts = at, event.ts
            where = _where(ts, at, types)
        data = next(texts)
        if type(event) is RowUpdate and event.old is not UNSET:
            changed = next(texts)
            if changed != b"{}":
                append(join((_DATA, data, database, where, b"[", changed, b"]", stop)))
                continue
        append(join((_DATA, data, database, where, b"null", stop)))
    return payloads


def _where(ts: int, place: Place | None, types: bytes) -> bytes:
    """When and where, the same for all rows of a rows event, with what follows up to the old values."""
    offset, gtid = (0, "") if place is None else (place.offset, place.gtid or "")
    return f'{ts * 1000},"gtid":"{gtid}","id":{offset}'.encode() + types


def _images(events: Sequence[Any]) -> list[Any]:
    """The rows with converted values, each of an update followed by its old values."""
    images: list[Any] = []
    append = images.append
    make: Any = None
    for event in events:
        if not isinstance(event, RowChange):
            continue
        data = event.data
        if type(data) is not make:
            make = type(data)
            row = _forms.of(make).row
        append(row(data, make))
        if type(event) is RowUpdate and (old := event.old) is not UNSET:
            append(row(old, make))
    return images


def _other(event: Event, now: int) -> str:
    if isinstance(event, SchemaChange):
        return _ddl(event, now)
    if isinstance(event, DeadLetter):
        return _json(event)
    raise NoForm(f"canal has no message for {type(event).__name__}")


def _ddl(event: SchemaChange, now: int) -> str:
    """A statement; what is about databases or not known has the type QUERY, as Canal gives it."""
    offset = "0" if event.position is UNSET else event.position.rpartition(":")[2]
    gtid = "" if event.gtid is UNSET else event.gtid
    table = "" if event.table is UNSET else event.table
    return (
        f'{{"data":null,"database":{_json(event.database)},"es":{event.ts * 1000},"gtid":"{gtid}","id":{offset},'
        f'"isDdl":true,"mysqlType":null,"old":null,"pkNames":null,"sql":{_json(event.sql)},"sqlType":null,'
        f'"table":{_json(table)},"ts":{now},"type":"{_DDL_TYPES.get(event.type, "QUERY")}"}}'
    )
