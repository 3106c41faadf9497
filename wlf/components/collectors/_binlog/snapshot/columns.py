"""Columns as information_schema has them: how each is selected, and its value made the one that the stream gives."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from wlf.binlog import tablemap, values
from wlf.binlog.charset import Undecodable, is_utf8, to_text
from wlf.binlog.codecs import JSON_NULL
from wlf.binlog.geometry import geometry_text
from wlf.binlog.items import SchemaColumn
from wlf.binlog.schema import complete
from wlf.binlog.tablemap import Column, TableMap
from wlf.errors import SetupError

_GEOMETRIES = (
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
)
_CODES = {
    "tinyint": tablemap.TINY,
    "smallint": tablemap.SHORT,
    "mediumint": tablemap.INT24,
    "int": tablemap.LONG,
    "bigint": tablemap.LONGLONG,
    "float": tablemap.FLOAT,
    "double": tablemap.DOUBLE,
    "decimal": tablemap.NEWDECIMAL,
    "bit": tablemap.BIT,
    "year": tablemap.YEAR,
    "date": tablemap.DATE,
    "time": tablemap.TIME2,
    "datetime": tablemap.DATETIME2,
    "timestamp": tablemap.TIMESTAMP2,
    "enum": tablemap.ENUM,
    "set": tablemap.SET,
    "char": tablemap.STRING,
    "binary": tablemap.STRING,
    "varchar": tablemap.VARCHAR,
    "varbinary": tablemap.VARCHAR,
    **dict.fromkeys(("tinytext", "text", "mediumtext", "longtext"), tablemap.BLOB),
    **dict.fromkeys(("tinyblob", "blob", "mediumblob", "longblob"), tablemap.BLOB),
    "json": tablemap.JSON,
    "vector": tablemap.VECTOR,
    **dict.fromkeys(_GEOMETRIES, tablemap.GEOMETRY),
    **dict.fromkeys(("uuid", "inet6", "inet4"), tablemap.STRING),
}
_BLOB_BYTES = {"tiny": 1, "medium": 3, "long": 4}
_INTEGERS = frozenset(("tinyint", "smallint", "mediumint", "int", "bigint", "year"))
_FLOATS = frozenset(("float", "double"))
_TEMPORAL = frozenset(("date", "time", "datetime", "timestamp", "uuid"))
_TEXTS = frozenset(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"))


class SourceColumn(NamedTuple):
    """One column of information_schema.COLUMNS."""

    name: str
    type: str
    """DATA_TYPE in lower case."""
    declared: str
    """COLUMN_TYPE."""
    charset: str | None
    length: int
    """CHARACTER_OCTET_LENGTH, or NUMERIC_PRECISION."""
    scale: int
    """NUMERIC_SCALE, or DATETIME_PRECISION."""
    nullable: bool
    collation: str | None = None

    @property
    def is_label(self) -> bool:
        """Is it an ENUM or a SET, which the server orders by number?"""
        return self.type in ("enum", "set")


class Reading(NamedTuple):
    """How a value is made of what the server sends.

    `expr` is Python source over `{x}`, the value's bytes, and `{c}`, `const`: it holds nothing from the table.
    `lenient` does the same for texts that `expr` cannot decode.
    """

    expr: str
    const: Any = None
    lenient: Callable[[bytes], Any] | None = None


def quoted(name: str) -> str:
    """An identifier for SQL."""
    return "`" + name.replace("`", "``") + "`"


def selected(column: SourceColumn) -> str:
    """What is put into the SELECT for the column."""
    name = quoted(column.name)
    if column.type in _FLOATS:
        # As it is, a FLOAT is shown with six digits, and both with as many as FLOAT(M,D) says.
        return f"{name} * 1e0"
    if column.type in ("inet6", "inet4"):
        return f"CAST({name} AS BINARY({16 if column.type == 'inet6' else 4}))"
    return name


def reading_of(column: SourceColumn, undecodable: Undecodable, *, mariadb: bool) -> Reading:
    """How its values are read.

    Raises:
        SetupError: a type that is not known.
    """
    kind = column.type
    if kind in _INTEGERS:
        return Reading("int({x})")
    if kind in _TEMPORAL:
        return Reading("{x}.decode()")
    if kind in _TEXTS:
        return _text_reading(column.charset or "binary", undecodable)
    if kind == "enum":
        return Reading("{c}[{x}]", values.Memo(to_text(_label_charset(column), undecodable)))
    if kind == "set":
        return Reading("{c}[{x}]", values.Memo(_members(to_text(_label_charset(column), undecodable))))
    if kind == "json" and not mariadb:
        return Reading("{c}({x})", json_value)
    if kind in ("binary", "varbinary") or kind.endswith("blob"):
        return Reading("{x}")
    if kind == "decimal" and column.scale > values.SCALE_IN_PLAIN:
        return Reading("{c}({x})", _plain_decimal)
    found = _SPECIAL.get(kind)
    if found is None:
        raise SetupError(f"expected a known type of column {column.name}, got {column.declared}")
    return found


def _text_reading(charset: str, undecodable: Undecodable) -> Reading:
    if charset == "binary":
        return Reading("{x}")
    text = to_text(charset, undecodable)
    return Reading("{x}.decode()", None, text) if is_utf8(charset) else Reading("{c}({x})", text)


def _label_charset(column: SourceColumn) -> str:
    return "latin1" if column.charset in (None, "binary") else str(column.charset)


def _members(text: Callable[[bytes], str]) -> Callable[[bytes], tuple[str, ...]]:
    return lambda raw: tuple(text(raw).split(",")) if raw else ()


def _float32(raw: bytes) -> float:
    return values.float32(float(raw))


def show_ip(raw: bytes) -> str:
    """An INET4 or INET6 address, as the stream's rows have it."""
    return str(ipaddress.ip_address(raw))


