"""Maxwell's messages: wlf's own events with Maxwell's order of fields and forms of values, without its faults.

wlf's rows differ from Maxwell's in few values (dates with a zero in them, ENUM's invalid value, trailing zero bytes of
BINARY, geometries) and in `old` where nothing changed. So all events are encoded as they are, in one call, and only
those that may have such a value are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from wlf.events.base import Event
from wlf.events.ddl import SchemaChange, TableDefinition
from wlf.events.dead_letter import DeadLetter
from wlf.events.formats.forms import (
    Convert,
    Forms,
    RowFunction,
    Unversioned,
    any_of,
    any_set,
    column_types,
    row_function,
    with_version,
)
from wlf.events.formats.lines import NoForm, encode_lines, encode_one, encode_text, split_lines
from wlf.events.formats.spatial import spaced_wkt
from wlf.events.formats.temporal import has_no_day
from wlf.events.rows import RowDelete, RowInsert, RowSnapshot, RowUpdate
from wlf.events.table import ColumnType, TableVersion

_ROWS: frozenset[Any] = frozenset((RowInsert, RowUpdate, RowDelete, RowSnapshot))
_data_of = attrgetter("data")


class _Row(msgspec.Struct, frozen=True, gc=False):
    """A row change in Maxwell's order: `query` stands before `type`."""

    database: str
    table: str
    query: Any
    type: str
    ts: int
    xid: Any
    xoffset: Any
    commit: Any
    position: Any
    gtid: Any
    server_id: Any
    thread_id: Any
    push_ts: Any
    comment: Any
    primary_key: Any
    primary_key_columns: Any
    data: Any
    old: Any


class _Ddl(msgspec.Struct, frozen=True, gc=False, rename={"definition": "def"}):
    """A statement as DDLMap writes it; `ts` in milliseconds, other than that of rows."""

    type: str
    database: str
    table: str | UnsetType
    old: TableDefinition | UnsetType
    definition: TableDefinition | UnsetType
    ts: int
    sql: str
    position: str | UnsetType
    gtid: str | UnsetType


class _Special(NamedTuple):
    """A type some of whose values Maxwell writes in another way."""

    convert: Convert
    test: str
    """Source of whether the value `x` is such a one."""
    signs: tuple[bytes, ...]
    """What the text of an event with such a value has in it; () where it has to be looked at in any case."""


class _Form(NamedTuple):
    """What is compiled for a table version."""

    row: RowFunction
    differs: Callable[[Any], bool]
    """Has a row a value that Maxwell writes in another way?"""
    has_values: Callable[[Any], bool]
    key: tuple[Convert | None, ...]
    signs: frozenset[bytes]
    always: bool
    """Must each row be looked at?"""


def _zero_date(text: str) -> str:
    """Maxwell knows no partial dates: they are zero, with as many digits behind the second."""
    if not has_no_day(text):
        return text
    return "0000-00-00" if len(text) == 10 else f"0000-00-00 00:00:00{'.000000'[: len(text) - 19]}"


_DATE = _Special(_zero_date, "no_day(x)", (b"-00", b'"0000-'))
_BINARY = _Special(lambda raw: raw.rstrip(b"\0"), "type(x) is bytes and x[-1:] == b'\\0'", ())
_GEOMETRY = _Special(spaced_wkt, "type(x) is str", ())
_ENUM = _Special(lambda label: label or None, "x == ''", (b'""',))
_SPECIAL = {
    **dict.fromkeys(("date", "datetime", "timestamp"), _DATE),
    "binary": _BINARY,
    "enum": _ENUM,
    **dict.fromkeys(("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring"), _GEOMETRY),
    **dict.fromkeys(("multipolygon", "geometrycollection", "geomcollection"), _GEOMETRY),
}


def _special(kind: ColumnType) -> _Special | None:
    if kind.type == "enum" and "" in kind.members:
        return None
    return _SPECIAL.get(kind.type)


