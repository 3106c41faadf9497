"""Rows decoded by the library mysql-replication, to compare with wlf's own decoder (`decoder: mysql-replication`).

Framing, transactions and positions stay wlf's; the TABLE_MAP and rows events go through the library's classes. Its
values are put into the forms that wlf's events have. Where the library is wrong, so are these rows: it has 1900 for
YEAR 0, None for an empty SET and for columns that a MINIMAL image lacks, and cuts zero bytes off BINARY columns.
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import UNSET
from pymysql.protocol import MysqlPacket
from pymysqlreplication.packet import BinLogPacketWrapper
from pymysqlreplication.row_event import DeleteRowsEvent, TableMapEvent, UpdateRowsEvent, WriteRowsEvent

from wlf.binlog.charset import Undecodable, charset_of, is_utf8
from wlf.binlog.items import Binding
from wlf.binlog.rows import KINDS, PARTIAL, Decoded, Table
from wlf.binlog.tablemap import ENUM, NEWDECIMAL, SET, Column, TableMap, parse_table_map
from wlf.binlog.values import SCALE_IN_PLAIN, PlainDecimal, float32
from wlf.errors import DecodeError

_TABLE_MAP = 19
_TABLE_ID = bytes(6)
_NO_CHECKSUM = bytes(4)
_EVENTS = frozenset((DeleteRowsEvent, TableMapEvent, UpdateRowsEvent, WriteRowsEvent))


class _Control:
    """What the library wants of its second connection."""

    charset = "utf8mb4"

    def __init__(self, dbms: str) -> None:
        self._get_dbms: Callable[[], str] = lambda: dbms


class PeerTable(Table):
    """One table version whose rows the library decodes."""

    __slots__ = ("_control", "_full", "_map", "_raw")

    def __init__(
        self, table_map: TableMap, binding: Binding, undecodable: Undecodable, raw: bytes, *, mariadb: bool
    ) -> None:
        super().__init__(table_map, binding, undecodable)
        self._control = _Control("mariadb" if mariadb else "mysql")
        self._map: dict[int, Any] = {}
        self._full = parse_table_map(raw, mariadb=mariadb).complete
        self._event(_event_bytes(_TABLE_MAP, _TABLE_ID + raw))
        if not self._full:
            for theirs, ours in zip(self._map[0].columns, table_map.columns, strict=True):
                _complete(theirs, ours)

    def rows(self, kind: int, buf: bytes, start: int, end: int) -> Decoded:
        """See `Table.rows`. Of partial JSON updates the library has only each column's first change: those are ours."""
        if kind == PARTIAL:
            return super().rows(kind, buf, start, end)
        event = self._event(_event_bytes(kind, _TABLE_ID + buf[start + 25 : end]))
        if KINDS[kind] != "update":
            return [self._row(found["values"]) for found in event.rows], None
        changes = [(found["before_values"], found["after_values"]) for found in event.rows]
        return [self._row(after) for _, after in changes], [self._old(*pair) for pair in changes]

    def _event(self, raw: bytes) -> Any:
        wrapper = BinLogPacketWrapper(
            MysqlPacket(b"\0" + raw, "utf8mb4"),
            self._map,
            self._control,
            mysql_version=(0, 0, 0),
            use_checksum=True,
            allowed_events=_EVENTS,
            only_tables=None,
            ignored_tables=None,
            only_schemas=None,
            ignored_schemas=None,
            freeze_schema=False,
            ignore_decode_errors=False,
            verify_checksum=False,
            optional_meta_data=self._full,
            enable_logging=False,
        )
        if wrapper.event is None:
            raise DecodeError("expected mysql-replication to decode the event, it left it out")
        return wrapper.event

    def _row(self, values: dict[str, Any]) -> Any:
        return self.binding.row(*map(self._value, range(len(self.table_map.columns)), values.values()))

    def _old(self, before: dict[str, Any], after: dict[str, Any]) -> Any:
        changed = (
            self._value(index, was) if was != after[name] else UNSET for index, (name, was) in enumerate(before.items())
        )
        return self.binding.row(*changed)

    def _value(self, index: int, value: Any) -> Any:
        if index in self.binding.skip:
            return UNSET
        if value is None:
            return None
        value = _as_ours(self.table_map.columns[index], value)
        convert = self.binding.convert.get(index)
        return value if convert is None else convert(value)


def _event_bytes(kind: int, body: bytes) -> bytes:
    """An event with a header of its own; the library counts on four bytes of checksum."""
    return struct.pack("<IBIIIH", 0, kind, 0, 23 + len(body), 0, 0) + body + _NO_CHECKSUM


def _complete(theirs: Any, ours: Column) -> None:
    """Say what the event did not: the library itself would not ask for more than names."""
    theirs.name, theirs.unsigned = ours.name, bool(ours.unsigned)
    charset = ours.charset or (None if ours.collation is None else charset_of(ours.collation))
    theirs.character_set_name = "utf8" if charset is not None and is_utf8(charset) else charset
    members = [member.decode() for member in ours.members or ()]
    if ours.type == ENUM:
        theirs.enum_values = ["", *members]
    elif ours.type == SET:
        theirs.set_values = members


def _as_ours(column: Column, value: Any) -> Any:
    """A value of the library in the form that wlf's events have."""
    if isinstance(value, datetime.datetime):
        return _fraction(f"{value:%Y-%m-%d %H:%M:%S}".rjust(19, "0"), value.microsecond, column.meta)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return _time(value, column.meta)
    if isinstance(value, set):
        labels = [member.decode("utf-8", "replace") for member in column.members or ()]
        return tuple(sorted(value, key=lambda label: labels.index(label) if label in labels else -1))
    return _SPECIAL.get(column.type, _same)(value)


def _same(value: Any) -> Any:
    return value


def _time(value: datetime.timedelta, fsp: int) -> str:
    microseconds = abs(value) // datetime.timedelta(microseconds=1)
    seconds, fraction = divmod(microseconds, 1_000_000)
    sign = "-" if value < datetime.timedelta(0) else ""
    return _fraction(f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}", fraction, fsp)


def _fraction(text: str, microseconds: int, fsp: int) -> str:
    return f"{text}.{microseconds:06}"[: len(text) + 1 + fsp] if fsp else text


def _text(value: Any) -> Any:
    """A JSON document with text in place of bytes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_text(key): _text(item) for key, item in value.items()}
    return [_text(item) for item in value] if isinstance(value, list) else value


def _bits(value: str) -> int:
    return int(value, 2)


def _plain(value: Decimal) -> Decimal:
    return PlainDecimal(value) if value.adjusted() < -SCALE_IN_PLAIN else value


_FLOAT, _BIT, _JSON = 4, 16, 245
_SPECIAL: dict[int, Callable[[Any], Any]] = {_FLOAT: float32, _BIT: _bits, _JSON: _text, NEWDECIMAL: _plain}
