"""Each column type in Debezium's words: its Kafka Connect schema and what a value is made into.

The settings are those that the MySQL connector has by itself: `decimal.handling.mode=precise`,
`time.precision.mode=adaptive_time_microseconds`, `bigint.unsigned.handling.mode=long`, `binary.handling.mode=bytes`.
https://debezium.io/documentation/reference/stable/connectors/mysql.html#mysql-data-types
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any, NamedTuple, TypeAlias

from wlf.events.formats.forms import Convert
from wlf.events.formats.lines import encode_one
from wlf.events.formats.spatial import point_of, srid_of, wkb
from wlf.events.formats.temporal import epoch_days, epoch_time, iso_timestamp, time_micros
from wlf.events.table import ColumnType

Schema: TypeAlias = dict[str, Any]

_EXACT = Context(prec=200).scaleb


class Column(NamedTuple):
    """How one column is written."""

    schema: Schema
    """A Kafka Connect schema in JsonConverter's form, without its field's name."""
    convert: Convert | None
    """None: the value stays as it is. Bytes become base64 when they are encoded."""


def column_of(kind: ColumnType) -> Column:
    """The form of a column of this type."""
    make = _MAKERS.get(kind.type)
    if make is None:
        return Column(_schema("string", kind), as_text)
    return make(kind)


def _schema(base: str, kind: ColumnType, name: str | None = None, **more: Any) -> Schema:
    schema: Schema = {"type": base, "optional": kind.nullable}
    if name is not None:
        schema |= {"name": name, "version": 1}
    return schema | more


def _plain(base: str, wide: str | None = None) -> Callable[[ColumnType], Column]:
    """A type that JSON has; `wide` is the schema of its unsigned variant."""
    return lambda kind: Column(_schema(wide if wide and kind.unsigned else base, kind), None)


def _decimal(kind: ColumnType) -> Column:
    if kind.scale is None:
        return Column(_schema("string", kind), as_text)
    parameters = {"scale": str(kind.scale)}
    if kind.length is not None:
        parameters["connect.decimal.precision"] = str(kind.length)
    schema = _schema("bytes", kind, "org.apache.kafka.connect.data.Decimal", parameters=parameters)
    return Column(schema, unscaled(kind.scale, kind.length or 65))


def unscaled(scale: int, digits: int = 65) -> Callable[[Decimal], bytes]:
    """A decimal times ten to the `scale`, as the shortest big-endian two's complement (Java's BigInteger)."""
    factor, scaleb = Decimal(10**scale), _EXACT

    def convert(value: Decimal) -> bytes:
        number = int(value * factor)
        if number >= 0:
            return number.to_bytes((number.bit_length() >> 3) + 1, "big")
        return _negative(number)

    def convert_long(value: Decimal) -> bytes:
        number = int(scaleb(value, scale))
        return number.to_bytes((number.bit_length() >> 3) + 1, "big") if number >= 0 else _negative(number)

    # The default context, which is faster, rounds from 28 digits on.
    return convert if digits + scale <= 28 else convert_long


def _negative(number: int) -> bytes:
    return number.to_bytes(((~number).bit_length() >> 3) + 1, "big", signed=True)


def _bit(kind: ColumnType) -> Column:
    bits = kind.length or 64
    if bits == 1:
        return Column(_schema("boolean", kind), bool)
    size = (bits + 7) // 8
    schema = _schema("bytes", kind, "io.debezium.data.Bits", parameters={"length": str(bits)})
    return Column(schema, lambda value: value.to_bytes(size, "little"))


def _labels(kind: ColumnType, name: str) -> Schema:
    return _schema("string", kind, name, parameters={"allowed": ",".join(kind.members)})


def _enum(kind: ColumnType) -> Column:
    return Column(_labels(kind, "io.debezium.data.Enum"), None)


def _set(kind: ColumnType) -> Column:
    return Column(_labels(kind, "io.debezium.data.EnumSet"), as_text)


def _date(kind: ColumnType) -> Column:
    return Column(_schema("int32", kind, "io.debezium.time.Date"), epoch_days(nullable=kind.nullable))


def _datetime(kind: ColumnType) -> Column:
    fsp = kind.scale or 0
    name = "io.debezium.time.Timestamp" if fsp <= 3 else "io.debezium.time.MicroTimestamp"
    return Column(_schema("int64", kind, name), epoch_time(fsp, nullable=kind.nullable))


def _timestamp(kind: ColumnType) -> Column:
    schema = _schema("string", kind, "io.debezium.time.ZonedTimestamp")
    return Column(schema, iso_timestamp(nullable=kind.nullable))


def _json_text(value: Any) -> str:
    return encode_one(value).decode()


def _wkb_and_srid(text: str) -> dict[str, Any]:
    return {"wkb": wkb(text), "srid": srid_of(text)}


_SRID = {"type": "int32", "optional": True, "field": "srid"}


def _geometry(kind: ColumnType) -> Column:
    fields = [{"type": "bytes", "optional": False, "field": "wkb"}, _SRID]
    schema = _schema("struct", kind, "io.debezium.data.geometry.Geometry", doc="Geometry")
    return Column({"type": "struct", "fields": fields, **schema}, _wkb_and_srid)


def _point(kind: ColumnType) -> Column:
    fields = [
        {"type": "double", "optional": False, "field": "x"},
        {"type": "double", "optional": False, "field": "y"},
        {"type": "bytes", "optional": True, "field": "wkb"},
        _SRID,
    ]
    schema = _schema("struct", kind, "io.debezium.data.geometry.Point", doc="Geometry (POINT)")

    def convert(text: str) -> dict[str, Any]:
        x, y = point_of(text)
        return {"x": x, "y": y, "wkb": wkb(text), "srid": srid_of(text)}

    return Column({"type": "struct", "fields": fields, **schema}, convert)


def _vector(kind: ColumnType) -> Column:
    items = {"type": "float", "optional": False}
    schema = _schema("array", kind, "io.debezium.data.FloatVector")
    return Column({"type": "array", "items": items, **schema}, None)


def as_text(value: Any) -> Any:
    """A value of a type that has no form of its own: SET as `a,b`, other structures as JSON; what JSON has stays."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if isinstance(value, str | int | float | bytes) else _json_text(value)


_INTEGER = {
    "tinyint": _plain("int16"),
    "smallint": _plain("int16", "int32"),
    "mediumint": _plain("int32"),
    "int": _plain("int32", "int64"),
    # An unsigned one over 2^63-1 is written in full: only a consumer that reads it as int64 wraps it, Debezium itself
    # wraps it before.
    "bigint": _plain("int64"),
}
_GEOMETRIES = (
    "geometry",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
)
_MAKERS: dict[str, Callable[[ColumnType], Column]] = {
    **_INTEGER,
    "float": _plain("float"),
    "double": _plain("double"),
    "decimal": _decimal,
    "bit": _bit,
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), _plain("string")),
    **dict.fromkeys(("uuid", "inet4", "inet6"), _plain("string")),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), _plain("bytes")),
    "enum": _enum,
    "set": _set,
    "json": lambda kind: Column(_schema("string", kind, "io.debezium.data.Json"), _json_text),
    "year": lambda kind: Column(_schema("int32", kind, "io.debezium.time.Year"), None),
    "date": _date,
    "datetime": _datetime,
    "timestamp": _timestamp,
    "time": lambda kind: Column(_schema("int64", kind, "io.debezium.time.MicroTime"), time_micros),
    **dict.fromkeys(_GEOMETRIES, _geometry),
    "point": _point,
    "vector": _vector,
}
