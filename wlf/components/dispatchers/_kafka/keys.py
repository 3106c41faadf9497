"""Message keys: which row an event is about, as JSON, and what its partition is computed from.

The key of a row is `{"database":"shop","table":"orders","pk.id":7}`, with the columns of the primary key in its order
(Maxwell's `hash` form). A table without primary key has `{"database":"shop","table":"orders"}`, and so has DDL; an
event that is no row has none. `partition_by` moves an event to another partition and leaves its key as it is, so that
compaction works row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

import msgspec
from msgspec import UNSET

from wlf.events import DeadLetter, Event, LogLine, RowChange, RowUpdate, SchemaChange
from wlf.events.table import TableVersion

KeyOf: TypeAlias = Callable[[Any], bytes | None]
"""The key of one row, or None where the row lacks a column of it."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def _compile(version: TableVersion) -> KeyOf:
    """A function that makes keys of the rows of one table version. It must not hold the version: see `Keys`."""
    start = b'{"database":%b,"table":%b' % (_encode(version.database), _encode(version.table))
    parts = [(f"f{index}", b",%b:" % _encode(f"pk.{version.columns[index]}")) for index in version.primary_key]
    if not parts:
        whole = start + b"}"
        return lambda row: whole
    if len(parts) == 1:
        return _single(parts[0][0], start + parts[0][1])

    def several(row: Any) -> bytes | None:
        values = [getattr(row, field) for field, _ in parts]
        if UNSET in values:
            return None
        return start + b"".join([label + _encode(v) for (_, label), v in zip(parts, values, strict=True)]) + b"}"

    return several


def _single(field: str, before: bytes) -> KeyOf:
    """The one-column key of most tables."""

    def one(row: Any) -> bytes | None:
        value = getattr(row, field)
        if type(value) is int:
            return b"%b%d}" % (before, value)
        return None if value is UNSET else before + _encode(value) + b"}"

    return one


class Keys:
    """Keys of a batch of events, compiled once per table version."""

    def __init__(
        self, partition_by: Literal["primary_key", "table", "database", "columns", "none"], columns: Sequence[str]
    ) -> None:
        self._partition_by = partition_by
        self._columns = tuple(columns)
        # Weak, for a row class is freed only when nobody holds it, and tables come and go.
        self._compiled: WeakKeyDictionary[type, KeyOf] = WeakKeyDictionary()

    def of(self, events: Sequence[Event]) -> list[bytes | None]:
        """The key of each event."""
        if self._partition_by == "none":
            return [None] * len(events)
        keys: list[bytes | None] = []
        kind: Any = None
        key_of: KeyOf = _no_key
        for event in events:
            if not isinstance(event, RowChange):
                keys.append(self._of_other(event))
                continue
            row = event.data
            if type(row) is not kind:
                kind = type(row)
                key_of = self._key_of(kind)
            keys.append(key_of(row) or _table_key(event.database, event.table))
        return keys

    def former(self, event: RowUpdate) -> bytes | None:
        """The key that a row had before an update of its primary key; None where it is still the same."""
        version: TableVersion | None = getattr(event.data, "__table__", None)
        if version is None or event.old is UNSET:
            return None
        old = [getattr(event.old, f"f{index}") for index in range(len(version.columns))]
        if all(old[index] is UNSET for index in version.primary_key):
            return None
        was = [getattr(event.data, f"f{index}") if value is UNSET else value for index, value in enumerate(old)]
        return self._key_of(type(event.data))(version.row(*was))

    def placed(self, events: Sequence[Event], keys: Sequence[bytes | None]) -> Sequence[bytes | None]:
        """What the partition of each event is computed from; None: any partition."""
        if self._partition_by in ("primary_key", "none"):
            return keys
        place = {"table": _table, "database": _database, "columns": self._of_columns}[self._partition_by]
        return [place(event) or key for event, key in zip(events, keys, strict=True)]

    def _key_of(self, kind: type) -> KeyOf:
        found = self._compiled.get(kind)
        if found is None:
            version = getattr(kind, "__table__", None)
            found = self._compiled[kind] = _no_key if version is None else _compile(version)
        return found

    def _of_other(self, event: Event) -> bytes | None:
        """The key of an event that is no row."""
        if isinstance(event, SchemaChange):
            return _table_key(event.database, event.table)
        if isinstance(event, DeadLetter) and isinstance(event.event, Event):
            return self.of([event.event])[0]
        return event.source.encode() if isinstance(event, LogLine) else None

    def _of_columns(self, event: Event) -> bytes | None:
        row = getattr(event, "data", None)
        columns = getattr(row, "__columns__", {})
        values = [getattr(row, f"f{columns[name]}") if name in columns else UNSET for name in self._columns]
        return None if UNSET in values else _encode(values)


def _no_key(row: Any) -> bytes | None:
    return None


def _table_key(database: str, table: Any) -> bytes:
    if table is UNSET:  # a statement about a whole database
        return b'{"database":%b}' % _encode(database)
    return b'{"database":%b,"table":%b}' % (_encode(database), _encode(table))


def _table(event: Event) -> bytes | None:
    table = getattr(event, "table", UNSET)
    return _database(event) if table is UNSET else f"{event.database}.{table}".encode()  # type: ignore[attr-defined]


def _database(event: Event) -> bytes | None:
    database = getattr(event, "database", None)
    return None if database is None else str(database).encode()
