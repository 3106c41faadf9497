"""Events as operations of the bulk API: which index, which id, which document."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import UNSET

from wlf.components.base import Outgoing
from wlf.components.dispatchers._elasticsearch.bulk import Composed, Kind, Operations
from wlf.components.dispatchers._elasticsearch.mirrored import Rows, RowsOf, bounded
from wlf.components.dispatchers._elasticsearch.options import ElasticsearchConfig
from wlf.components.naming import Namer, NameRefused, NameRule
from wlf.events import Event, Place, RowChange, RowDelete, RowInsert, RowSnapshot, RowUpdate, SchemaChange
from wlf.events.formats.lines import encode_lines, encode_one
from wlf.events.rows import row_index

INDEX_RULE = NameRule(
    # https://www.elastic.co/guide/en/elasticsearch/reference/8.17/indices-create-index.html, "Path parameters"
    what="index",
    refused=re.compile(r'[\\/*?"<>|\s,#:\x00-\x1f]'),
    lower=True,
    max_bytes=255,
    refused_start="-_+",
    reserved=frozenset((".", "..")),
)
_CHANGES = frozenset((RowInsert, RowUpdate, RowDelete))
_MAX_FORM_BYTES = 480
"""Ids of up to 512 bytes are sent as they are, those of longer forms looked at."""


class Append:
    """A document for each event. Rows have an id made of their place, so that a replay writes nothing new."""

    def __init__(self, config: ElasticsearchConfig) -> None:
        self._namer = Namer(config.index, INDEX_RULE, names=config.names, on_missing=config.on_missing)

    def compose(self, batch: Outgoing) -> Composed:
        """One `create` for each event."""
        events: Sequence[Event] = batch.events
        payloads = batch.payloads()
        numbers: Sequence[int] = range(len(events))
        rejected: dict[int, str] = {}
        names = self._namer.names(events, rejected)
        if isinstance(names, str):
            names = [names] * len(events)
        if rejected:
            numbers = [number for number in numbers if number not in rejected]
            events, payloads = [events[number] for number in numbers], [payloads[number] for number in numbers]
            names = [names[number] for number in numbers]
        actions = _actions(events, names) if _CHANGES.issuperset(map(type, events)) else None
        if actions is None:
            actions = [_action(name, event) for name, event in zip(names, events, strict=True)]
        return Composed(Operations(numbers, "create", actions, payloads), rejected)


def _actions(events: Sequence[Any], names: Sequence[str]) -> list[bytes] | None:
    """As `_action` for each, which are the same but for three numbers for all rows out of one file into one index.

    None where they need a look one by one.
    """
    actions: list[bytes] = []
    place = name = server = file = None
    form, ts, offset, first, last = b"", 0, 0, 0, 0
    try:
        for event, named in zip(events, names, strict=True):
            if event.place is not place:
                place, before = event.place, (server, file)
                server, file, offset, ts, _, first, rows, _ = place
                last = rows - 1
                if (server, file) != before:
                    name = None
            if named is not name:
                name = named
                form = _form(name, server, file)
                if len(form) > _MAX_FORM_BYTES:
                    return None
            number = event.xoffset
            actions.append(form % (ts, offset, last if number is UNSET else number - first))
    except AttributeError:  # no place: this came from no binlog
        return None
    return actions


def _form(name: str, server: str | None, file: str | None) -> bytes:
    """The action line with `%d` for timestamp, offset and index of the row."""
    before, between = encode_one(f"{server}:")[:-1], encode_one(f":{file}:")[1:-1]
    parts = b'{"create":{"_index":%b,"_id":%b' % (encode_one(name), before), between, b":", b'"}}'
    return b"%d".join(part.replace(b"%", b"%%") for part in parts)


def _action(name: str, event: Event) -> bytes:
    id = _id(event)
    end = b"}}" if id is None else b',"_id":%b}}' % encode_one(id)
    return b'{"create":{"_index":%b%b' % (encode_one(name), end)


def _id(event: Any) -> str | None:
    """None lets the server choose: then a replay makes a second document."""
    place = getattr(event, "place", None)
    if place is not None:
        if isinstance(event, RowSnapshot):
            # Tables are copied beside each other: on a quiet server all their rows have one place.
            return bounded(f"snapshot:{_prefix(place)}{event.database}.{event.table}:{row_index(event)}")
        return bounded(f"{_prefix(place)}{row_index(event)}")
    if isinstance(event, SchemaChange) and event.position is not UNSET:
        return bounded(f"ddl:{event.server_id or ''}:{event.ts}:{event.position}")
    return None


def _prefix(place: Place) -> str:
    return f"{place.server}:{place.ts}:{place.file}:{place.offset}:"


class Mirror:
    """A document for each row, by primary key: only the last operation on each document is sent."""

    def __init__(self, config: ElasticsearchConfig) -> None:
        self._namer = Namer(config.index, INDEX_RULE, names=config.names, on_missing=config.on_missing)
        # Where the index does not tell tables apart, the id must.
        pointers = {pointer.text for pointer in config.index.pointers}
        self._rows = RowsOf(is_qualified=not {"/database", "/table"} <= pointers)

    def compose(self, batch: Outgoing) -> Composed:
        """At most one operation for each document; DDL is left out."""
        events = batch.events
        rejected: dict[int, str] = {}
        names = self._namer.names(events, rejected)
        if isinstance(names, str):
            names = [names] * len(events)
        documents: dict[int, bytes] = {}
        left: dict[int, bytes] = {}
        ignored = 0
        kind = name = table = database = None
        rows: Rows | None = None
        for number, event in enumerate(events):
            if not isinstance(event, RowChange):
                ignored += self._is_ignored(number, event, rejected)
                continue
            if rejected and number in rejected:
                continue
            of = type(event.data), names[number], event.table, event.database
            if of[0] is not kind or of[1] is not name or of[2] is not table or of[3] is not database:
                kind, name, table, database = of
                rows = self._rows.of(name, event)
            assert rows is not None
            try:
                documents[number] = document = rows.document(event)
                if isinstance(event, RowUpdate) and (former := rows.former(event, document)) != document:
                    left[number] = former
            except NameRefused as error:
                documents.pop(number, None)
                rejected[number] = str(error)
        return Composed(_last_of_each(events, documents, left), rejected, ignored, documents, left)

    def _is_ignored(self, number: int, event: Event, rejected: dict[int, str]) -> bool:
        """Is it DDL? Everything else that is no row is refused."""
        if isinstance(event, SchemaChange):
            rejected.pop(number, None)
            return True
        rejected[number] = f"expected a row change for mode mirror, got {type(event).__name__}"
        return False


def _last_of_each(events: Sequence[Any], documents: dict[int, bytes], left: dict[int, bytes]) -> Operations:
    """The last operation on each document, in the order of the events. Only these rows are encoded."""
    last: dict[bytes, int] = {}
    for number, document in documents.items():
        former = left.get(number)
        if former is not None:
            last.pop(former, None)
            last[former] = ~number
        last.pop(document, None)
        last[document] = number
    kinds: list[Kind] = []
    actions: list[bytes] = []
    for document, number in last.items():
        kind: Kind = "delete" if number < 0 or isinstance(events[number], RowDelete) else "index"
        kinds.append(kind)
        actions.append((b'{"index":%b}' if kind == "index" else b'{"delete":%b}') % document)
    numbers = [number if number >= 0 else ~number for number in last.values()]
    texts: Any = encode_lines([events[n].data for n, kind in zip(numbers, kinds, strict=True) if kind == "index"])
    if len(texts) == len(numbers):
        return Operations(numbers, "index", actions, texts)
    given = iter(texts)
    return Operations(numbers, kinds, actions, [next(given) if kind == "index" else None for kind in kinds])


COMPOSERS: dict[str, Callable[[ElasticsearchConfig], Append | Mirror]] = {"append": Append, "mirror": Mirror}
"""Composers by the name of the `mode` option."""
