"""Maxwell's messages: wlf's own events with Maxwell's order of fields and forms of values, without its faults.

wlf's rows differ from Maxwell's in few values (dates with a zero in them, ENUM's invalid value, trailing zero bytes of
BINARY, geometries) and in `old` where nothing changed. So all events are encoded as they are, in one call, and only
those that may have such a value are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

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
    column_types,
    compiled,
    row_function,
    with_version,
)
from wlf.events.formats.lines import NoForm, encode_lines, encode_one
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


OddFunction: TypeAlias = Callable[[Sequence[Any], Sequence[Any], Any], list[int]]
"""`f(events, rows, empty)`: the indices of those that Maxwell writes in another way.

`rows` are the events' data, `empty` is a row without values.
"""


class _Special(NamedTuple):
    """A type some of whose values Maxwell writes in another way."""

    convert: Convert
    test: str
    """Source of whether the value `x` may be such a one."""


class _Form(NamedTuple):
    """What is compiled for a table version."""

    row: RowFunction
    odd: OddFunction
    key: tuple[Convert | None, ...]


def _zero_date(text: str) -> str:
    """Maxwell knows no partial dates: they are zero, with as many digits behind the second."""
    if not has_no_day(text):
        return text
    return "0000-00-00" if len(text) == 10 else f"0000-00-00 00:00:00{'.000000'[: len(text) - 19]}"


_DATE = _Special(_zero_date, "type(x) is str and ('-00' in x or x < '0001')")
_BINARY = _Special(lambda raw: raw.rstrip(b"\0"), "type(x) is bytes and x[-1:] == b'\\0'")
_GEOMETRY = _Special(spaced_wkt, "type(x) is str")
_ENUM = _Special(lambda label: label or None, "x == ''")
# A TIMESTAMP is whole or zero, and zero looks the same.
_SPECIAL = {
    **dict.fromkeys(("date", "datetime"), _DATE),
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
    tests = {index: one.test for index, one in enumerate(special) if one is not None}
    return _Form(row_function(converts), _odd(tests), tuple(converts[index] for index in version.primary_key))


def _odd(tests: dict[int, str]) -> OddFunction:
    """Tests of columns as one loop without calls: it runs over every event."""
    new = [f"({test.replace('x', f'(x := r.f{index})', 1)})" for index, test in tests.items()]
    # Old values of another type are those of an image that lacks columns.
    old = " or ".join(("o == empty", "type(o) is not type(r)", *(test.replace("r.f", "o.f") for test in new)))
    # Of updates the old values too.
    found = " or ".join((*new, f"(type(e) is Update and (o := e.old) is not U and ({old}))"))
    lines = ["def f(events, rows, empty):"]
    lines.append(f" return [i for i, (e, r) in enumerate(zip(events, rows)) if {found} or e.query is not U]")
    made: OddFunction = compiled(lines, {"U": UNSET, "Update": RowUpdate})
    return made


_forms = Forms(_compile)


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
    rows = list(map(_data_of, events))
    kinds = set(map(type, rows))
    lines = encode_lines(events)
    if len(kinds) == 1:
        kind = kinds.pop()
        odd = _forms.of(kind).odd(events, rows, _empty(kind))
    else:
        odd = [index for kind in kinds for index in _odd_of(events, rows, kind)]
    if odd:
        made = encode_lines([_convert(events[index]) for index in odd])
        for index, line in zip(odd, made, strict=True):
            lines[index] = line
    return lines


def _odd_of(events: Sequence[Any], rows: Sequence[Any], kind: Any) -> list[int]:
    """The odd ones of one table's rows among those of several."""
    places = [index for index, row in enumerate(rows) if type(row) is kind]
    picked = [rows[index] for index in places]
    odd = _forms.of(kind).odd([events[index] for index in places], picked, _empty(kind))
    return [places[index] for index in odd]


def _empty(kind: Any) -> Any:
    """A row without any value: what `old` is where nothing changed."""
    return kind(*(UNSET,) * len(getattr(kind, "__columns__", ())))


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
