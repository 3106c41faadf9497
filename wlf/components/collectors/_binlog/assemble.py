"""Decoded transactions to row events: the contract of the output is applied here, a rows event at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import count, repeat
from typing import Any

from msgspec import UNSET, UnsetType

from wlf.binlog import Change, Transaction
from wlf.components.collectors._binlog.options import OutputOptions
from wlf.events.rows import Origin, Place, Placed, RowChange, RowDelete, RowInsert, RowUpdate, put_place
from wlf.events.table import TableVersion

_put = Placed.__dict__["place"].__set__
_tuple: Any = tuple.__new__  # the constructor of a NamedTuple is twice as slow

_CLASSES: dict[str, type[RowChange]] = {"insert": RowInsert, "update": RowUpdate, "delete": RowDelete}


class Assembler:
    """Makes the events of transactions.

    Args:
        server: for `Place`: the server's uuid, "" for a bare file.
        output: which fields the events have beyond the ordinary ones.
        origin: whether `Place.origin` is filled in, for output formats that show it.
        now: Unix seconds, for `push_ts`.

    What a server does not log stays absent: `query`, `thread_id` and `Origin` need a decoder with `details`.
    """

    def __init__(
        self,
        server: str = "",
        output: OutputOptions | None = None,
        *,
        origin: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._server = server
        self._output = output = output or OutputOptions()
        self._origin = origin
        self._now = now
        self._plain = output == OutputOptions()

    def events(self, transaction: Transaction) -> list[RowChange]:
        """The events of a transaction, or of a part of one: the last has `commit`, all others `xoffset`.

        Each change's binding must be a TableVersion.
        """
        changes = transaction.changes
        if len(changes) == 1 and transaction.commit and self._plain and len(changes[0].rows) == 1:
            return [self._only(transaction, changes[0])]
        made: list[RowChange] = []
        first = transaction.first_xoffset
        xid: int | UnsetType = UNSET
        if transaction.xid is not None and transaction.held:
            xid = transaction.xid
        last = len(changes) - 1 if transaction.commit else -1
        for index, change in enumerate(changes):
            made += self._change(transaction, change, xid, first, commit=index == last)
            first += len(change.rows)
        return made

    def _only(self, transaction: Transaction, change: Change) -> RowChange:
        """The short way for the one row of a transaction, without any switch on."""
        version, kind, ts, server_id, offset, (row,), olds, query, _, before = change
        xid = UNSET if transaction.xid is None else transaction.xid
        event: RowChange
        if olds is None:
            event = _CLASSES[kind](version.database, version.table, kind, ts, UNSET, xid, UNSET, True, data=row)
        else:
            event = RowUpdate(version.database, version.table, kind, ts, UNSET, xid, UNSET, True, data=row, old=olds[0])
        origin = None
        if self._origin:
            origin = _tuple(Origin, (server_id, transaction.thread_id, query, transaction.commit_us, transaction.xid))
        first = transaction.first_xoffset - before
        place = (self._server, transaction.file, offset, ts, transaction.gtid, first, before + 1, origin)
        _put(event, _tuple(Place, place))
        return event

    def _change(
        self, transaction: Transaction, change: Change, xid: int | UnsetType, first: int, *, commit: bool
    ) -> list[RowChange]:
        """The events of one rows event, the last of them with `commit` if it is the transaction's last."""
        version, rows, olds = change.binding, change.rows, change.olds
        make: Any = _CLASSES[change.kind]
        query = change.query if self._output.query and change.query is not None else UNSET
        head = (version.database, version.table, change.kind, change.ts, query)
        extra, keys, names = self._extra(transaction, change), self._keys(version, rows), self._names(version)
        size = len(rows) - commit
        events: list[RowChange] = []
        if size:
            fields: list[Iterable[Any]] = [*map(repeat, head), repeat(xid), count(first, 1), repeat(UNSET)]
            fields += [*map(repeat, extra), keys or repeat(UNSET), repeat(names), rows[:size] if commit else rows]
            if olds is not None:
                fields.append(olds)
            events = list(map(make, *fields))
        if commit:
            final = UNSET if transaction.xid is None else transaction.xid
            key = keys[-1] if keys else UNSET
            images = (rows[-1],) if olds is None else (rows[-1], olds[-1])
            events.append(make(*head, final, UNSET, True, *extra, key, names, *images))
        put_place(events, self._place(transaction, change, first))
        return events

    def _place(self, transaction: Transaction, change: Change, first: int) -> Place:
        """Rows events that end at one place are one to whoever tells rows apart by it."""
        origin = None
        if self._origin:
            xid = transaction.xid
            origin = Origin(change.server_id, transaction.thread_id, change.query, transaction.commit_us, xid)
        where = (self._server, transaction.file, change.end_position, change.ts, transaction.gtid)
        return Place(*where, first - change.rows_before, change.rows_before + len(change.rows), origin)

    def _extra(self, transaction: Transaction, change: Change) -> tuple[Any, ...]:
        """From `position` to `comment`, where they are switched on."""
        output = self._output
        gtid = transaction.gtid if output.gtid else None
        thread_id = transaction.thread_id if output.thread_id else None
        return (
            f"{transaction.file}:{change.end_position}" if output.position else UNSET,
            UNSET if gtid is None else gtid,
            change.server_id if output.server_id else UNSET,
            UNSET if thread_id is None else thread_id,
            self._now() if output.push_ts else UNSET,
            UNSET,
        )

    def _keys(self, version: TableVersion, rows: list[Any]) -> list[tuple[Any, ...]] | None:
        if not self._output.primary_key or version.key is None:
            return None
        return list(map(version.key, rows))

    def _names(self, version: TableVersion) -> tuple[str, ...] | UnsetType:
        if not self._output.primary_key_columns or not version.primary_key:
            return UNSET
        return tuple(version.columns[index] for index in version.primary_key)
