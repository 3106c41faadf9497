"""Row changes: one event for each changed row, with Maxwell's field names in Maxwell's order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from wlf.events.base import Event


class Origin(NamedTuple):
    """What more is known of where rows come from; made only where an output format asks for it (`Context.formats`)."""

    server_id: int
    """Of the server that ran the transaction first."""
    thread_id: int | None
    """The session's connection id on that server."""
    query: str | None
    """The statement's text, where the server logs it (MySQL: binlog_rows_query_log_events; MariaDB: annotate)."""
    commit_us: int | None
    """When the transaction was committed on the server whose binlog this is, Unix microseconds; MySQL 8 and later."""
    xid: int | None
    """Also of rows whose `xid` field is switched off."""


class Place(NamedTuple):
    """Where the rows of one rows event come from. One object is shared by all rows of that event.

    It orders rows only within one server's binlog; after a failover the server uuid differs.
    """

    server: str
    """The uuid of the server whose binlog this is (MariaDB has none: `server_id:<n>`); "" for a bare file."""
    file: str
    offset: int
    """Byte offset behind the rows event in `file`: the `position` of the output is `file:offset`."""
    ts: int
    """The header's timestamp, Unix seconds."""
    gtid: str | None
    first: int
    """`xoffset` of the event's first row: with `rows` it tells a row's index inside its event."""
    rows: int
    origin: Origin | None = None


class Placed:
    """Holds the place outside the struct's fields, so that no encoder sees it."""

    __slots__ = ("place",)
    place: Place


class RowChange(Event, Placed, frozen=True, gc=False):
    """One changed row. Fields left `UNSET` are absent from the output.

    Args:
        type: `insert`, `update`, `delete` or, for a row of a snapshot, `bootstrap-insert`.
        ts: the event header's timestamp, Unix seconds.
        query: the statement's text.
        xid: the transaction's XID; absent on non-transactional tables and in transactions too long to be held.
        xoffset: index of the row in its transaction, counted over the rows that passed the push-down; absent on
            the last.
        commit: True on the last row of a transaction, absent on the others.
        thread_id: the connection id of the session that made the change.
        push_ts: when the event was made by the collector, Unix seconds with a fraction.
        primary_key: values of the primary key, in the key's order.
        primary_key_columns: names of the primary key's columns.
        comment: what was said of a snapshot when it was asked for.
        data: the row after the change (insert, update) or before it (delete): an instance of the table's row class.
    """

    database: str
    table: str
    type: str
    ts: int
    query: str | UnsetType = UNSET
    xid: int | UnsetType = UNSET
    xoffset: int | UnsetType = UNSET
    commit: bool | UnsetType = UNSET
    position: str | UnsetType = UNSET
    gtid: str | UnsetType = UNSET
    server_id: int | UnsetType = UNSET
    thread_id: int | UnsetType = UNSET
    push_ts: float | UnsetType = UNSET
    comment: str | UnsetType = UNSET
    primary_key: tuple[Any, ...] | UnsetType = UNSET
    primary_key_columns: tuple[str, ...] | UnsetType = UNSET
    data: Any = UNSET


class RowInsert(RowChange, frozen=True, gc=False):
    """A row was inserted; `data` is the new row."""


class RowUpdate(RowChange, frozen=True, gc=False):
    """A row was updated; `data` is the row after, `old` the former values of the columns that changed."""

    old: Any = UNSET


class RowSnapshot(RowChange, frozen=True, gc=False):
    """A row as a snapshot found it; `data` is that row. It says nothing of when the row got there."""


class RowDelete(RowChange, frozen=True, gc=False):
    """A row was deleted; `data` is the row as it was."""


_place_of = attrgetter("place")
_set_place = Placed.__dict__["place"].__set__


def put_place(events: Iterable[RowChange], place: Place) -> None:
    """Give all of `events` the same place, at C speed (the structs are frozen to everybody else)."""
    deque(map(_set_place, events, repeat(place)), maxlen=0)


def copy_places(events: Sequence[RowChange], made: list[RowChange]) -> list[RowChange]:
    """Give events that were made of others, one of each, the places of those; returns `made`."""
    try:
        deque(map(_set_place, made, map(_place_of, events)), maxlen=0)
    except AttributeError:  # events that no binlog brought have none
        for event, new in zip(events, made, strict=True):
            if hasattr(event, "place"):
                _set_place(new, event.place)
    return made


def row_index(event: RowChange) -> int:
    """The row's index inside its rows event: the same after every replay of the same binlog."""
    place = event.place
    return place.rows - 1 if event.xoffset is UNSET else event.xoffset - place.first
