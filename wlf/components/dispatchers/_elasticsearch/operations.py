"""Events as operations of the bulk API: which index, which id, which document."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET

from wlf.components.base import Outgoing
from wlf.components.dispatchers._elasticsearch.options import ElasticsearchConfig
from wlf.components.naming import Namer, NameRefused, NameRule
from wlf.events import Event, RowChange, RowDelete, RowSnapshot, RowUpdate, SchemaChange
from wlf.events.plain import plain_number
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
_MAX_ID_BYTES = 512

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=plain_number).encode


class Operation(NamedTuple):
    """One operation of a bulk request: an action line, and a document for all but `delete`."""

    event: int
    kind: Literal["create", "index", "delete"]
    lines: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes in the request's body."""
        return sum(map(len, self.lines)) + len(self.lines)


class Composed(NamedTuple):
    """What a batch became.

    `rejected` gives reasons by index, `ignored` counts DDL that a mirror has no use for. `touched` names the documents
    that each event is about, where the order of events matters.
    """

    operations: list[Operation]
    rejected: dict[int, str]
    ignored: int
    touched: dict[int, tuple[bytes, ...]]


class Append:
    """A document for each event. Rows have an id made of their place, so that a replay writes nothing new."""

    def __init__(self, config: ElasticsearchConfig) -> None:
        self._namer = Namer(config.index, INDEX_RULE, names=config.names, on_missing=config.on_missing)
        self._place: Any = None
        self._prefix = ""

    def compose(self, batch: Outgoing) -> Composed:
        """One `create` for each event."""
        operations: list[Operation] = []
        rejected: dict[int, str] = {}
        targets: dict[str, bytes] = {}
        for number, (event, payload) in enumerate(zip(batch.events, batch.payloads(), strict=True)):
            try:
                name = self._namer.name(event)
            except NameRefused as error:
                rejected[number] = str(error)
                continue
            target = targets.get(name) or targets.setdefault(name, b'{"create":{"_index":%b' % _encode(name))
            id = self._id(event)
            end = b"}}" if id is None else b',"_id":%b}}' % _encode(id)
            operations.append(Operation(number, "create", (target + end, payload)))
        return Composed(operations, rejected, 0, {})

    def _id(self, event: Any) -> str | None:
        """None lets the server choose: then a replay makes a second document."""
        place = getattr(event, "place", None)
        if place is not None:
            if place is not self._place:
                self._place = place
                self._prefix = f"{place.server}:{place.ts}:{place.file}:{place.offset}:"
            if isinstance(event, RowSnapshot):
                # Tables are copied beside each other: on a quiet server all their rows have one place.
                return _bounded(f"snapshot:{self._prefix}{event.database}.{event.table}:{row_index(event)}")
            return _bounded(f"{self._prefix}{row_index(event)}")
        if isinstance(event, SchemaChange) and event.position is not UNSET:
            return _bounded(f"ddl:{event.server_id or ''}:{event.ts}:{event.position}")
        return None


class Mirror:
    """A document for each row, by primary key: only the last operation on each document is sent."""

    def __init__(self, config: ElasticsearchConfig) -> None:
        self._namer = Namer(config.index, INDEX_RULE, names=config.names, on_missing=config.on_missing)
        # Where the index does not tell tables apart, the id must.
        pointers = {pointer.text for pointer in config.index.pointers}
        self._qualified = not {"/database", "/table"} <= pointers

    def compose(self, batch: Outgoing) -> Composed:
        """At most one operation for each document; DDL is left out."""
        last: dict[bytes, Operation] = {}
        rejected: dict[int, str] = {}
        touched: dict[int, tuple[bytes, ...]] = {}
        ignored = 0
        for number, event in enumerate(batch.events):
            if isinstance(event, SchemaChange):
                ignored += 1
                continue
            try:
                operations = self._operations(number, event)
            except NameRefused as error:
                rejected[number] = str(error)
                continue
            touched[number] = tuple(operations)
            for document in operations:
                last.pop(document, None)  # so that the request is in the order of the events
            last.update(operations)
        return Composed(list(last.values()), rejected, ignored, touched)

    def _operations(self, number: int, event: Event) -> dict[bytes, Operation]:
        """Operations by document (index and id). Raises NameRefused with the reason."""
        if not isinstance(event, RowChange):
            raise NameRefused(f"expected a row change for mode mirror, got {type(event).__name__}")
        place = b'{"_index":%b,"_id":' % _encode(self._namer.name(event))
        key = _key(event)
        document = self._document(place, event, key)
        if isinstance(event, RowDelete):
            return {document: _delete(number, document)}
        if _is_partial(event.data):
            raise NameRefused("expected all columns of the row for mode mirror: set binlog_row_image to FULL")
        operations = {}
        former = self._document(place, event, _former_key(event, key)) if isinstance(event, RowUpdate) else document
        if former != document:
            operations[former] = _delete(number, former)
        operations[document] = Operation(number, "index", (b'{"index":%b}' % document, _encode(event.data)))
        return operations

    def _document(self, place: bytes, event: RowChange, key: tuple[Any, ...]) -> bytes:
        id = _bounded(_key_text(key, (event.database, event.table) if self._qualified else ()))
        return b"%b%b}" % (place, _encode(id))


def _delete(number: int, document: bytes) -> Operation:
    return Operation(number, "delete", (b'{"delete":%b}' % document,))


def _key(event: RowChange) -> tuple[Any, ...]:
    version = getattr(event.data, "__table__", None)
    key = version.key(event.data) if version is not None and version.key is not None else event.primary_key
    if key is UNSET or not key:
        raise NameRefused(f"expected a table with a primary key for mode mirror, got {event.database}.{event.table}")
    if UNSET in key or None in key:
        raise NameRefused(f"expected the primary key in each row for mode mirror, got {event.database}.{event.table}")
    return tuple(key)


def _former_key(event: RowUpdate, key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The key before the update: `old` has those of its columns that changed."""
    version = getattr(event.old, "__table__", None)
    if version is None or version.key is None:
        return key
    return tuple(now if was is UNSET else was for was, now in zip(version.key(event.old), key, strict=True))


def _is_partial(row: Any) -> bool:
    """Did the server log some of the columns only? Then the document would lose the others."""
    version = getattr(row, "__table__", None)
    if version is None:
        return False
    missing = sum(getattr(row, f"f{column}") is UNSET for column in range(len(version.columns)))
    return missing > len(version.skip)


def _key_text(key: tuple[Any, ...], table: tuple[str, ...]) -> str:
    """The plain value of a one-column key, a JSON array of all others: two keys never give one text."""
    if len(key) == 1 and not table:
        value = key[0]
        if type(value) is int:
            return str(value)
        if type(value) is str and value and value[0] not in '["':
            return value
        return _encode(value).decode()
    return _encode((*table, *key)).decode()


def _bounded(id: str) -> str:
    """Ids are at most 512 bytes long: a longer one is hashed."""
    raw = id.encode("utf-8", "surrogatepass")
    return id if len(raw) <= _MAX_ID_BYTES else f"sha256:{hashlib.sha256(raw).hexdigest()}"


COMPOSERS: dict[str, Callable[[ElasticsearchConfig], Append | Mirror]] = {"append": Append, "mirror": Mirror}
"""Composers by the name of the `mode` option."""
