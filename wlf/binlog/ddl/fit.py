"""Whether columns can be those of the rows that a TABLE_MAP describes: their number, types, lengths and signs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wlf.binlog import tablemap
from wlf.binlog.charset import charset_of
from wlf.binlog.ddl.charsets import bytes_per_character, charset_named
from wlf.binlog.ddl.types import ColumnModel
from wlf.binlog.tablemap import Column
from wlf.errors import DecodeError

_TYPES: dict[str, tuple[int, ...]] = {
    "tinyint": (tablemap.TINY,),
    "smallint": (tablemap.SHORT,),
    "mediumint": (tablemap.INT24,),
    "int": (tablemap.LONG,),
    "bigint": (tablemap.LONGLONG,),
    "float": (tablemap.FLOAT,),
    "double": (tablemap.DOUBLE,),
    "decimal": (tablemap.NEWDECIMAL,),
    "bit": (tablemap.BIT,),
    "year": (tablemap.YEAR,),
    "date": (tablemap.DATE, tablemap.NEWDATE),
    "time": (tablemap.TIME2, tablemap.TIME),
    "datetime": (tablemap.DATETIME2, tablemap.DATETIME),
    "timestamp": (tablemap.TIMESTAMP2, tablemap.TIMESTAMP),
    "enum": (tablemap.ENUM,),
    "set": (tablemap.SET,),
    "json": (tablemap.JSON,),
    **dict.fromkeys(("char", "binary", "uuid", "inet4", "inet6"), (tablemap.STRING,)),
    **dict.fromkeys(("varchar", "varbinary"), (tablemap.VARCHAR, tablemap.VAR_STRING, tablemap.VARCHAR_COMPRESSED)),
    **dict.fromkeys(
        (f"{size}{family}" for size in ("tiny", "", "medium", "long") for family in ("text", "blob")),
        (tablemap.BLOB, tablemap.BLOB_COMPRESSED),
    ),
    **dict.fromkeys(
        ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
        (tablemap.GEOMETRY,),
    ),
    "geometrycollection": (tablemap.GEOMETRY,),
}
_FRACTIONAL = (tablemap.TIME2, tablemap.DATETIME2, tablemap.TIMESTAMP2)
HASH = "DB_ROW_HASH_"
"""What MariaDB calls its hidden columns, with a number behind it."""

_LENGTH_BYTES = {"tiny": 1, "medium": 3, "long": 4}
_FIXED = {"uuid": 16, "inet6": 16, "inet4": 4}


class Misfit(NamedTuple):
    """The first thing that does not fit. `gross`: number or types differ, so that rows could not be read with it."""

    text: str
    gross: bool


def with_hashes(columns: Sequence[ColumnModel], logged: Sequence[Column]) -> tuple[ColumnModel, ...]:
    """The columns, and the hidden ones in which MariaDB keeps the hashes of unique keys on long texts.

    They lie behind all others, one for each such key; only the rows tell how many there are.
    """
    extra = logged[len(columns) :]
    if not columns or any(row.type != tablemap.LONGLONG for row in extra):
        return tuple(columns)
    hashes = (ColumnModel(f"{HASH}{number}", "bigint", unsigned=True) for number in range(1, len(extra) + 1))
    return (*columns, *hashes)


def misfit(columns: Sequence[ColumnModel], logged: Sequence[Column]) -> Misfit | None:
    """What of `columns` cannot belong to rows as `logged`; None where all may."""
    if len(columns) != len(logged):
        return Misfit(f"expected {len(logged)} columns, got {len(columns)}", gross=True)
    fine: Misfit | None = None
    for index, (column, row) in enumerate(zip(columns, logged, strict=True), 1):
        where = f"column {index} ({column.name})"
        accepted = _TYPES.get(column.type)
        if accepted is not None and row.type not in accepted:
            return Misfit(f"{where}: expected binlog type {row.type}, got {column.type}", gross=True)
        if fine is None and (text := _finer(column, row)) is not None:
            fine = Misfit(f"{where}: {text}", gross=False)
    return fine


def _finer(column: ColumnModel, row: Column) -> str | None:
    expected = _meta(column, row)
    if expected is not None and expected != row.meta:
        return f"expected metadata {row.meta}, got {expected} ({column.type})"
    if row.unsigned is not None and row.type in tablemap.INTEGERS and row.unsigned != column.unsigned:
        return f"expected {'an unsigned' if row.unsigned else 'a signed'} number"
    if row.name is not None and row.name.lower() != column.name.lower():
        return f"expected the name {row.name}"
    if row.collation is not None and column.charset is not None:
        try:
            charset = charset_named(charset_of(row.collation))
        except DecodeError:
            return None
        if charset != column.charset:
            return f"expected the character set {charset}, got {column.charset}"
    return None


def _meta(column: ColumnModel, row: Column) -> int | None:
    """The metadata that the column's rows would have; None where it cannot be told."""
    kind, arguments = column.type, column.arguments
    first = arguments[0] if arguments else 0
    if row.type in _FRACTIONAL or row.type == tablemap.BIT:
        return first
    if row.type == tablemap.NEWDECIMAL and len(arguments) == 2:
        return first << 8 | arguments[1]
    if row.type == tablemap.ENUM:
        return 1 if len(column.members) < 256 else 2
    if row.type == tablemap.SET:
        size = (len(column.members) + 7) // 8
        return 8 if size > 4 else size
    if row.type == tablemap.BLOB:
        return next((size for name, size in _LENGTH_BYTES.items() if kind.startswith(name)), 2)
    if row.type in (tablemap.STRING, tablemap.VARCHAR):
        if kind in ("binary", "varbinary"):
            return first
        if kind in _FIXED:
            return _FIXED[kind]
        return first * bytes_per_character(column.charset) if column.charset is not None else None
    return None
