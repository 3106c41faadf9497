"""Message keys: which row an event is about, in wlf's own form, in Maxwell's two, or in Debezium's.

    wlf            {"database":"shop","table":"orders","pk.id":7}
    maxwell_hash   the same, with names of key columns in lower case, and `_uuid` in place of a key that is not there
    maxwell_array  ["shop","orders",[{"id":7}]]
    debezium       {"id":7}, with its schema where the values have theirs

In wlf's form a table without primary key has `{"database":"shop","table":"orders"}`, and so has DDL; Maxwell's keys of
DDL are random UUIDs. What `partition_by` says moves an event and leaves its key as it is, so that compaction works row
by row: see `places`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias
from uuid import UUID, uuid4, uuid5
from weakref import WeakKeyDictionary

import msgspec
from msgspec import UNSET

from wlf.events import DeadLetter, Event, LogLine, RowChange, RowDelete, RowInsert, RowUpdate, SchemaChange
from wlf.events.formats.debezium import keys_of
from wlf.events.formats.forms import unknown_of, without
from wlf.events.plain import plain_number
from wlf.events.rows import put_place, row_index
from wlf.events.table import TableVersion

KeyForm: TypeAlias = Literal["wlf", "maxwell_hash", "maxwell_array", "debezium", "none"]
KeyOf: TypeAlias = Callable[[Any], bytes | None]
"""The key of one row, or None where the row lacks a column of it."""
KeysOf: TypeAlias = Callable[[Sequence[Any]], "list[bytes | None] | None"]
"""The keys of many rows, or None where they are to be looked at one by one."""

_UUIDS = UUID("6f1f1a5e-3d9b-4d52-9a52-0d7b2a5c8e11")

_ROWS = frozenset((RowInsert, RowUpdate, RowDelete))

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=plain_number).encode


def _compile(version: TableVersion, form: KeyForm) -> KeyOf:
    """A function that makes keys of the rows of one table version. It must not hold the version: see `Keys`."""
    if form == "maxwell_array":
        return _array(version)
    start = b'{"database":%b,"table":%b' % (_encode(version.database), _encode(version.table))
    lower = str.lower if form == "maxwell_hash" else str
    parts = [(f"f{index}", b",%b:" % _encode(f"pk.{lower(version.columns[index])}")) for index in version.primary_key]
    if not parts:
        whole = start + b"}"
        return _no_key if form == "maxwell_hash" else lambda row: whole
    if len(parts) == 1:
        return _single(parts[0][0], start + parts[0][1], b"}")
    return _several(parts, start, b"}")


def _array(version: TableVersion) -> KeyOf:
    start = b"[%b,%b,[" % (_encode(version.database), _encode(version.table))
    names = [_encode(version.columns[index].lower()) for index in version.primary_key]
    if not names:
        whole = start + b"]]"
        return lambda row: whole
    if len(names) == 1:
        return _single(f"f{version.primary_key[0]}", start + b"{%b:" % names[0], b"}]]")
    labels = [b"{%b:" % names[0], *(b"},{%b:" % name for name in names[1:])]
    fields = [f"f{index}" for index in version.primary_key]
    return _several(list(zip(fields, labels, strict=True)), start, b"}]]")


def _several(parts: list[tuple[str, bytes]], start: bytes, end: bytes) -> KeyOf:
    def several(row: Any) -> bytes | None:
        values = [getattr(row, field) for field, _ in parts]
        if UNSET in values:
            return None
        return start + b"".join([label + _encode(v) for (_, label), v in zip(parts, values, strict=True)]) + end

    return several


def _single(field: str, before: bytes, end: bytes) -> KeyOf:
    """The one-column key of most tables."""

    def one(row: Any) -> bytes | None:
        value = getattr(row, field)
        if type(value) is int:
            return b"%b%d%b" % (before, value, end)
        return None if value is UNSET else before + _encode(value) + end

    return one


def _of_integers(version: TableVersion, form: KeyForm) -> KeysOf | None:
    """A function that makes the keys of many rows whose key is one integer; None for tables that have no such key.

    Of rows with another value in it, it makes None.
    """
    key_of = _compile(version, form)
    if len(version.primary_key) != 1:
        return None
    (index,) = version.primary_key
    sample = key_of(version.row(*(0 if each == index else None for each in range(len(version.columns)))))
    assert sample is not None, "a key of one column that is there"
    before, _, after = sample.rpartition(b"0")
    pattern = before.replace(b"%", b"%%") + b"%d" + after.replace(b"%", b"%%")
    values_of = _column(index)

    def many(rows: Sequence[Any]) -> list[bytes | None] | None:
        values = values_of(rows)
        return [pattern % value for value in values] if {int}.issuperset(map(type, values)) else None

    return many


@lru_cache(maxsize=1024)
def _column(index: int) -> Callable[[Sequence[Any]], list[Any]]:
    """From rows to their values of one column; generated, for an attribute by name takes six times as long."""
    found: Callable[[Sequence[Any]], list[Any]] = eval(f"lambda rows: [row.f{index} for row in rows]")
    return found


class Keyed(NamedTuple):
    """The keys of a batch."""

    keys: list[bytes | None]
    loose: list[int]
    """Indices of events whose key says nothing of their table: where they go must not depend on it."""


class Keys:
    """Keys of a batch of events, compiled once per table version."""

    def __init__(self, form: KeyForm, *, with_schema: bool = False) -> None:
        self._form = form
        self._with_schema = with_schema
        # Weak, for a row class is freed only when nobody holds it, and tables come and go.
        self._compiled: WeakKeyDictionary[type, KeyOf] = WeakKeyDictionary()
        self._compiled_many: WeakKeyDictionary[type, KeysOf | None] = WeakKeyDictionary()

    def of(self, events: Sequence[Event]) -> Keyed:
        """The key of each event."""
        if self._form == "none":
            return Keyed([None] * len(events), [])
        if self._form == "debezium":
            keys = keys_of([_inner(event) for event in events], schema=self._with_schema)
            return Keyed(keys, [index for index, key in enumerate(keys) if key is None])
        return self._compose(events)

    def _compose(self, events: Sequence[Event]) -> Keyed:
        keys = self._by_table(events) if _ROWS.issuperset(map(type, events)) else None
        return self._one_by_one(events) if keys is None else Keyed(keys, [])

    def _by_table(self, events: Sequence[Any]) -> list[bytes | None] | None:
        """The keys of rows, table by table; None where some need a closer look."""
        rows = [event.data for event in events]
        kinds = set(map(type, rows))
        if len(kinds) == 1:
            return self._of_one_table(kinds.pop(), rows)
        places: dict[type, list[int]] = {kind: [] for kind in kinds}
        for place, row in enumerate(rows):
            places[type(row)].append(place)
        keys: list[bytes | None] = [None] * len(rows)
        for kind, some in places.items():
            found = self._of_one_table(kind, [rows[place] for place in some])
            if found is None:
                return None
            for place, key in zip(some, found, strict=True):
                keys[place] = key
        return keys

    def _of_one_table(self, kind: type, rows: Sequence[Any]) -> list[bytes | None] | None:
        if kind not in self._compiled_many:
            version = getattr(kind, "__table__", None)
            self._compiled_many[kind] = None if version is None else _of_integers(version, self._form)
        many = self._compiled_many[kind]
        return None if many is None else many(rows)

    def _one_by_one(self, events: Sequence[Event]) -> Keyed:
        keys: list[bytes | None] = []
        loose: list[int] = []
        kind: Any = None
        key_of: KeyOf = _no_key
        for event in events:
            if not isinstance(event, RowChange):
                keys.append(self._of_other(event, loose, len(keys)))
                continue
            row = event.data
            if type(row) is not kind:
                kind = type(row)
                key_of = self._key_of(kind)
            keys.append(key_of(row) or self._keyless(event, loose, len(keys)))
        return Keyed(keys, loose)

    def _key_of(self, kind: type) -> KeyOf:
        found = self._compiled.get(kind)
        if found is None:
            version = getattr(kind, "__table__", None)
            found = self._compiled[kind] = _no_key if version is None else _compile(version, self._form)
        return found

    def _keyless(self, event: RowChange, loose: list[int], index: int) -> bytes:
        """A row without primary key, or one whose image lacks it."""
        if self._form == "wlf":
            return table_key(event.database, event.table)
        if self._form == "maxwell_array":
            return b"[%b,%b,[]]" % (_encode(event.database), _encode(event.table))
        loose.append(index)
        return table_key(event.database, event.table)[:-1] + b',"_uuid":"%b"}' % str(_uuid_of(event)).encode()

    def _of_other(self, event: Event, loose: list[int], index: int) -> bytes | None:
        """The key of an event that is no row."""
        if isinstance(event, SchemaChange):
            if self._form == "wlf":
                return table_key(event.database, event.table)
            loose.append(index)
            return str(uuid4()).encode()
        if isinstance(event, DeadLetter) and isinstance(event.event, Event):
            keyed = self.of([event.event])
            loose += [index] * len(keyed.loose)
            return keyed.keys[0]
        return event.source.encode() if isinstance(event, LogLine) else None


def former_of(event: RowUpdate) -> RowUpdate | None:
    """The event with the row as it was before, for its key and place; None where `old` or the table is not known."""
    version: TableVersion | None = getattr(event.data, "__table__", None)
    if version is None or event.old is UNSET:
        return None
    old = (getattr(event.old, f"f{index}") for index in range(len(version.columns)))
    was = [getattr(event.data, f"f{index}") if value is UNSET else value for index, value in enumerate(old)]
    unknown = unknown_of(event.old)
    row = without(version.row(*was), unknown) if unknown else version.row(*was)
    former = msgspec.structs.replace(event, data=row, old=UNSET)
    place = getattr(event, "place", None)
    if place is not None:
        put_place((former,), place)
    return former


def table_key(database: str, table: Any) -> bytes:
    """What stands for a whole table, or (UNSET) for a statement about a whole database."""
    if table is UNSET:
        return b'{"database":%b}' % _encode(database)
    return b'{"database":%b,"table":%b}' % (_encode(database), _encode(table))


def _inner(event: Event) -> Event:
    return event.event if isinstance(event, DeadLetter) and isinstance(event.event, Event) else event


def _uuid_of(event: RowChange) -> UUID:
    """Random in Maxwell; here the same for the same row of the binlog, so that a replay brings no new key."""
    place = getattr(event, "place", None)
    if place is None:
        return uuid4()
    return uuid5(_UUIDS, f"{place.server}/{place.file}/{place.offset}/{row_index(event)}")


def _no_key(row: Any) -> bytes | None:
    return None