def _big_endian(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _decimal(raw: bytes) -> Decimal:
    return Decimal(raw.decode())


def _plain_decimal(raw: bytes) -> Decimal:
    return _plain(raw.decode())


def _plain(text: str) -> Decimal:
    value = Decimal(text)
    return values.PlainDecimal(text) if "E" in str(value) else value


_SPECIAL: dict[str, Reading] = {
    "float": Reading("{c}[{x}]", values.Memo(_float32)),
    "double": Reading("float({x})"),
    "decimal": Reading("{c}({x})", _decimal),
    "bit": Reading("{c}({x})", _big_endian),
    "vector": Reading("{c}({x})", values.vector),
    **dict.fromkeys(_GEOMETRIES, Reading("{c}({x})", geometry_text)),
    **dict.fromkeys(("inet6", "inet4"), Reading("{c}({x})", show_ip)),
}


def _number(text: str) -> float | Decimal:
    """A JSON number with a point: exact numbers may have digits that no double would be shown with."""
    value = float(text)
    shortest = repr(value)
    if "e" in text or text == shortest:
        return value
    # Python shows small doubles with an exponent, the server without.
    return value if "e-" in shortest and text == format(Decimal(shortest), "f") else _plain(text)


_json = json.JSONDecoder(parse_float=_number, strict=False)


def json_value(raw: bytes) -> Any:
    """MySQL's text of a JSON document to what its binary form reads as in the stream.

    The text does not tell an exact number from a double that is shown alike: 1.5 is taken for the double.
    """
    value = _json.decode(raw.decode("utf-8", "replace"))
    return JSON_NULL if value is None else value


def literal_of(column: SourceColumn, raw: bytes) -> str:
    """A value of a key column as SQL that compares with the column as the server orders it."""
    if column.type == "bit":
        return str(int.from_bytes(raw, "big"))
    if column.is_label or column.type in _INTEGERS or column.type in _FLOATS or column.type == "decimal":
        return raw.decode()
    if column.type in _TEMPORAL:
        return f"'{raw.decode()}'"
    if column.type in ("inet6", "inet4"):
        return f"'{show_ip(raw)}'"
    charset = column.charset if column.type in _TEXTS and column.charset else "binary"
    # Bytes as they are, in the column's character set: no conversion can keep the index from being used.
    return f"_{charset} x'{raw.hex()}'"


def table_map(database: str, table: str, columns: list[SourceColumn], key: tuple[int, ...]) -> TableMap:
    """The table as its TABLE_MAP event would tell it, so that its rows get the class that the stream's rows have."""
    made = [_column(column) for column in columns]
    types = bytes(column.type for column in made)
    found = TableMap(database, table, types, made, key, has_key=True)
    complete(found, [SchemaColumn(column.name, column.declared, column.charset) for column in columns])
    return found


def _column(column: SourceColumn) -> Column:
    code = _CODES.get(column.type)
    if code is None:
        raise SetupError(f"expected a known type of column {column.name}, got {column.declared}")
    return Column(code, _meta(column, code), column.nullable)


def _meta(column: SourceColumn, code: int) -> int:
    if code == tablemap.NEWDECIMAL:
        return column.length << 8 | column.scale
    if code in (tablemap.TIME2, tablemap.DATETIME2, tablemap.TIMESTAMP2):
        return column.scale
    if code == tablemap.BLOB:
        return next((size for name, size in _BLOB_BYTES.items() if column.type.startswith(name)), 2)
    if code in (tablemap.JSON, tablemap.GEOMETRY, tablemap.VECTOR):
        return 4
    return column.length
