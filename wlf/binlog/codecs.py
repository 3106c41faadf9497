"""How each column type lies in a row: one description that both the generic and the generated row functions follow."""

from __future__ import annotations

import ipaddress
import uuid
import zlib
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from wlf.binlog import values
from wlf.binlog.charset import BINARY, Undecodable, charset_of, is_utf8, to_text
from wlf.binlog.geometry import geometry_text
from wlf.binlog.json import decode_json
from wlf.binlog.tablemap import (
    BIT,
    BLOB,
    BLOB_COMPRESSED,
    DATE,
    DATETIME,
    DATETIME2,
    DOUBLE,
    ENUM,
    FLOAT,
    GEOMETRY,
    INT24,
    JSON,
    LONG,
    LONGLONG,
    NEWDATE,
    NEWDECIMAL,
    NULL,
    SET,
    SHORT,
    STRING,
    TIME,
    TIME2,
    TIMESTAMP,
    TIMESTAMP2,
    TINY,
    VAR_STRING,
    VARCHAR,
    VARCHAR_COMPRESSED,
    VECTOR,
    YEAR,
    Column,
)
from wlf.errors import DecodeError


class JsonNull(Enum):
    """What every encoder writes as null, and is not None."""

    NULL = None


JSON_NULL = JsonNull.NULL
"""A JSON column that holds the JSON literal null: told apart from SQL NULL, which is None."""

MAX_VALUE_BYTES = 1 << 30
"""No value of a row is larger: `max_allowed_packet` ends there."""


class Codec(NamedTuple):
    """One column's layout.

    `expr` is Python source over `{x}`, `{y}` (what the struct format `fmt` yields; for variable types `{x}` is the
    value's bytes), `{c}` (`const`), `{d}` (`more`), the names in `NAMES`, and `v`, `w` for numbers on the way. It holds
    no text that comes from the table.
    """

    fmt: str
    fields: int
    expr: str
    const: Any = None
    variable: bool = False
    more: Any = None

    @property
    def length(self) -> str:
        """Source of a variable value's length over the prefix's `{x}`, `{y}`."""
        return "{x} | {y} << 16" if self.fields == 2 else "{x}"


NAMES: dict[str, Any] = {"number": int.from_bytes}
"""What expressions may call."""

_INTEGERS = {TINY: "b", SHORT: "h", LONG: "i", LONGLONG: "q"}
_PREFIXES = {1: ("B", 1), 2: ("H", 1), 3: ("HB", 2), 4: ("I", 1)}


def codec_for(column: Column, undecodable: Undecodable) -> Codec:
    """The codec of a column that is completely known; raises DecodeError where its type cannot be decoded."""
    make = _MAKERS.get(column.type)
    if make is None:
        raise DecodeError(f"expected a known column type, got {column.type}")
    return make(column, undecodable)


def _integer(column: Column, _: Undecodable) -> Codec:
    fmt = _INTEGERS[column.type]
    return Codec(fmt.upper() if column.unsigned else fmt, 1, "{x}")


def _int24(column: Column, _: Undecodable) -> Codec:
    return Codec("HB" if column.unsigned else "Hb", 2, "{x} | {y} << 16")


def _plain(fmt: str, expr: str, const: Any = None) -> Callable[[Column, Undecodable], Codec]:
    codec = Codec(fmt, 1, expr, const)
    return lambda _column, _undecodable: codec


def _old(codec: Codec) -> Callable[[Column, Undecodable], Codec]:
    def whole(column: Column, _: Undecodable) -> Codec:
        if column.meta:
            raise DecodeError(values.OLD_FRACTIONS)
        return codec

    return whole


def _float(column: Column, _: Undecodable) -> Codec:
    return Codec("f", 1, "{c}[{x}]", values.Memo(values.float32))


def _fsp(column: Column) -> int:
    if column.meta > 6:
        raise DecodeError(f"expected 0 to 6 digits of a second's fraction, got {column.meta}")
    return column.meta


def _time(column: Column, _: Undecodable) -> Codec:
    fsp = _fsp(column)
    size, read = values.time2(fsp)
    # Whole seconds come again, fractions of them hardly ever.
    return Codec(f"{size}s", 1, "{c}({x})", read) if fsp > 2 else Codec(f"{size}s", 1, "{c}[{x}]", values.Memo(read))


