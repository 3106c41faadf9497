"""TABLE_MAP events: the columns of one table version, from the event and its optional metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from wlf.binlog.wire import lenenc, lenenc_bytes, take
from wlf.errors import DecodeError

TINY, SHORT, LONG, FLOAT, DOUBLE, NULL, TIMESTAMP, LONGLONG, INT24 = 1, 2, 3, 4, 5, 6, 7, 8, 9
DATE, TIME, DATETIME, YEAR, NEWDATE, VARCHAR, BIT, TIMESTAMP2, DATETIME2, TIME2 = 10, 11, 12, 13, 14, 15, 16, 17, 18, 19
BLOB_COMPRESSED, VARCHAR_COMPRESSED, VECTOR, JSON, NEWDECIMAL = 140, 141, 242, 245, 246
ENUM, SET, BLOB, VAR_STRING, STRING, GEOMETRY = 247, 248, 252, 253, 254, 255

_META_SIZES = {
    **dict.fromkeys((TINY, SHORT, LONG, INT24, LONGLONG, NULL, YEAR, DATE, NEWDATE, TIMESTAMP, TIME, DATETIME), 0),
    **dict.fromkeys((FLOAT, DOUBLE, TIMESTAMP2, DATETIME2, TIME2, BLOB, BLOB_COMPRESSED, GEOMETRY, JSON, VECTOR), 1),
    **dict.fromkeys((VARCHAR, VAR_STRING, VARCHAR_COMPRESSED, BIT, NEWDECIMAL, STRING), 2),
}
_NUMERIC = frozenset((TINY, SHORT, INT24, LONG, LONGLONG, FLOAT, DOUBLE, NEWDECIMAL))
OLD_TIMES = frozenset((TIMESTAMP, TIME, DATETIME))
"""Of before MySQL 5.6.4, and of MariaDB with mysql56_temporal_format=OFF."""
INTEGERS = frozenset((TINY, SHORT, INT24, LONG, LONGLONG))
_CHARACTER = frozenset((STRING, VAR_STRING, VARCHAR, BLOB))
_MARIADB_CHARACTER = _CHARACTER | {GEOMETRY, BLOB_COMPRESSED, VARCHAR_COMPRESSED}
_BINARY = 63
_SIGNEDNESS, _CHARSETS, _ENUM_CHARSETS = 1, (2, 3), (10, 11)
_NAMES, _SET_MEMBERS, _ENUM_MEMBERS, _GEOMETRIES, _KEY, _PREFIX_KEY = 4, 5, 6, 7, 8, 9
_GEOMETRY_KINDS = (
    *("geometry", "point", "linestring", "polygon"),
    *("multipoint", "multilinestring", "multipolygon", "geometrycollection"),
)
_SHORT_TYPES = frozenset((VARCHAR_COMPRESSED, BLOB_COMPRESSED))


@dataclass
class Column:
    """One column as far as it is known. `type` is the real one: STRING is told apart from ENUM and SET."""

    type: int
    meta: int
    """Per type: maximum or fixed byte length, fsp, precision << 8 | scale, bits, bytes of the prefix or value."""
    nullable: bool
    name: str | None = None
    unsigned: bool | None = None
    collation: int | None = None
    members: tuple[bytes, ...] | None = None
    """Labels of ENUM and SET in the column's character set."""
    charset: str | None = None
    """The character set by name, where the schema told it."""
    declared: str = ""
    """The data type by name, where the schema told it: `uuid`, `inet6` ... are STRING in the binlog."""


@dataclass
class TableMap:
    """One version of a table, as `bind` gets it: equal TABLE_MAP bytes give one object."""

    database: str
    table: str
    types: bytes
    columns: list[Column]
    primary_key: tuple[int, ...] = ()
    """Column indices in key order; () where there is no key or it is not known."""
    has_key: bool = False
    """Whether `primary_key` is known, also when it is empty."""
    asks_types: bool = False
    """Whether types that only a schema tells are waited for."""

    @property
    def names(self) -> tuple[str, ...]:
        """The column names; raises ValueError while they are not known."""
        if any(column.name is None for column in self.columns):
            raise ValueError(f"the column names of {self.database}.{self.table} are not known yet")
        return tuple(column.name or "" for column in self.columns)

    @property
    def complete(self) -> bool:
        """Whether rows can be decoded: names, signedness, character sets and labels are all there."""
        return not self.asks_types and self.is_readable

    @property
    def is_readable(self) -> bool:
        """The same, but UUID, INET4, INET6 and VECTOR of MariaDB may read as the binary strings they are in events."""
        return all(_is_complete(column) for column in self.columns)


