"""Debezium's change events: envelopes with and without their schema, keys, tombstones and changes of a key.

Payloads come from `encode_debezium` and `encode_debezium_schema` (the formats `debezium` and `debezium_schema`). A sink
with keys makes messages of them with `expand`: each event is one message, but a delete is followed by a tombstone (the
key without a value), and an update of the primary key is a delete and a tombstone of the old key and a create of the
new one, as Debezium has them.
https://debezium.io/documentation/reference/stable/connectors/mysql.html#mysql-events
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import time_ns
from typing import Any, NamedTuple

from msgspec import UNSET

from wlf.events.base import Event
from wlf.events.ddl import SchemaChange
from wlf.events.dead_letter import DeadLetter
from wlf.events.formats.debezium_columns import column_of
from wlf.events.formats.debezium_ddl import schema_change
from wlf.events.formats.debezium_schemas import DDL_HEAD, DDL_KEY_HEAD, key_head, value_head
from wlf.events.formats.debezium_source import SourceText, quoted
from wlf.events.formats.forms import (
    Forms,
    PairFunction,
    RowFunction,
    Unversioned,
    any_set,
    column_types,
    pair_function,
    row_function,
    unknown_of,
    with_version,
    without,
)
from wlf.events.formats.lines import NoForm, encode_lines, encode_one
from wlf.events.rows import RowChange, RowDelete, RowInsert, RowSnapshot, RowUpdate, put_place
from wlf.events.table import TableVersion

NEW_KEY, OLD_KEY = "__debezium.newkey", "__debezium.oldkey"

_OPERATIONS: dict[Any, bytes] = {RowInsert: b'c",', RowUpdate: b'u",', RowDelete: b'd",', RowSnapshot: b'r",'}
_START, _AFTER = b'{"before":', b',"after":'
_NULL_AFTER, _AFTER_NULL = b'null,"after":', b',"after":null'
_NUMBERS = tuple(b"%d" % number for number in range(1024))


class Message(NamedTuple):
    """One message of a topic with keys."""

    key: bytes | None
    """None where the table has no primary key."""
    value: bytes | None
    """None: a tombstone."""
    headers: tuple[tuple[str, bytes], ...] = ()


class _Form(NamedTuple):
    """What is compiled for a table version."""

    row: RowFunction | None
    """None where no value needs another form."""
    pair: PairFunction
    source: SourceText
    start: bytes
    """The value's schema, up to the state before."""
    """The value's schema, up to the payload."""
    key: RowFunction | None
    """`f(row, make)` to a row of the key's columns; None where there is no key."""
    key_class: Any
    key_head: str
    key_changed: Callable[[Any], bool]
    """Of the old values of an update."""


def _compile(version: TableVersion) -> _Form:
    columns = [column_of(kind) for kind in column_types(version)]
    converts = [column.convert for column in columns]
    key = version.primary_key
    names = tuple(version.columns[index] for index in key)
    return _Form(
        row_function(converts) if any(converts) else None,
        pair_function(converts),
        SourceText(version.database, version.table),
        value_head(version, columns).encode() + _START,
        row_function(converts, key) if key else None,
        TableVersion(version.database, version.table, names).row if key else None,
        key_head(version, columns) if key else "",
        any_set(key),
    )


_forms = Forms(_compile)


def encode_debezium(events: Sequence[Event]) -> list[bytes]:
    """The envelope alone, as with `schemas.enable=false`. See EncodeAll."""
    return _encode(events, schema=False)


def encode_debezium_schema(events: Sequence[Event]) -> list[bytes]:
    """`{"schema":...,"payload":...}`, as with `schemas.enable=true`. See EncodeAll."""
    return _encode(events, schema=True)


def _encode(events: Sequence[Event], *, schema: bool) -> list[bytes]:
    try:
        return _encode_versioned(events, schema=schema)
    except Unversioned:
        return _encode_versioned(list(map(with_version, events)), schema=schema)


def _encode_versioned(events: Sequence[Any], *, schema: bool) -> list[bytes]:
    texts = iter(encode_lines(_images(events)))
    times = _times()
    end = f"{times}}}}}".encode() if schema else f"{times}}}".encode()
    payloads: list[bytes] = []
    append, join = payloads.append, b"".join
    place: Any = None
    make: Any = None
    last: Any = None
    head = tail = start = stop = b""
    for event in events:
        kind = type(event)
        if kind not in _OPERATIONS:
            append(_other(event, times, schema=schema).encode())
            continue
        if type(event.data) is not make:
            make, place = type(event.data), None
            source = _forms.of(make).source
            start = _forms.of(make).start if schema else _START
        at = getattr(event, "place", None)
        if at is not place or at is None or kind is not last:
            # Of single rows in transactions of their own, nothing but the head differs.
            place, former = at, tail
            head, tail = source.of(event, at)
            if tail is not former or kind is not last:
                last, stop = kind, b"".join((tail, _OPERATIONS[kind], end))
        xoffset = event.xoffset
        index = 0 if at is None else at.rows - 1 if xoffset is UNSET else xoffset - at.first
        row = _NUMBERS[index] if 0 <= index < 1024 else b"%d" % index
        if kind is RowUpdate:
            before = next(texts) if event.old is not UNSET else b"null"
            append(join((start, before, _AFTER, next(texts), head, row, stop)))
        elif kind is RowDelete:
            append(join((start, next(texts), _AFTER_NULL, head, row, stop)))
        else:
            append(join((start, _NULL_AFTER, next(texts), head, row, stop)))
    return payloads