def _compile(version: TableVersion) -> _Form:
    special = [_special(kind) for kind in column_types(version)]
    converts = [None if one is None else one.convert for one in special]
    return _Form(
        row_function(converts),
        any_of([None if one is None else one.test for one in special], {"no_day": has_no_day}),
        any_set(range(len(special))),
        tuple(converts[index] for index in version.primary_key),
        frozenset(sign for one in special if one is not None for sign in one.signs),
        any(one is not None and not one.signs for one in special),
    )


_forms = Forms(_compile)
_SIGNS = (b'"query":', b'"old":{}')


def encode_maxwell(events: Sequence[Event]) -> list[bytes]:
    """Maxwell's JSON. See EncodeAll."""
    if not events:
        return []
    if not _ROWS.issuperset(map(type, events)):
        return [payload for event in events for payload in _encode_any(event)]
    try:
        return _encode_rows(events)
    except Unversioned:
        return _encode_rows(list(map(with_version, events)))


def _encode_any(event: Event) -> list[bytes]:
    if type(event) in _ROWS:
        return encode_maxwell((event,))
    if isinstance(event, SchemaChange):
        return [encode_one(_ddl(event))]
    if isinstance(event, DeadLetter):
        return [encode_one(event)]
    raise NoForm(f"maxwell has no message for {type(event).__name__}")


def _encode_rows(events: Sequence[Any]) -> list[bytes]:
    forms = [_forms.of(kind) for kind in set(map(type, map(_data_of, events)))]
    signs = {*_SIGNS, *(sign for form in forms for sign in form.signs)}
    text = encode_text(events)
    lines = split_lines(text)
    found = [sign for sign in signs if sign in text]
    if not found and not any(form.always for form in forms):
        return lines
    odd = [index for index, event in enumerate(events) if _differs(event, lines[index], found)]
    made = encode_lines([_convert(events[index]) for index in odd])
    for index, line in zip(odd, made, strict=True):
        lines[index] = line
    return lines


def _differs(event: Any, line: bytes, signs: Iterable[bytes]) -> bool:
    """Does Maxwell write this row change in another way than wlf?"""
    form = _forms.of(type(event.data))
    if not form.always and not any(sign in line for sign in signs):
        return False
    old = getattr(event, "old", UNSET)
    if event.query is not UNSET or form.differs(event.data):
        return True
    return old is not UNSET and (form.differs(old) or not form.has_values(old))


def _convert(event: Any) -> _Row:
    make = type(event.data)
    form = _forms.of(make)
    data, old, key = form.row(event.data, make), getattr(event, "old", UNSET), event.primary_key
    if old is not UNSET:
        old = _visible(form.row(old, make), data, make)
    if key is not UNSET and len(key) == len(form.key):
        key = tuple(
            value if value is None or convert is None else convert(value)
            for value, convert in zip(key, form.key, strict=True)
        )
    return _Row(
        event.database,
        event.table,
        event.query,
        event.type,
        event.ts,
        event.xid,
        event.xoffset,
        event.commit,
        event.position,
        event.gtid,
        event.server_id,
        event.thread_id,
        event.push_ts,
        event.comment,
        key,
        event.primary_key_columns,
        data,
        old,
    )


def _visible(old: Any, data: Any, make: Any) -> Any:
    """The old values that do not look like the new ones; UNSET where there is none."""
    values = []
    for index in range(len(make.__table__.columns)):
        value = getattr(old, f"f{index}")
        values.append(UNSET if value == getattr(data, f"f{index}") else value)
    return UNSET if all(value is UNSET for value in values) else make(*values)


_DDL_TYPES = {
    **{name: name for name in ("database-create", "database-alter", "database-drop")},
    **{name: name for name in ("table-create", "table-alter", "table-drop")},
    "table-rename": "table-alter",
}


def _ddl(event: SchemaChange) -> _Ddl:
    kind = _DDL_TYPES.get(event.type)
    if kind is None:
        raise NoForm(f"maxwell has no message for {event.type}")
    return _Ddl(
        kind,
        event.database,
        event.table,
        event.old if kind == "table-alter" else UNSET,
        event.definition if kind in ("table-alter", "table-create") else UNSET,
        event.ts * 1000,
        event.sql,
        event.position,
        event.gtid,
    )
