"""Row changes as the decoder makes them: data in a row class of its table, one field a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET

from wlf.components.config import decode_hook
from wlf.events import RowChange, RowDelete, RowInsert, RowUpdate
from wlf.events.table import TableVersion


@cache
def version(database: str, table: str, columns: tuple[str, ...], primary_key: tuple[str, ...]) -> TableVersion:
    """The version of a table with these columns; those of the key that it lacks are left out."""
    return TableVersion(database, table, columns, [columns.index(name) for name in primary_key if name in columns])


def row(database: str, table: str, data: Mapping[str, Any], primary_key: Sequence[str] = ("id",)) -> Any:
    """One row; the table's columns are those of `data`."""
    return version(database, table, tuple(data), tuple(primary_key)).row(*data.values())


def insert(table: str = "t1", *, database: str = "d1", primary_key: Sequence[str] = ("id",), **data: Any) -> RowInsert:
    return RowInsert(
        database=database, table=table, type="insert", ts=1_700_000_000, data=row(database, table, data, primary_key)
    )


def update(
    table: str = "t1",
    *,
    old: Mapping[str, Any],
    database: str = "d1",
    primary_key: Sequence[str] = ("id",),
    **data: Any,
) -> RowUpdate:
    """`data` is the row after the update, `old` the former values of what changed."""
    return RowUpdate(
        database=database,
        table=table,
        type="update",
        ts=1_700_000_000,
        data=row(database, table, data, primary_key),
        old=row(database, table, {column: old.get(column, UNSET) for column in data}, primary_key),
    )


def delete(table: str = "t1", *, database: str = "d1", primary_key: Sequence[str] = ("id",), **data: Any) -> RowDelete:
    return RowDelete(
        database=database, table=table, type="delete", ts=1_700_000_000, data=row(database, table, data, primary_key)
    )


def inserts(count: int, *, tables: int = 1, database: str = "d1") -> list[RowChange]:
    """`count` inserts with ids from 0, in turn into t0, t1, ..."""
    return [insert(f"t{n % tables}", database=database, id=n, text=f"row {n}") for n in range(count)]


def configured(config_type: type[Any], **options: Any) -> Any:
    """A component's config made from options as the YAML has them."""
    return msgspec.convert({"id": "node", **options}, config_type, dec_hook=decode_hook)
