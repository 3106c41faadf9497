"""One row class for each version of a table: a generated struct whose fields carry the columns' names."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

# msgspec cannot write these inside a field's name.
_REFUSED = re.compile(r'["\\\x00-\x1f]')
_BASE_BYTES, _COLUMN_BYTES = 1_500, 400
_MAX_OLD_ROWS = 32


class ColumnType(NamedTuple):
    """What is known of a column beside its name: as much as the binlog's metadata and the schema told."""

    type: str
    """The data type's name in MySQL's words: `int`, `bigint`, `varchar`, `blob`, `datetime`, `json`, `uuid` ..."""
    nullable: bool = True
    unsigned: bool = False
    length: int | None = None
    """Bytes at most (char, varchar, binary, varbinary), bits (bit), digits in all (decimal)."""
    scale: int | None = None
    """Digits behind the point (decimal), or of a second's fraction (time, datetime, timestamp)."""
    charset: str | None = None
    """Character set by name; None where the column holds no text."""
    members: tuple[str, ...] = ()
    """The labels of enum and set, in order."""
    declared: str | None = None
    """The whole type as the schema has it, `int(10) unsigned`; None where only the binlog told."""


class TableVersion:
    """A table as it was when its rows were logged, with the class of these rows.

    Args:
        columns: all of the table's columns in order.
        primary_key: indices of the key's columns in key order; () where the table has none.
        skip: indices of columns that rows leave out.
        convert: functions for the values of single columns (mask, hash).
        types: the type of each column; () where nobody asked (tests).
        nulls: whether rows hold columns that are NULL; else these are left out, as if they had not been logged.

    `row` is called with one positional value for each column: a value, None for NULL, UNSET for a column that is not
    in the row image. An instance encodes as an object of the columns that are set; `row.__columns__` maps column
    names to indices, column `i` is the attribute `f{i}`, and `row.__table__` is the version.
    """

    __slots__ = (
        "_old_rows",
        "columns",
        "convert",
        "database",
        "key",
        "nulls",
        "primary_key",
        "row",
        "row_class",
        "skip",
        "table",
        "types",
    )

    def __init__(
        self,
        database: str,
        table: str,
        columns: Sequence[str],
        primary_key: Sequence[int] = (),
        *,
        skip: Iterable[int] = (),
        convert: Mapping[int, Callable[[Any], Any]] | None = None,
        types: Sequence[ColumnType] = (),
        nulls: bool = True,
    ) -> None:
        self.database = database
        self.table = table
        self.columns = tuple(columns)
        self.primary_key = tuple(primary_key)
        self.skip = frozenset(skip)
        self.convert = dict(convert or {})
        self.types = tuple(types)
        self.nulls = nulls
        self.row_class = _row_class(self)
        self.row: Callable[..., Any] = self.row_class if nulls else _without_nulls(self.row_class)
        self._old_rows: dict[tuple[tuple[int, ...], tuple[int, ...]], Callable[..., Any]] = {}
        self.key = _key_reader(self.primary_key)
        """From a row to the values of its primary key as a tuple; None where the table has none."""

    def old_row(self, unknown: tuple[int, ...], missing: tuple[int, ...] = ()) -> Callable[..., Any]:
        """The class of old values of updates of which `unknown` columns changed from what was not logged.

        `missing` columns are in neither image. It is a row class whose `__unknown__` and `__missing__` say so, and of
        another type than `row`.
        """
        found = self._old_rows.get((unknown, missing))
        if found is None:
            if len(self._old_rows) >= _MAX_OLD_ROWS:
                self._old_rows.clear()
            row_class = _old_row_class(self.row_class, unknown, missing)
            found = row_class if self.nulls else _without_nulls(row_class)
            self._old_rows[unknown, missing] = found
        return found

    @property
    def cost_bytes(self) -> int:
        """Estimated memory of the version and its class."""
        return _BASE_BYTES + _COLUMN_BYTES * len(self.columns)

    def __repr__(self) -> str:
        return f"TableVersion({self.database!r}, {self.table!r}, {self.columns!r})"


def _key_reader(indices: tuple[int, ...]) -> Callable[[Any], tuple[Any, ...]] | None:
    if not indices:
        return None
    read: Callable[[Any], Any] = attrgetter(*(f"f{index}" for index in indices))
    return read if len(indices) > 1 else lambda row: (read(row),)


def _row_class(version: TableVersion) -> type[Any]:
    names = {f"f{index}": column for index, column in enumerate(version.columns)}
    shared = {"__columns__": {column: index for index, column in enumerate(version.columns)}, "__table__": version}
    if any(map(_REFUSED.search, version.columns)):
        return type("Row", (OddRow,), {**shared, "__slots__": ()})
    fields = [(name, Any, UNSET) for name in names]
    return msgspec.defstruct("Row", fields, rename=names, namespace=shared, frozen=True, gc=False, module=__name__)


def _without_nulls(row_class: type[Any]) -> Callable[..., Any]:
    return lambda *values: row_class(*(UNSET if value is None else value for value in values))


def _old_row_class(row: Any, unknown: tuple[int, ...], missing: tuple[int, ...]) -> type[Any]:
    namespace: dict[str, Any] = {"__unknown__": unknown, "__missing__": missing}
    if issubclass(row, OddRow):
        return type("OldRow", (row,), {**namespace, "__slots__": ()})
    return msgspec.defstruct("OldRow", (), bases=(row,), namespace=namespace, frozen=True, gc=False, module=__name__)


class OddRow(dict[str, Any]):
    """A row of a table with a column name that no struct can have: slower, the same for all who read it."""

    __slots__ = ()
    __columns__: Mapping[str, int] = {}
    __table__: TableVersion

    def __init__(self, *values: Any) -> None:
        pairs = zip(self.__columns__, values, strict=True)
        super().__init__((column, value) for column, value in pairs if value is not UNSET)

    def __getattr__(self, name: str) -> Any:
        if name[:1] == "f" and name[1:].isdecimal() and int(name[1:]) < len(self.__columns__):
            return self.get(self.__table__.columns[int(name[1:])], UNSET)
        raise AttributeError(name)


class TableVersions:
    """The versions in use, bounded in bytes: the ones unused for longest are forgotten.

    Equal tables share one row class, also over a reconnect.
    """

    def __init__(self, max_bytes: int = 16 << 20) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._versions: OrderedDict[tuple[Any, ...], TableVersion] = OrderedDict()

    def get(
        self,
        database: str,
        table: str,
        columns: Sequence[str],
        primary_key: Sequence[int] = (),
        *,
        skip: Iterable[int] = (),
        convert: Mapping[int, Callable[[Any], Any]] | None = None,
        types: Sequence[ColumnType] = (),
        nulls: bool = True,
    ) -> TableVersion:
        """The version with just these columns, made when there is none."""
        skip = frozenset(skip)
        treated = skip, tuple(sorted((convert or {}).items()))
        key = (database, table, tuple(columns), tuple(primary_key), *treated, tuple(types), nulls)
        version = self._versions.get(key)
        if version is not None:
            self._versions.move_to_end(key)
            return version
        version = TableVersion(
            database, table, columns, primary_key, skip=skip, convert=convert, types=types, nulls=nulls
        )
        self._versions[key] = version
        self._bytes += version.cost_bytes
        while self._bytes > self._max_bytes and len(self._versions) > 1:
            _, dropped = self._versions.popitem(last=False)
            self._bytes -= dropped.cost_bytes
        return version

    def __len__(self) -> int:
        return len(self._versions)
