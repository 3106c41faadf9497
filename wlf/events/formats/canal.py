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
from wlf.events.rows import RowChange, RowUpdate
from wlf.events.table import TableVersion

_TYPES = {"insert": b"INSERT", "update": b"UPDATE", "delete": b"DELETE", "bootstrap-insert": b"INSERT"}
_DDL_TYPES = {
    "table-create": b"CREATE",
    "table-alter": b"ALTER",
    "table-drop": b"ERASE",
    "table-rename": b"RENAME",
    "table-truncate": b"TRUNCATE",
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
    names = [version.columns[index] for index in version.primary_key] or None
    return _Form(
        row_function([column.convert for column in columns]),
        b'],"database":%b,"es":' % encode_one(version.database),
        b',"isDdl":false,"mysqlType":%b,"old":' % encode_one({name: column.mysql_type for name, column in shown}),
        b',"pkNames":%b,"sql":"","sqlType":%b,"table":%b,"ts":'
        % (encode_one(names), encode_one({name: column.sql_type for name, column in shown}), encode_one(version.table)),
    )


_forms = Forms(_compile)


def encode_canal(events: Sequence[Event]) -> list[bytes]:
    """FlatMessages. See EncodeAll."""
    try:
        return _encode(events)
    except Unversioned:
        return _encode(list(map(with_version, events)))


def _encode(events: Sequence[Any]) -> list[bytes]:
    images: list[Any] = []
    for event in events:
        if isinstance(event, RowChange):
            _put_images(event, images)
    texts = iter(encode_lines(images))
    now = time_ns() // 1_000_000
    payloads: list[bytes] = []
    for event in events:
        if not isinstance(event, RowChange):
            payloads.append(_other(event, now))
            continue
        form = _forms.of(type(event.data))
        data, old = next(texts), b"null"
        if type(event) is RowUpdate and event.old is not UNSET:
            text = next(texts)
            if text != b"{}":
                old = b"[%b]" % text
        place = getattr(event, "place", None)
        offset, gtid = (0, None) if place is None else (place.offset, place.gtid)
        payloads.append(
            b'{"data":[%b%b%d000,"gtid":"%b","id":%d%b%b%b%d,"type":"%b"}'
            % (
                data,
                form.database,
                event.ts,
                b"" if gtid is None else gtid.encode(),
                offset,
                form.types,
                old,
                form.keys,
                now,
                _TYPES[event.type],
            )
        )
    return payloads


def _put_images(event: RowChange, images: list[Any]) -> None:
    make = type(event.data)
    row = _forms.of(make).row
    images.append(row(event.data, make))
    if type(event) is RowUpdate and event.old is not UNSET:
        images.append(row(event.old, make))


def _other(event: Event, now: int) -> bytes:
    if isinstance(event, SchemaChange):
        return _ddl(event, now)
    if isinstance(event, DeadLetter):
        return encode_one(event)
    raise NoForm(f"canal has no message for {type(event).__name__}")


def _ddl(event: SchemaChange, now: int) -> bytes:
    """A statement; what is about databases or not known has the type QUERY, as Canal gives it."""
    offset = "0" if event.position is UNSET else event.position.rpartition(":")[2]
    return (
        b'{"data":null,"database":%b,"es":%d000,"gtid":%b,"id":%b,"isDdl":true,"mysqlType":null,"old":null,'
        b'"pkNames":null,"sql":%b,"sqlType":null,"table":%b,"ts":%d,"type":"%b"}'
        % (
            encode_one(event.database),
            event.ts,
            encode_one("" if event.gtid is UNSET else event.gtid),
            offset.encode(),
            encode_one(event.sql),
            encode_one("" if event.table is UNSET else event.table),
            now,
            _DDL_TYPES.get(event.type, b"QUERY"),
        )
    )