def _images(events: Sequence[Any]) -> list[Any]:
    """The images of all rows, with converted values: of an update with its old values both of them, else one."""
    images: list[Any] = []
    make: Any = None
    for event in events:
        kind = type(event)
        if kind not in _OPERATIONS:
            continue
        data = event.data
        if type(data) is not make:
            make = type(data)
            form = _forms.of(make)
            row = form.row
        if kind is RowUpdate and (old := event.old) is not UNSET:
            before, after = form.pair(data, old, make)
            if type(old) is not make:  # what the columns were is not logged: better absent than wrong
                before = without(before, unknown_of(old))
            images += (before, after)
        else:
            images.append(data if row is None else row(data, make))
    return images


def _times() -> str:
    now = time_ns()
    return f'"ts_ms":{now // 1_000_000},"ts_us":{now // 1_000},"ts_ns":{now}'


def _other(event: Event, times: str, *, schema: bool) -> str:
    if isinstance(event, SchemaChange):
        message = schema_change(event, times)
        return f"{DDL_HEAD}{message}}}" if schema else message
    if isinstance(event, DeadLetter):
        return encode_one(event).decode()
    raise NoForm(f"debezium has no message for {type(event).__name__}")


def keys_of(events: Sequence[Event], *, schema: bool) -> list[bytes | None]:
    """The key of each event: `{"id":1}`, with `schema` inside `{"schema":...,"payload":...}`.

    A row of a table without primary key has none; a schema change has `{"databaseName":...}`.
    """
    keys: list[bytes | None] = [None] * len(events)
    rows: list[Any] = []
    heads: list[tuple[int, str]] = []
    for index, event in enumerate(events):
        if isinstance(event, RowChange):
            if not hasattr(event.data, "__table__"):
                continue
            form = _forms.of(type(event.data))
            if form.key is not None:
                rows.append(form.key(event.data, form.key_class))
                heads.append((index, form.key_head))
        elif isinstance(event, SchemaChange):
            keys[index] = _enclosed(DDL_KEY_HEAD, f'{{"databaseName":{quoted(event.database)}}}'.encode(), schema)
    for (index, head), text in zip(heads, encode_lines(rows), strict=True):
        keys[index] = _enclosed(head, text, schema)
    return keys


def _enclosed(head: str, text: bytes, schema: bool) -> bytes:
    return b"%b%b}" % (head.encode(), text) if schema else text


def expand(
    events: Sequence[Event], payloads: Sequence[bytes], *, schema: bool, tombstones: bool = True
) -> tuple[list[Message], list[int]]:
    """The messages of a batch, and for each of them the index of its event.

    Args:
        events: a batch, with its `payloads` in the format `debezium` or `debezium_schema`, index by index.
        schema: the format is `debezium_schema`: keys carry their schema too.
        tombstones: a delete is followed by its key without a value (Debezium's `tombstones.on.delete`).

    Messages are in the order of the events. A sink that refuses or cannot deliver one message of an event deals with
    all messages of that event. Rows without a key have no tombstone.
    """
    messages: list[Message] = []
    indices: list[int] = []
    for index, (event, payload, key) in enumerate(zip(events, payloads, keys_of(events, schema=schema), strict=True)):
        kind = type(event)
        if kind is RowUpdate and key is not None and _key_changed(event):
            made = _moved(event, key, schema=schema, tombstones=tombstones)
        elif kind is RowDelete and key is not None and tombstones:
            made = [Message(key, payload), Message(key, None)]
        else:
            made = [Message(key, payload)]
        messages += made
        indices += [index] * len(made)
    return messages, indices


def _key_changed(event: Any) -> bool:
    return event.old is not UNSET and _forms.of(type(event.data)).key_changed(event.old)


def _moved(event: Any, key: bytes, *, schema: bool, tombstones: bool) -> list[Message]:
    """An update that gives the row another key: delete, tombstone, create."""
    row, old = event.data, event.old
    make = type(row)
    width = range(len(make.__table__.columns))
    pairs = ((getattr(old, f"f{index}"), getattr(row, f"f{index}")) for index in width)
    former = without(make(*(now if was is UNSET else was for was, now in pairs)), unknown_of(old))
    head = {name: getattr(event, name) for name in RowChange.__struct_fields__}
    deleted = RowDelete(**{**head, "type": "delete", "data": former})
    created = RowInsert(**{**head, "type": "insert"})
    place = getattr(event, "place", None)
    if place is not None:
        put_place((deleted, created), place)
    old_key = keys_of((deleted,), schema=schema)[0]
    assert old_key is not None, "the same table has a key"
    values = _encode((deleted, created), schema=schema)
    messages = [Message(old_key, values[0], ((NEW_KEY, key),))]
    if tombstones:
        messages.append(Message(old_key, None))
    return [*messages, Message(key, values[1], ((OLD_KEY, old_key),))]
