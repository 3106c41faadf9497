"""Each column type in Canal's words: the number of java.sql.Types, MySQL's type, and the text a value is made into."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from wlf.events.formats import jdbc
from wlf.events.formats.forms import Convert
from wlf.events.formats.lines import encode_one
from wlf.events.formats.spatial import mysql_bytes
from wlf.events.table import ColumnType


class Column(NamedTuple):
    """How one column is written."""

    sql_type: int
    mysql_type: str
    convert: Convert | None
    """To a text; None: it is one already."""


_CHARACTER_BYTES = {
    **dict.fromkeys(("utf8mb4", "utf16", "utf16le", "utf32", "gb18030"), 4),
    **dict.fromkeys(("utf8", "utf8mb3", "ujis", "eucjpms"), 3),
    **dict.fromkeys(("ucs2", "sjis", "cp932", "euckr", "gbk", "gb2312", "big5"), 2),
}
"""The longest character of each set: lengths are declared in characters and logged in bytes."""


def column_of(kind: ColumnType) -> Column:
    """The form of a column of this type."""
    sql_type, convert = _FORMS.get(kind.type, (jdbc.VARCHAR, as_text))
    return Column(sql_type, mysql_type(kind), convert)


def mysql_type(kind: ColumnType) -> str:
    """The type as SHOW CREATE TABLE has it, as far as it is known: `varchar(20)`, `int unsigned`, `enum('a','b')`."""
    if kind.declared is not None:
        return kind.declared
    text = kind.type
    if kind.members:
        quoted = ("'" + label.replace("'", "''") + "'" for label in kind.members)
        text += f"({','.join(quoted)})"
    elif kind.length is not None and kind.scale is not None:
        text += f"({kind.length},{kind.scale})"
    elif kind.length is not None:
        text += f"({kind.length // _CHARACTER_BYTES.get(kind.charset or '', 1)})"
    elif kind.scale:
        text += f"({kind.scale})"
    return f"{text} unsigned" if kind.unsigned and kind.type != "year" else text


def java_number(value: float) -> str:
    """A float as Java's Double.toString writes it: plain from 0.001 to 10 million, else `1.0E10`."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int), "a column holds no NaN and no infinity"
    text = "".join(map(str, digits))
    power = exponent + len(text) - 1
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def as_text(value: Any) -> str:
    """A value of any type."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, float):
        return java_number(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value) if isinstance(value, int) else _json(value)


def _json(value: Any) -> str:
    """A document as MySQL shows it, with blanks behind commas and colons."""
    return msgspec.json.format(encode_one(value), indent=0).decode()


def _bytes(raw: bytes) -> str:
    return raw.decode("latin-1")


def _geometry(text: str) -> str:
    return _bytes(mysql_bytes(text))


def _plain(value: Decimal) -> str:
    text = str(value)
    return f"{value:f}" if "E" in text else text


def _year(value: int) -> str:
    return f"{value:04}"


_FORMS: dict[str, tuple[int, Callable[[Any], str] | None]] = {
    "tinyint": (jdbc.TINYINT, str),
    "smallint": (jdbc.SMALLINT, str),
    "mediumint": (jdbc.INTEGER, str),
    "int": (jdbc.INTEGER, str),
    "bigint": (jdbc.BIGINT, str),
    "float": (jdbc.REAL, java_number),
    "double": (jdbc.DOUBLE, java_number),
    "decimal": (jdbc.DECIMAL, _plain),
    "bit": (jdbc.BIT, str),
    "year": (jdbc.VARCHAR, _year),
    "date": (jdbc.DATE, None),
    "time": (jdbc.TIME, None),
    "datetime": (jdbc.TIMESTAMP, None),
    "timestamp": (jdbc.TIMESTAMP, None),
    "char": (jdbc.CHAR, None),
    "varchar": (jdbc.VARCHAR, None),
    **dict.fromkeys(("tinytext", "text", "mediumtext", "longtext"), (jdbc.CLOB, None)),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), (jdbc.BLOB, _bytes)),
    "enum": (jdbc.VARCHAR, None),
    "set": (jdbc.VARCHAR, ",".join),
    "json": (jdbc.VARCHAR, _json),
    **dict.fromkeys(("geometry", "point", "linestring", "polygon", "multipoint"), (jdbc.BLOB, _geometry)),
    **dict.fromkeys(("multilinestring", "multipolygon"), (jdbc.BLOB, _geometry)),
    **dict.fromkeys(("geometrycollection", "geomcollection"), (jdbc.BLOB, _geometry)),
    **dict.fromkeys(("uuid", "inet4", "inet6"), (jdbc.VARCHAR, None)),
    "vector": (jdbc.VARCHAR, _json),
}
