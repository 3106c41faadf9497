"""Rows with other values in some columns, and the events that hold them: all else of an event stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from msgspec import UNSET
from msgspec.structs import astuple, replace

from wlf.events.rows import RowChange, put_place
from wlf.events.table import ColumnType, OddRow, TableVersion

Change: TypeAlias = Callable[[Any], Any]
"""From a column's value, never NULL or absent, to what stands in its place."""

_REMEMBERED = 256


class Column(NamedTuple):
    """What becomes of the values of one column: of which type they are then, in MySQL's words."""

    change: Change
    type: ColumnType


class _Plan(NamedTuple):
    """What becomes of the rows of one class."""

    make: Callable[..., Any]
    changes: tuple[tuple[int, Change], ...]
    """By index of the column."""


class RetypedRows:
    """Changes columns by name in the rows of any table; a table without such a column is left alone.

    For each table version there is another, made once, in which the columns have their new types: what formats and
    schemas say of them is then true of the values. `data` and `old` of an event are rows of the same new version.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns
        self._plans: dict[type, _Plan | None] = {}
        self._versions: dict[TableVersion, TableVersion] = {}

    def row(self, row: Any) -> Any:
        """The row with its values changed; the very same where it has none of the columns."""
        kind = type(row)
        plan = self._plans[kind] if kind in self._plans else self._plan_of(kind)
        if plan is None:
            return self._mapping(row) if kind is dict else row
        values = [row.get(name, UNSET) for name in kind.__columns__] if isinstance(row, OddRow) else [*astuple(row)]
        for index, change in plan.changes:
            value = values[index]
            if value is not None and value is not UNSET:
                values[index] = change(value)
        return plan.make(*values)

    def event(self, event: Any, **more: Any) -> Any:
        """The event with its rows changed; the very same where nothing of it is. `more` are other fields to change."""
        data = self.row(event.data)
        if data is not event.data:
            more["data"] = data
        old = getattr(event, "old", UNSET)
        if old is not UNSET:
            more["old"] = self.row(old)
        if data is event.data and (old is UNSET or more["old"] is old):
            return event
        return changed(event, **more)

    def concerns(self, version: TableVersion) -> bool:
        """Has the table one of the columns?"""
        return any(name in self._columns for name in version.columns)

    def _plan_of(self, kind: Any) -> _Plan | None:
        version: TableVersion | None = getattr(kind, "__table__", None)
        found = None
        if version is not None and self.concerns(version):
            unknown: tuple[int, ...] = getattr(kind, "__unknown__", ())
            new = self._version_of(version)
            pairs = enumerate(version.columns)
            found = _Plan(
                new.old_row(unknown) if unknown else new.row,
                tuple((index, self._columns[name].change) for index, name in pairs if name in self._columns),
            )
        if len(self._plans) >= _REMEMBERED:
            self._plans.clear()
            self._versions.clear()
        self._plans[kind] = found
        return found

    def _version_of(self, version: TableVersion) -> TableVersion:
        found = self._versions.get(version)
        if found is None:
            found = self._versions[version] = TableVersion(
                version.database,
                version.table,
                version.columns,
                version.primary_key,
                skip=version.skip,
                types=self._types(version),
                nulls=version.nulls,
            )
        return found

    def _types(self, version: TableVersion) -> list[ColumnType]:
        """Columns that went through a function before hold text already."""
        text = ColumnType("varchar", charset="utf8mb4")
        types = []
        for index, (name, known) in enumerate(zip(version.columns, version.types, strict=False)):
            own = self._columns[name].type if name in self._columns else text if index in version.convert else None
            types.append(known if own is None else own._replace(nullable=known.nullable))
        return types

    def _mapping(self, row: dict[str, Any]) -> dict[str, Any]:
        """Rows that are plain mappings, as tests and components of users may make them."""
        if not any(row.get(name) is not None for name in self._columns):
            return row
        return {
            name: self._columns[name].change(value) if name in self._columns and value is not None else value
            for name, value in row.items()
        }


def changed(event: Any, **fields: Any) -> Any:
    """The event with other values in some of its fields; a row change keeps its place."""
    made = replace(event, **fields)
    if isinstance(event, RowChange) and hasattr(event, "place"):
        put_place((made,), event.place)
    return made
