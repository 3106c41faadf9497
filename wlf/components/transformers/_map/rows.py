"""The rows of a Map: for each class of rows a class with the columns that are left, and a function that fills it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from wlf.events.expressions.codegen import compiled
from wlf.events.expressions.kinds import Type
from wlf.events.table import ColumnType, TableVersion, TableVersions

_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class RowChanges:
    """What happens to the columns of a row. `values`: names that are set, with what their values may be, in order."""

    removed: frozenset[str]
    renamed: Mapping[str, str]
    values: Mapping[str, Type]
    is_old: bool
    """Former values: a column that the row does not have is not set either."""

    def __bool__(self) -> bool:
        return bool(self.removed or self.renamed or self.values)


class RowMakers(dict[type, Callable[..., Any]]):
    """`makers[type(row)](row, *values)`: the changed row. What is no row stays as it is.

    Args:
        changes: of this row: `data` or `old`.
        columns: the changes that say which columns there are, those of `data`: both rows have the same.
        versions: where the changed tables are kept; shared by both rows.
    """

    def __init__(self, changes: RowChanges, columns: RowChanges, versions: TableVersions) -> None:
        super().__init__()
        self._changes = changes
        self._columns = columns
        self._versions = versions

    def __missing__(self, kind: type) -> Callable[..., Any]:
        if len(self) >= _REMEMBERED:
            self.clear()
        version: TableVersion | None = getattr(kind, "__table__", None)
        if version is not None:
            made = self._of_version(kind, version)
        else:
            made = self._of_mapping() if issubclass(kind, dict) else _as_it_is
        self[kind] = made
        return made

    def _of_version(self, kind: type, version: TableVersion) -> Callable[..., Any]:
        sources = _sources(version.columns, self._columns)
        names = tuple(sources)
        changed = changed_version(version, self._columns, sources, self._versions)
        unknown: tuple[int, ...] = getattr(kind, "__unknown__", ())
        scope: dict[str, Any] = {"U": UNSET, "make": changed.row}
        if unknown:
            scope["make"] = changed.old_row(tuple(i for i, name in enumerate(names) if sources[name] in unknown))
        numbers = {name: number for number, name in enumerate(self._changes.values)}
        parts = []
        for name in names:
            source, number = sources[name], numbers.get(name)
            if source is not None and version.columns[source] in self._changes.removed:
                parts.append("U")
            elif number is None:
                parts.append("U" if source is None else f"r.f{source}")
            elif not self._changes.is_old:
                parts.append(f"v{number}")
            else:
                parts.append("U" if source is None else f"U if r.f{source} is U else v{number}")
        arguments = "".join(f", v{number}" for number in range(len(numbers)))
        made: Callable[..., Any] = compiled([f"def f(r{arguments}):", f" return make({', '.join(parts)})"], scope)
        return made

    def _of_mapping(self) -> Callable[..., Any]:
        """Rows that are plain mappings, as tests and components of users may make them."""
        changes, columns = self._changes, self._columns
        removed = changes.removed | columns.removed

        def change(row: dict[str, Any], *values: Any) -> dict[str, Any]:
            made = {new: row[name] for name, new in _left(row, columns) if name not in removed}
            for name, value in zip(changes.values, values, strict=True):
                if not changes.is_old or name in made:
                    made[name] = value
            return made

        return change


def _as_it_is(row: Any, *values: Any) -> Any:
    return row


def _left(names: Iterable[str], changes: RowChanges) -> Iterator[tuple[str, str]]:
    """(column, its new name) of those that are left; a column that gets the name of another one takes its place."""
    left = [name for name in names if name not in changes.removed]
    taken = {changes.renamed[name] for name in left if name in changes.renamed}
    for name in left:
        if name in changes.renamed:
            yield name, changes.renamed[name]
        elif name not in taken:
            yield name, name


def _sources(names: Sequence[str], changes: RowChanges) -> dict[str, int | None]:
    """The columns that are left, each with the index of what it was; None for new ones."""
    indices = {name: index for index, name in enumerate(names)}
    found: dict[str, int | None] = {new: indices[name] for name, new in _left(names, changes)}
    for name in changes.values:
        found.setdefault(name, None)
    return found


def changed_version(
    version: TableVersion, changes: RowChanges, sources: Mapping[str, int | None], versions: TableVersions
) -> TableVersion:
    """The table with the columns that are left; types and key follow them."""
    new = {old: index for index, old in enumerate(sources.values()) if old is not None}
    types: list[ColumnType] = []
    for name, source in sources.items() if version.types else ():
        written = changes.values.get(name)
        if written is not None or source is None:
            types.append(_column_type(written))
        else:
            types.append(version.types[source])
    return versions.get(
        version.database,
        version.table,
        tuple(sources),
        [new[index] for index in version.primary_key if index in new],
        skip=[new[index] for index in version.skip if index in new],
        convert={
            new[index]: convert
            for index, convert in version.convert.items()
            if index in new and tuple(sources)[new[index]] not in changes.values
        },
        types=types,
        nulls=version.nulls,
    )


def _column_type(written: Type | None) -> ColumnType:
    """What is known of a column that an expression fills."""
    if written is not None and written.known == {"text"}:
        return ColumnType("varchar", charset="utf8mb4")
    return ColumnType("unknown")
