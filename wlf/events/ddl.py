"""A change of a schema, emitted only where the collector is told to (`ddl: true`)."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from wlf.events.base import Event


class ColumnDefinition(
    msgspec.Struct, frozen=True, rename={"column_length": "column-length", "enum_values": "enum-values"}
):
    """One column of a table, in the form that Maxwell's DDL events have.

    Args:
        type: the data type without length and attributes, aliases resolved: `int`, `varchar`, `datetime` ...
        signed: of numbers, whether they may be negative.
        charset: of texts.
        column_length: of times, the digits of a second's fraction (only where there are any).
        enum_values: the labels of ENUM and SET.
    """

    type: str
    name: str
    signed: bool | UnsetType = UNSET
    charset: str | UnsetType = UNSET
    column_length: int | UnsetType = UNSET
    enum_values: tuple[str, ...] | UnsetType = UNSET


class TableDefinition(msgspec.Struct, frozen=True, rename={"primary_key": "primary-key"}):
    """A table as one statement left it."""

    database: str
    charset: str | None
    """The default for its columns; None where it is not known."""
    table: str
    columns: tuple[ColumnDefinition, ...]
    primary_key: tuple[str, ...]


class SchemaChange(Event, frozen=True, gc=False, rename={"definition": "def"}):
    """One DDL statement.

    Args:
        type: `table-create`, `table-alter`, `table-drop`, `table-rename`, `table-truncate`, `database-create`,
            `database-alter`, `database-drop`, or `ddl` where the statement's kind is not known.
        ts: the event header's timestamp, Unix seconds.
        sql: the statement as logged.
        old: the table before it, where that is known and there was one.
        definition: the table after it, where that is known and there is one.
    """

    database: str
    type: str
    ts: int
    sql: str
    table: str | UnsetType = UNSET
    position: str | UnsetType = UNSET
    gtid: str | UnsetType = UNSET
    server_id: int | UnsetType = UNSET
    old: TableDefinition | UnsetType = UNSET
    definition: TableDefinition | UnsetType = UNSET