def _is_complete(column: Column) -> bool:
    if column.name is None or (column.unsigned is None and column.type in INTEGERS):
        return False
    if column.type in (ENUM, SET):
        return column.members is not None
    needs_text = column.type in _CHARACTER or column.type in _SHORT_TYPES
    return not needs_text or column.collation is not None or column.charset is not None


def names_of(body: bytes) -> tuple[str, str]:
    """Database and table of a TABLE_MAP; what else it holds may be of any kind. Raises DecodeError."""
    database, at = _name(body, 2)
    return database, _name(body, at)[0]


def skips_year(version: str, *, mariadb: bool) -> bool | None:
    """Does this server leave YEAR out of the signedness bits? None: not known.

    MySQL 8.0.15 does; 8.0.29 and later do not, nor does any MariaDB.
    """
    found = re.match(r"8\.0\.(\d+)", version)
    if mariadb or found is None or int(found[1]) >= 29:
        return False
    return True if int(found[1]) <= 15 else None


def parse_table_map(
    body: bytes, *, mariadb: bool, asks_types: bool = False, without_year: bool | None = False
) -> TableMap:
    """A TABLE_MAP from its flags (behind the table id) to its end, without the checksum.

    `without_year` is `skips_year` of the server. With `asks_types` it is not complete where columns may be of
    MariaDB's types that only a schema tells.

    Raises:
        DecodeError: the bytes are no table map.
    """
    database, at = _name(body, 2)
    table, at = _name(body, at)
    count, at = lenenc(body, at)
    types = take(body, at, count)
    meta, at = lenenc_bytes(body, at + count)
    nullable = take(body, at, (count + 7) // 8)
    columns = _columns(types, meta, nullable)
    made = TableMap(database, table, types, columns)
    _optional(made, body, at + len(nullable), mariadb, without_year)
    made.asks_types = asks_types and mariadb and any(map(_is_vague, columns))
    return made


def _is_vague(column: Column) -> bool:
    """May it be a UUID, INET4, INET6 or VECTOR? Their events say BINARY(16), BINARY(4) and VARBINARY."""
    if column.collation != _BINARY:
        return False
    return column.meta in (4, 16) if column.type == STRING else column.type == VARCHAR and column.meta % 4 == 0


def _name(body: bytes, at: int) -> tuple[str, int]:
    raw, at = lenenc_bytes(body, at)
    return raw.decode("utf-8", "replace"), at + 1  # a NUL follows


def _columns(types: bytes, meta: bytes, nullable: bytes) -> list[Column]:
    columns, at = [], 0
    for index, kind in enumerate(types):
        size = _META_SIZES.get(kind)
        if size is None:
            raise DecodeError(f"expected a known column type, got {kind} for column {index + 1}")
        raw = take(meta, at, size)
        at += size
        real, value = _real_type(kind, raw)
        columns.append(Column(real, value, bool(nullable[index >> 3] >> (index & 7) & 1)))
    return columns


def _real_type(kind: int, raw: bytes) -> tuple[int, int]:
    if kind == STRING:
        if raw[0] in (ENUM, SET):
            return raw[0], raw[1]
        return raw[0] | 0x30, raw[1] | ((raw[0] & 0x30) ^ 0x30) << 4
    if kind == BIT:
        return kind, raw[1] * 8 + raw[0]
    if kind == NEWDECIMAL:
        return kind, raw[0] << 8 | raw[1]
    return kind, int.from_bytes(raw, "little")


def _optional(made: TableMap, body: bytes, at: int, mariadb: bool, without_year: bool | None) -> None:
    """The TLVs in whatever order; unknown ones are skipped by their length."""
    fields: dict[int, bytes] = {}
    while at < len(body):
        kind = body[at]
        fields[kind], at = lenenc_bytes(body, at + 1)
    columns = made.columns
    if _SIGNEDNESS in fields:
        _signedness(columns, fields[_SIGNEDNESS], without_year)
    elif any(kind in fields for kind in (*_CHARSETS, _NAMES)):
        _signedness(columns, bytes((len(columns) + 7) // 8), False)
    texts = _MARIADB_CHARACTER if mariadb else _CHARACTER | {VECTOR}
    _collations([c for c in columns if c.type in texts], fields, _CHARSETS)
    _collations([c for c in columns if c.type in (ENUM, SET)], fields, _ENUM_CHARSETS)
    _members([c for c in columns if c.type == SET], fields.get(_SET_MEMBERS))
    _members([c for c in columns if c.type == ENUM], fields.get(_ENUM_MEMBERS))
    if _GEOMETRIES in fields:
        _geometry_kinds([c for c in columns if c.type == GEOMETRY], fields[_GEOMETRIES])
    if _NAMES in fields:
        names = list(_strings(fields[_NAMES]))
        if len(names) != len(columns):
            raise DecodeError(f"expected {len(columns)} column names, got {len(names)}")
        for column, name in zip(columns, names, strict=True):
            column.name = name.decode("utf-8", "replace")
        made.has_key = True
    _primary_key(made, fields)


def _signedness(columns: list[Column], bits: bytes, without_year: bool | None) -> None:
    every = [c for c in columns if c.type in _NUMERIC or c.type == YEAR]
    numeric = [c for c in every if c.type != YEAR]
    if (len(every) + 7) // 8 != len(bits):
        without_year = True  # the length tells
    if without_year is None and len(numeric) < len(every):
        _by_both(every, numeric, bits)
        return
    counted = numeric if without_year else every
    for index, column in enumerate(counted):
        if index >> 3 >= len(bits):
            raise DecodeError(f"expected {len(counted)} signedness bits, got {8 * len(bits)}")
        column.unsigned = _bit(bits, index)


def _by_both(every: list[Column], numeric: list[Column], bits: bytes) -> None:
    """Signs of a server that counts YEAR, or does not; where that makes a difference, only a schema can tell."""
    for index, column in enumerate(every):
        column.unsigned = _bit(bits, index)
    if not all(column.unsigned for column in every if column.type == YEAR):
        _signedness(every, bits, without_year=True)  # a YEAR that is counted is unsigned
    elif not any(_bit(bits, index) for index in range(len(numeric), len(every))):
        for index, column in enumerate(numeric):
            column.unsigned = None if column.unsigned != _bit(bits, index) else column.unsigned


def _bit(bits: bytes, index: int) -> bool:
    return bool(bits[index >> 3] & 0x80 >> (index & 7))


def _integers(raw: bytes) -> Iterator[int]:
    at = 0
    while at < len(raw):
        value, at = lenenc(raw, at)
        yield value


def _strings(raw: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(raw):
        value, at = lenenc_bytes(raw, at)
        yield value


def _collations(columns: list[Column], fields: dict[int, bytes], kinds: tuple[int, int]) -> None:
    default, each = (fields.get(kind) for kind in kinds)
    if default is not None:
        first, *pairs = _integers(default) if default else (0,)
        for column in columns:
            column.collation = first
        for index, collation in zip(pairs[::2], pairs[1::2], strict=False):
            _at(columns, index, "character column").collation = collation
    elif each is not None:
        for index, collation in enumerate(_integers(each)):
            _at(columns, index, "character column").collation = collation


Thing = TypeVar("Thing")


def _at(things: Sequence[Thing], index: int, what: str) -> Thing:
    if index >= len(things):
        raise DecodeError(f"expected one of {len(things)} {what}s, got index {index}")
    return things[index]


def _geometry_kinds(columns: list[Column], raw: bytes) -> None:
    for column, kind in zip(columns, _integers(raw), strict=False):
        column.declared = _GEOMETRY_KINDS[kind] if kind < len(_GEOMETRY_KINDS) else ""


def _members(columns: list[Column], raw: bytes | None) -> None:
    if raw is None:
        return
    at = 0
    for column in columns:
        count, at = lenenc(raw, at)
        members = []
        for _ in range(count):
            member, at = lenenc_bytes(raw, at)
            members.append(member)
        column.members = tuple(members)


def _primary_key(made: TableMap, fields: dict[int, bytes]) -> None:
    key: list[int] = []
    if _KEY in fields:
        key = list(_integers(fields[_KEY]))
    elif _PREFIX_KEY in fields:
        key = list(_integers(fields[_PREFIX_KEY]))[::2]
    for index in key:
        _at(made.columns, index, "column")
    made.primary_key = tuple(key)
