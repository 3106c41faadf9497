"""Ask the server for the columns of a table whose binlog events do not name them.

What it says is true now, not when the event was written: between the two an ALTER may have come. A changed number of
columns is refused; a rename in between cannot be seen. Only full metadata in the binlog is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wlf.binlog.items import NeedSchema, SchemaColumn
from wlf.errors import SetupError

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection

FULL_METADATA = "SET GLOBAL binlog_row_metadata = FULL (and flush the binary log), so that events name their columns"

_COLUMNS = (
    "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME FROM information_schema.COLUMNS "
    "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION"
)
_KEY = (
    "SELECT TABLE_NAME, COLUMN_NAME, SEQ_IN_INDEX FROM information_schema.STATISTICS "
    "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND INDEX_NAME = 'PRIMARY'"
)


def columns_of(need: NeedSchema, side: SideConnection) -> list[SchemaColumn]:
    """The columns of the table, in order. Blocks: call it in a thread.

    Raises:
        SetupError: the table is gone, may not be seen, or was altered since the event.
        Retryable: the server is not there.
    """
    place, table = f"{need.file}:{need.position}", f"{need.database}.{need.table}"
    found = _ask(need.database, need.table, side)
    if not found:
        raise SetupError(
            f"{place}: the columns of {table} are unknown: the table is gone, or the account may not see it",
            hint=f"GRANT SELECT ON the table, or {FULL_METADATA}; or name it in `tables.exclude`",
        )
    if len(found) != need.n_columns:
        raise SetupError(
            f"{place}: {table} was altered since this event: expected {need.n_columns} columns, the server has "
            f"{len(found)}",
            hint=FULL_METADATA,
        )
    return found


def _ask(database: str, table: str, side: SideConnection) -> list[SchemaColumn]:
    columns = _exactly(table, side.query(_COLUMNS, (database, table)))
    keys = _exactly(table, side.query(_KEY, (database, table)))
    order = {str(name): int(place) for _, name, place in keys}
    return [
        SchemaColumn(str(name), _text(column_type), None if charset is None else str(charset), order.get(name, 0))
        for _, name, column_type, charset in columns
    ]


def _exactly(table: str, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of the table spelled like this, where the server also found `Orders` for `orders`."""
    return [row for row in rows if row[0] == table] or rows


def _text(value: str | bytes) -> str:
    """MySQL 8 and later give COLUMN_TYPE as a blob."""
    return value.decode() if isinstance(value, bytes) else str(value)
