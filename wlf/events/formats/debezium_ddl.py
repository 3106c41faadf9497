"""DDL statements as the messages of Debezium's schema change topic."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from wlf.events.ddl import ColumnDefinition, SchemaChange, TableDefinition
from wlf.events.formats.debezium_source import ddl_source, quoted
from wlf.events.formats.jdbc import jdbc_type
from wlf.events.formats.lines import encode_one

_CHANGES = {"table-create": "CREATE", "table-alter": "ALTER", "table-rename": "ALTER", "table-drop": "DROP"}


def schema_change(event: SchemaChange, times: str) -> str:
    """The message of one statement; `times` are the fields `ts_ms` to `ts_ns` of now."""
    changes = encode_one(list(_changes(event))).decode()
    return (
        f'{{{ddl_source(event)},{times},"databaseName":{quoted(event.database)},"schemaName":null,'
        f'"ddl":{encode_one(event.sql).decode()},"tableChanges":{changes}}}'
    )


def _changes(event: SchemaChange) -> list[dict[str, Any]]:
    """The one table that it changes, where the schema behind it (of a dropped table: before it) is known."""
    kind = _CHANGES.get(event.type)
    table = event.old if kind == "DROP" else event.definition
    if kind is None or (table is UNSET and kind != "DROP"):
        return []
    if table is UNSET:
        name = "" if event.table is UNSET else event.table
        return [{"type": kind, "id": _id(event.database, name), "table": None}]
    assert isinstance(table, TableDefinition)
    return [{"type": kind, "id": _id(table.database, table.table), "table": _table(table)}]


def _id(database: str, table: str) -> str:
    return f'"{database}"."{table}"'


def _table(table: TableDefinition) -> dict[str, Any]:
    return {
        "defaultCharsetName": table.charset,
        "primaryKeyColumnNames": table.primary_key,
        "columns": [_column(column, number) for number, column in enumerate(table.columns, 1)],
        "comment": None,
    }


def _column(column: ColumnDefinition, number: int) -> dict[str, Any]:
    """What is not known (lengths, whether NULL is allowed, AUTO_INCREMENT) is null."""
    name = column.type.upper() + (" UNSIGNED" if column.signed is False else "")
    return {
        "name": column.name,
        "jdbcType": jdbc_type(column.type),
        "nativeType": None,
        "typeName": name,
        "typeExpression": name,
        "charsetName": None if column.charset is UNSET else column.charset,
        "length": None if column.column_length is UNSET else column.column_length,
        "scale": None,
        "position": number,
        "optional": None,
        "autoIncremented": None,
        "generated": None,
        "comment": None,
        "defaultValueExpression": None,
        "enumValues": None if column.enum_values is UNSET else column.enum_values,
    }