def _stamp(size: int, texts: Callable[[], dict[bytes, str]]) -> Callable[[Column, Undecodable], Codec]:
    """DATETIME and TIMESTAMP: rows that were written at about one time share the second, but not its fraction."""

    def codec(column: Column, _: Undecodable) -> Codec:
        fsp = _fsp(column)
        if not fsp:
            return Codec(f"{size}s", 1, "{c}[{x}]", texts())
        layout, fraction = values.fraction_reader(fsp)
        found = "{d}({y})" if callable(fraction) else "{d}[{y}]"
        return Codec(f"{size}s{layout}", 2, "{c}[{x}] + " + found, texts(), more=fraction)

    return codec


def _decimal(column: Column, _: Undecodable) -> Codec:
    precision, scale = column.meta >> 8, column.meta & 255
    size, read = values.decimal_reader(precision, scale)
    # Small numbers come again; for the others a cache that misses costs more than it saves.
    if size <= 3:
        return Codec(f"{size}s", 1, "{c}[{x}]", values.Memo(read))
    short = values.short_decimal(precision, scale)
    if short is None:
        return Codec(f"{size}s", 1, "{c}({x})", read)
    mask = (1 << short.bits) - 1
    usual = f"{short.least} <= (v := number({{x}}, 'big') - {short.zero}) < {short.limit}"
    usual += f" and (w := v & {mask}) < {short.parts}"
    # Digits enough for this have the context that the decoder sets.
    value = f"{{d}} * ((v >> {short.bits}) * {short.parts} + w)"
    return Codec(f"{size}s", 1, f"({value} if {usual} else {{c}}({{x}}))", read, more=Decimal(1).scaleb(-scale))


def _bit(column: Column, _: Undecodable) -> Codec:
    size = (column.meta + 7) // 8
    if not 1 <= size <= 8:
        raise DecodeError(f"expected BIT(1) to BIT(64), got BIT({column.meta})")
    return Codec(f"{size}s", 1, "{c}({x}, 'big')", int.from_bytes)


def _labels(column: Column, undecodable: Undecodable) -> tuple[str, ...]:
    charset = column.charset or charset_of(column.collation if column.collation is not None else 45)
    if charset == "binary":
        charset = "latin1"
    text = to_text(charset, undecodable)
    return tuple(text(member) for member in column.members or ())


def _enum(column: Column, undecodable: Undecodable) -> Codec:
    if column.meta not in (1, 2):
        raise DecodeError(f"expected an ENUM of 1 or 2 bytes, got {column.meta}")
    # Index 0 is what an invalid value is stored as.
    return Codec("BH"[column.meta - 1], 1, "{c}[{x}]", ("", *_labels(column, undecodable)))


def _set(column: Column, undecodable: Undecodable) -> Codec:
    cache = values.Memo(values.set_reader(_labels(column, undecodable)))
    if column.meta == 3:
        return Codec("HB", 2, "{c}[{x} | {y} << 16]", cache)
    fmt = {1: "B", 2: "H", 4: "I", 8: "Q"}.get(column.meta)
    if fmt is None:
        raise DecodeError(f"expected a SET of 1, 2, 3, 4 or 8 bytes, got {column.meta}")
    return Codec(fmt, 1, "{c}[{x}]", cache)


def _text(column: Column, undecodable: Undecodable) -> tuple[str, Any] | None:
    """Expression and constant of a character column, None where it is binary."""
    charset = column.charset or charset_of(column.collation if column.collation is not None else BINARY)
    if charset == "binary":
        return None
    if is_utf8(charset):
        # Broken UTF-8 raises here; the row function then takes the slow way with `lenient`.
        return "{x}.decode()", to_text(charset, undecodable)
    return "{c}({x})", to_text(charset, undecodable)


def _varchar(column: Column, undecodable: Undecodable) -> Codec:
    if column.declared == "vector":
        return Codec("B" if column.meta < 256 else "H", 1, "{c}({x})", values.vector, variable=True)
    expr, const = _text(column, undecodable) or ("{x}", None)
    return Codec("B" if column.meta < 256 else "H", 1, expr, const, variable=True)


def _ip(raw: bytes) -> str:
    return str(ipaddress.ip_address(raw))


_MARIADB_TYPES: dict[str, tuple[int, Callable[[bytes], str]]] = {
    "uuid": (16, lambda raw: str(uuid.UUID(bytes=raw))),
    "inet6": (16, _ip),
    "inet4": (4, _ip),
}


