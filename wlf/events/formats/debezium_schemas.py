"""The Kafka Connect schemas that stand beside Debezium's keys and values, as JsonConverter writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wlf.events.formats.debezium_columns import Column, Schema
from wlf.events.formats.debezium_source import NAME
from wlf.events.formats.lines import encode_one
from wlf.events.table import TableVersion

_SNAPSHOTS = "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"


def _field(kind: str, name: str, *, optional: bool = False) -> Schema:
    return {"type": kind, "optional": optional, "field": name}


def _struct(fields: Sequence[Schema], name: str, version: int | None = None, *, optional: bool = False) -> Schema:
    schema: Schema = {"type": "struct", "fields": fields, "optional": optional, "name": name}
    return schema if version is None else schema | {"version": version}


def _array(items: Schema, name: str, *, optional: bool = False) -> Schema:
    return {"type": "array", "items": items, "optional": optional, "field": name}


_TEXT: Schema = {"type": "string", "optional": False}
_TIMES = [_field("int64", name, optional=True) for name in ("ts_ms", "ts_us", "ts_ns")]
_SNAPSHOT = {
    "type": "string",
    "optional": True,
    "name": "io.debezium.data.Enum",
    "version": 1,
    "parameters": {"allowed": _SNAPSHOTS},
    "default": "false",
    "field": "snapshot",
}
_SOURCE = {
    **_struct(
        [
            _field("string", "version"),
            _field("string", "connector"),
            _field("string", "name"),
            _field("int64", "ts_ms"),
            _SNAPSHOT,
            _field("string", "db"),
            _field("string", "sequence", optional=True),
            _field("int64", "ts_us", optional=True),
            _field("int64", "ts_ns", optional=True),
            _field("string", "table", optional=True),
            _field("int64", "server_id"),
            _field("string", "gtid", optional=True),
            _field("string", "file"),
            _field("int64", "pos"),
            _field("int32", "row"),
            _field("int64", "thread", optional=True),
            _field("string", "query", optional=True),
        ],
        "io.debezium.connector.mysql.Source",
        1,
    ),
    "field": "source",
}
_TRANSACTION = {
    **_struct(
        [_field("string", "id"), _field("int64", "total_order"), _field("int64", "data_collection_order")],
        "event.block",
        1,
        optional=True,
    ),
    "field": "transaction",
}
_COLUMN = _struct(
    [
        _field("string", "name"),
        _field("int32", "jdbcType"),
        _field("int32", "nativeType", optional=True),
        _field("string", "typeName"),
        _field("string", "typeExpression", optional=True),
        _field("string", "charsetName", optional=True),
        _field("int32", "length", optional=True),
        _field("int32", "scale", optional=True),
        _field("int32", "position"),
        _field("boolean", "optional", optional=True),
        _field("boolean", "autoIncremented", optional=True),
        _field("boolean", "generated", optional=True),
        _field("string", "comment", optional=True),
        _field("string", "defaultValueExpression", optional=True),
        _array(_TEXT, "enumValues", optional=True),
    ],
    "io.debezium.connector.schema.Column",
    1,
)
_TABLE = {
    **_struct(
        [
            _field("string", "defaultCharsetName", optional=True),
            _array(_TEXT, "primaryKeyColumnNames", optional=True),
            _array(_COLUMN, "columns"),
            _field("string", "comment", optional=True),
        ],
        "io.debezium.connector.schema.Table",
        1,
        optional=True,
    ),
    "field": "table",
}
_CHANGE = _struct([_field("string", "type"), _field("string", "id"), _TABLE], "io.debezium.connector.schema.Change", 1)


def with_schema(schema: Any) -> str:
    """What stands before a payload that has this schema; behind it comes `}`."""
    return f'{{"schema":{encode_one(schema).decode()},"payload":'


def _fields(version: TableVersion, columns: Sequence[Column], indices: Iterable[int]) -> list[Schema]:
    return [{**columns[index].schema, "field": version.columns[index]} for index in indices]


def value_head(version: TableVersion, columns: Sequence[Column]) -> str:
    """What stands before a change of a row of this table."""
    full = f"{NAME}.{version.database}.{version.table}"
    shown = (index for index in range(len(version.columns)) if index not in version.skip)
    row = _struct(_fields(version, columns, shown), f"{full}.Value", optional=True)
    images: list[Schema] = [{**row, "field": name} for name in ("before", "after")]
    fields = [*images, _SOURCE, _TRANSACTION, _field("string", "op"), *_TIMES]
    return with_schema(_struct(fields, f"{full}.Envelope", 2))


def key_head(version: TableVersion, columns: Sequence[Column]) -> str:
    """What stands before the key of a row of this table."""
    fields = _fields(version, columns, version.primary_key)
    return with_schema(_struct(fields, f"{NAME}.{version.database}.{version.table}.Key"))


DDL_HEAD = with_schema(
    _struct(
        [
            _SOURCE,
            _field("int64", "ts_ms"),
            *_TIMES[1:],
            _field("string", "databaseName", optional=True),
            _field("string", "schemaName", optional=True),
            _field("string", "ddl", optional=True),
            _array(_CHANGE, "tableChanges"),
        ],
        "io.debezium.connector.mysql.SchemaChangeValue",
        1,
    )
)
DDL_KEY_HEAD = with_schema(
    _struct([_field("string", "databaseName")], "io.debezium.connector.mysql.SchemaChangeKey", 1)
)
