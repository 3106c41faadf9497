"""Row changes: one event for each changed row, with Maxwell's field names in Maxwell's order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import repeat
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from wlf.events.base import Event


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


class Placed:
    """Holds the place outside the struct's fields, so that no encoder sees it."""

    __slots__ = ("place",)
    place: Place


class RowChange(Event, Placed, frozen=True, gc=False):
    """One changed row. Fields left `UNSET` are absent from the output.

    Args:
        type: `insert`, `update` or `delete`.
        ts: the event header's timestamp, Unix seconds.
        xid: the transaction's XID; absent on non-transactional tables and in transactions too long to be held.
        xoffset: index of the row in its transaction, counted over the rows that passed the push-down; absent on
            the last.
        commit: True on the last row of a transaction, absent on the others.
        data: the row after the change (insert, update) or before it (delete): an instance of the table's row class.
    """

    database: str
    table: str
    type: str
    ts: int
    xid: int | UnsetType = UNSET
    xoffset: int | UnsetType = UNSET
    commit: bool | UnsetType = UNSET
    position: str | UnsetType = UNSET
    gtid: str | UnsetType = UNSET
    server_id: int | UnsetType = UNSET
    primary_key: tuple[Any, ...] | UnsetType = UNSET
    data: Any = UNSET


class RowInsert(RowChange, frozen=True, gc=False):
    """A row was inserted; `data` is the new row."""


class RowUpdate(RowChange, frozen=True, gc=False):
    """A row was updated; `data` is the row after, `old` the former values of the columns that changed."""

    old: Any = UNSET


class RowDelete(RowChange, frozen=True, gc=False):
    """A row was deleted; `data` is the row as it was."""


_set_place = Placed.__dict__["place"].__set__


def put_place(events: Iterable[RowChange], place: Place) -> None:
    """Give all of `events` the same place, at C speed (the structs are frozen to everybody else)."""
    deque(map(_set_place, events, repeat(place)), maxlen=0)


def row_index(event: RowChange) -> int:
    """The row's index inside its rows event: the same after every replay of the same binlog."""
    place = event.place
    return place.rows - 1 if event.xoffset is UNSET else event.xoffset - place.first
