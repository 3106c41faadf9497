"""Message keys: which row an event is about, as JSON, and what its partition is computed from.

The key of a row is `{"database":"shop","table":"orders","pk.id":7}`, with the columns of the primary key in its order
(Maxwell's `hash` form). A table without primary key has `{"database":"shop","table":"orders"}`, and so has DDL; an
event that is no row has none. `partition_by` moves an event to another partition and leaves its key as it is, so that
compaction works row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET

from wlf.events import DeadLetter, Event, LogLine, RowChange, RowUpdate, SchemaChange

KeyOf: TypeAlias = Callable[[Any], bytes | None]
"""The key of one row, or None where the row image lacks a column of it."""

CACHED_TABLES = 512
"""Row classes that are remembered; bounded, for a remembered class cannot be freed."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def column(row: Any, index: int) -> Any:
    """A column of a row, whichever form its table's rows have; UNSET where the image lacks it."""
    return row[index] if isinstance(row, list) else getattr(row, f"f{index}")


def primary_key_of(kind: Any) -> tuple[int, ...]:
    """The indices of the primary key's columns, () without one."""
    return tuple(getattr(kind, "__primary_key__", ()))


def _compile(database: str, table: str, row: Any) -> KeyOf:
    """A function that makes keys of the rows of one table version."""
    start = b'{"database":%b,"table":%b' % (_encode(database), _encode(table))
    indices = primary_key_of(row)
    names = {index: name for name, index in getattr(row, "__columns__", {}).items()}
    parts = [(index, b",%b:" % _encode(f"pk.{names[index]}")) for index in indices]
    if not parts:
        whole = start + b"}"
        return lambda row: whole
    if len(parts) == 1:
        index, label = parts[0]
        return _single(start + label, index)

    def several(row: Any) -> bytes | None:
        values = [column(row, index) for index in indices]
        if UNSET in values:
            return None
        return start + b"".join([label + _encode(v) for (_, label), v in zip(parts, values, strict=True)]) + b"}"

    return several


def _single(before: bytes, index: int) -> KeyOf:
    """The one-column key of most tables."""
    field = f"f{index}"

    def one(row: Any) -> bytes | None:
        value = row[index] if isinstance(row, list) else getattr(row, field)
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
        self._compiled: dict[tuple[str, str, type], KeyOf] = {}

    def of(self, events: Sequence[Event]) -> list[bytes | None]:
        """The key of each event."""
        if self._partition_by == "none":
            return [None] * len(events)
        keys: list[bytes | None] = []
        database: Any = None
        table: Any = None
        kind: Any = None
        key_of: KeyOf = _no_key
        for event in events:
            if not isinstance(event, RowChange):
                keys.append(_other_key(event, self))
                continue
            row = event.data
            if event.table is not table or type(row) is not kind or event.database is not database:
                database, table, kind = event.database, event.table, type(row)
                key_of = self._key_of(database, table, row)
            keys.append(key_of(row) or self._partial(event))
        return keys

    def former(self, event: RowUpdate) -> bytes | None:
        """The key that a row had before an update of its primary key; None where it is still the same."""
        old = event.old
        if old is UNSET or not any(_changed(old, index) for index in primary_key_of(event.data)):
            return None
        was = [_changed_or(old, event.data, index) for index in range(len(event.data.__columns__))]
        return self._key_of(event.database, event.table, event.data)(was)

    def placed(self, events: Sequence[Event], keys: Sequence[bytes | None]) -> Sequence[bytes | None]:
        """What the partition of each event is computed from; None: any partition."""
        if self._partition_by in ("primary_key", "none"):
            return keys
        place = {"table": _table, "database": _database, "columns": self._of_columns}[self._partition_by]
        return [place(event) or key for event, key in zip(events, keys, strict=True)]

    def _key_of(self, database: str, table: str, row: Any) -> KeyOf:
        which = (database, table, type(row))
        found = self._compiled.get(which)
        if found is None:
            if len(self._compiled) >= CACHED_TABLES:
                self._compiled.clear()
            found = self._compiled[which] = _compile(database, table, row)
        return found

    def _partial(self, event: RowChange) -> bytes:
        """The key of a row whose image lacks a column of it (binlog_row_image=MINIMAL): its table's."""
        return b'{"database":%b,"table":%b}' % (_encode(event.database), _encode(event.table))

    def _of_columns(self, event: Event) -> bytes | None:
        columns = getattr(getattr(event, "data", None), "__columns__", {})
        indices = [columns.get(name) for name in self._columns]
        if None in indices:
            return None
        values = [column(event.data, index) for index in indices]  # type: ignore[attr-defined]
        return None if UNSET in values else _encode(values)


def _changed(old: Any, index: int) -> bool:
    return column(old, index) is not UNSET


def _changed_or(old: Any, data: Any, index: int) -> Any:
    value = column(old, index)
    return column(data, index) if value is UNSET else value


def _no_key(row: Any) -> bytes | None:
    return None


def _other_key(event: Event, keys: Keys) -> bytes | None:
    """The key of an event that is no row."""
    if isinstance(event, SchemaChange):
        if event.table is UNSET:
            return b'{"database":%b}' % _encode(event.database)
        return b'{"database":%b,"table":%b}' % (_encode(event.database), _encode(event.table))
    if isinstance(event, DeadLetter) and isinstance(event.event, Event):
        return keys.of([event.event])[0]
    if isinstance(event, LogLine):
        return event.source.encode()
    return None


def _table(event: Event) -> bytes | None:
    table = getattr(event, "table", UNSET)
    return _database(event) if table is UNSET else f"{event.database}.{table}".encode()  # type: ignore[attr-defined]


def _database(event: Event) -> bytes | None:
    database = getattr(event, "database", None)
    return None if database is None else str(database).encode()