def _string(column: Column, undecodable: Undecodable) -> Codec:
    prefix = "B" if column.meta < 256 else "H"
    text = _text(column, undecodable)
    if text is not None:
        return Codec(prefix, 1, *text, variable=True)
    pad = values.zero_padded(column.meta)
    if column.declared in _MARIADB_TYPES:
        _, show = _MARIADB_TYPES[column.declared]
        return Codec(prefix, 1, "{c}({x})", lambda raw: show(pad(raw)), variable=True)
    return Codec(prefix, 1, "{c}({x})", pad, variable=True)


def _prefix(column: Column) -> tuple[str, int]:
    prefix = _PREFIXES.get(column.meta)
    if prefix is None:
        raise DecodeError(f"expected a length of 1 to 4 bytes, got {column.meta}")
    return prefix


def _blob(column: Column, undecodable: Undecodable) -> Codec:
    expr, const = _text(column, undecodable) or ("{x}", None)
    return Codec(*_prefix(column), expr, const, variable=True)


def _json_value(raw: bytes) -> Any:
    value = decode_json(raw)
    return JSON_NULL if value is None else value


def _long(read: Callable[[bytes], Any]) -> Callable[[Column, Undecodable], Codec]:
    return lambda column, _: Codec(*_prefix(column), "{c}({x})", read, variable=True)


def inflate(raw: bytes) -> bytes:
    """A value of a MariaDB COMPRESSED column; raises DecodeError."""
    if not raw:
        return b""
    if raw[0] >> 4 == 0:
        return raw[1:]
    size_bytes = raw[0] & 7
    size = int.from_bytes(raw[1 : 1 + size_bytes], "big")
    if raw[0] >> 4 != 8 or size > MAX_VALUE_BYTES:
        raise DecodeError(f"expected a zlib-compressed value, got byte {raw[0]:#04x}")
    stream = zlib.decompressobj(-15 if raw[0] & 8 else 15)
    try:
        plain = stream.decompress(raw[1 + size_bytes :], size + 1)
    except zlib.error as error:
        raise DecodeError(f"expected a zlib-compressed value: {error}") from error
    if len(plain) != size:
        raise DecodeError(f"expected a value of {size} bytes, got {len(plain)}")
    return plain


def _compressed(column: Column, undecodable: Undecodable) -> Codec:
    text = _text(column, undecodable)
    show: Callable[[bytes], Any] = (lambda raw: inflate(raw)) if text is None else _chain(text[1])
    prefix = _prefix(column) if column.type == BLOB_COMPRESSED else ("B" if column.meta < 256 else "H", 1)
    return Codec(*prefix, "{c}({x})", show, variable=True)


def _chain(text: Callable[[bytes], str]) -> Callable[[bytes], str]:
    return lambda raw: text(inflate(raw))


_MAKERS: dict[int, Callable[[Column, Undecodable], Codec]] = {
    **dict.fromkeys((TINY, SHORT, LONG, LONGLONG), _integer),
    INT24: _int24,
    FLOAT: _float,
    DOUBLE: _plain("d", "{x}"),
    YEAR: _plain("B", "{c}({x})", values.year),
    DATE: _plain("3s", "{c}[{x}]", values.DATES),
    NEWDATE: _plain("3s", "{c}[{x}]", values.DATES),
    TIMESTAMP: _old(Codec("I", 1, "{c}({x})", values.old_timestamp)),
    TIME: _old(Codec("Hb", 2, "{c}({x} | {y} << 16)", values.old_time)),
    DATETIME: _old(Codec("Q", 1, "{c}({x})", values.old_datetime)),
    TIMESTAMP2: _stamp(4, values.TimestampTexts),
    DATETIME2: _stamp(5, values.DatetimeTexts),
    TIME2: _time,
    NEWDECIMAL: _decimal,
    BIT: _bit,
    ENUM: _enum,
    SET: _set,
    VARCHAR: _varchar,
    VAR_STRING: _varchar,
    STRING: _string,
    BLOB: _blob,
    VARCHAR_COMPRESSED: _compressed,
    BLOB_COMPRESSED: _compressed,
    GEOMETRY: _long(geometry_text),
    JSON: _long(_json_value),
    VECTOR: _long(values.vector),
    NULL: _plain("0s", "None"),
}
