"""What the partition of an event is computed from: events that are equal in it share a partition and keep their order.

wlf hashes the key, or the values that `partition_by` names. With the partitioners `maxwell_default` and
`maxwell_murmur3` it hashes the very text that Maxwell does (RowIdentity.toConcatString, RowMap.buildPartitionKey and
AbstractMaxwellPartitioner.getHashString), so that a topic goes on in the same partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET

from wlf.components.dispatchers._kafka.keys import Keyed, Keys, table_key
from wlf.components.dispatchers._kafka.options import KafkaConfig
from wlf.events import DeadLetter, Event, LogLine, RowChange, SchemaChange
from wlf.events.java_text import java_text
from wlf.events.plain import plain_number

PlaceOf: TypeAlias = Callable[[Any], bytes | None]
"""What one event's partition is computed from; None: it has no such thing."""

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=plain_number).encode


class Places:
    """The places of a batch's events."""

    def __init__(self, config: KafkaConfig) -> None:
        self._by = config.partition_by
        self._columns = tuple(config.partition_columns)
        self._maxwell = config.partitioner in ("maxwell_default", "maxwell_murmur3")
        self._keys = Keys("wlf") if config.effective_key == "none" and self._by != "none" else None
        self._fallback = config.partition_fallback
        self._of: PlaceOf | None = None
        if self._maxwell and self._by not in ("none", "random"):
            self._of = self._maxwell_text
        elif self._by not in ("primary_key", "none", "random"):
            self._of = self._chosen(self._by)

    def of(self, events: Sequence[Event], keyed: Keyed) -> Sequence[bytes | None]:
        """What the partition of each event is computed from; None: any partition."""
        if self._by in ("none", "random"):
            return [None] * len(events)
        if self._maxwell:
            return [self._maxwell_text(event) for event in events]
        keys = self._stable(events, self._keys.of(events) if self._keys is not None else keyed)
        place = self._of
        if place is None:
            return keys
        return [place(event) or key for event, key in zip(events, keys, strict=True)]

    def _stable(self, events: Sequence[Event], keyed: Keyed) -> Sequence[bytes | None]:
        """The keys, with that of the table where an event's own would scatter the table."""
        if not keyed.loose:
            return keyed.keys
        keys = list(keyed.keys)
        for index in keyed.loose:
            event = _inner(events[index])
            if isinstance(event, RowChange | SchemaChange):
                keys[index] = table_key(event.database, event.table)
        return keys

    def _chosen(self, by: str) -> PlaceOf:
        """wlf's own place by a name of `partition_by`."""
        if by == "columns":
            fallback = self._chosen(self._fallback) if self._fallback else _nothing
            return lambda event: self._of_columns(event) or fallback(event)
        chosen: PlaceOf = {
            "primary_key": _nothing,
            "table": _table,
            "database": _database,
            "transaction_id": lambda event: _told(xid_of(event)),
            "thread_id": lambda event: _told(thread_of(event)),
        }[by]
        return chosen

    def _of_columns(self, event: Event) -> bytes | None:
        row = getattr(event, "data", None)
        columns = getattr(row, "__columns__", {})
        values = [getattr(row, f"f{columns[name]}") if name in columns else UNSET for name in self._columns]
        return None if UNSET in values else _encode(values)

    def _maxwell_text(self, event: Event) -> bytes | None:
        event = _inner(event)
        if isinstance(event, SchemaChange):  # DDL goes by its database, whatever rows go by
            return event.database.encode()
        if not isinstance(event, RowChange):
            return event.source.encode() if isinstance(event, LogLine) else None
        text = maxwell_text(event, self._by, self._columns, self._fallback)
        return text.encode("utf-8", "surrogatepass")


def maxwell_text(event: RowChange, by: str, columns: Sequence[str] = (), fallback: str | None = None) -> str:
    """The text that Maxwell hashes for a row with `producer_partition_by` = `by`."""
    if by == "table":
        return event.table
    if by == "primary_key":
        return _concatenated(event)
    if by == "transaction_id":
        return java_null(xid_of(event))
    if by == "thread_id":
        return java_null(thread_of(event))
    if by == "columns":
        known = getattr(event.data, "__columns__", {})
        found = (getattr(event.data, f"f{known[name]}") for name in columns if name in known)
        return "".join(java_text(value) or "" for value in found) or maxwell_text(event, fallback or "primary_key")
    return event.database


def _concatenated(event: RowChange) -> str:
    """The values of the primary key, one behind the other."""
    version = getattr(event.data, "__table__", None)
    if version is None or version.key is None:
        return event.database + event.table
    return "".join(java_text(value) or "" for value in version.key(event.data)) or "None"


def xid_of(event: Any) -> int | None:
    """The transaction's XID; None for tables without transactions, and for parts of one too long to be held."""
    xid = getattr(event, "xid", UNSET)
    return _of_origin(event, "xid") if xid is UNSET else xid


def thread_of(event: Any) -> int | None:
    """The session's connection id, where the collector brings it."""
    thread = getattr(event, "thread_id", UNSET)
    return _of_origin(event, "thread_id") if thread is UNSET else thread


def java_null(value: int | None) -> str:
    """String.valueOf(Long)."""
    return "null" if value is None else str(value)


def _of_origin(event: Any, name: str) -> int | None:
    origin = getattr(getattr(event, "place", None), "origin", None)
    found: int | None = getattr(origin, name, None)
    return found


def _told(value: int | None) -> bytes | None:
    return None if value is None else b"%d" % value


def _nothing(event: Any) -> bytes | None:
    return None


def _inner(event: Event) -> Event:
    return event.event if isinstance(event, DeadLetter) and isinstance(event.event, Event) else event


def _table(event: Any) -> bytes | None:
    table = getattr(event, "table", UNSET)
    return _database(event) if table is UNSET else f"{event.database}.{table}".encode()


def _database(event: Any) -> bytes | None:
    database = getattr(event, "database", None)
    return None if database is None else str(database).encode()
