"""The type of a column in MySQL's words, from what the binlog's metadata and the schema told."""

from __future__ import annotations

from wlf.binlog import Column, tablemap
from wlf.binlog.charset import Undecodable, charset_of, to_text
from wlf.events.table import ColumnType

_NAMES = {
    tablemap.TINY: "tinyint",
    tablemap.SHORT: "smallint",
    tablemap.INT24: "mediumint",
    tablemap.LONG: "int",
    tablemap.LONGLONG: "bigint",
    tablemap.FLOAT: "float",
    tablemap.DOUBLE: "double",
    tablemap.NEWDECIMAL: "decimal",
    tablemap.BIT: "bit",
    tablemap.YEAR: "year",
    tablemap.DATE: "date",
    tablemap.NEWDATE: "date",
    tablemap.TIME: "time",
    tablemap.TIME2: "time",
    tablemap.DATETIME: "datetime",
    tablemap.DATETIME2: "datetime",
    tablemap.TIMESTAMP: "timestamp",
    tablemap.TIMESTAMP2: "timestamp",
    tablemap.ENUM: "enum",
    tablemap.SET: "set",
    tablemap.JSON: "json",
    tablemap.GEOMETRY: "geometry",
    tablemap.VECTOR: "vector",
    tablemap.NULL: "null",
}
_TEXTS = {
    tablemap.STRING: ("char", "binary"),
    tablemap.VARCHAR: ("varchar", "varbinary"),
    tablemap.VAR_STRING: ("varchar", "varbinary"),
    tablemap.VARCHAR_COMPRESSED: ("varchar", "varbinary"),
}
_BLOBS = {
    1: ("tinytext", "tinyblob"),
    2: ("text", "blob"),
    3: ("mediumtext", "mediumblob"),
    4: ("longtext", "longblob"),
}
_FRACTIONAL = frozenset((tablemap.TIME2, tablemap.DATETIME2, tablemap.TIMESTAMP2))


def column_type(column: Column) -> ColumnType:
    """The type of a column that is completely known."""
    charset = column.charset
    if charset is None and column.collation is not None:
        charset = charset_of(column.collation)
    is_binary = charset in (None, "binary")
    name = column.declared or _name(column, is_binary)
    length = scale = None
    if column.type == tablemap.NEWDECIMAL:
        length, scale = column.meta >> 8, column.meta & 0xFF
    elif column.type in _FRACTIONAL:
        scale = column.meta
    elif column.type == tablemap.BIT or column.type in _TEXTS:
        length = column.meta
    has_labels = column.type in (tablemap.ENUM, tablemap.SET)
    members = tuple(map(to_text(charset or "binary", Undecodable()), column.members or ())) if has_labels else ()
    is_text = has_labels or column.type in _TEXTS or column.type in (tablemap.BLOB, tablemap.BLOB_COMPRESSED)
    return ColumnType(
        name,
        column.nullable,
        bool(column.unsigned),
        length,
        scale,
        None if is_binary or not is_text else charset,
        members,
    )


def _name(column: Column, is_binary: bool) -> str:
    if column.type in _TEXTS:
        return _TEXTS[column.type][is_binary]
    if column.type in (tablemap.BLOB, tablemap.BLOB_COMPRESSED):
        return _BLOBS.get(column.meta, _BLOBS[4])[is_binary]
    return _NAMES.get(column.type, "unknown")
