"""Decoded transactions to row events: the contract of the output is applied here, a rows event at a time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count, repeat
from typing import Any

from msgspec import UNSET, UnsetType

from wlf.binlog import Change, Statement, Transaction
from wlf.events.ddl import SchemaChange
from wlf.events.rows import Place, Placed, RowChange, RowDelete, RowInsert, RowUpdate, put_place
from wlf.events.table import TableVersion

_put = Placed.__dict__["place"].__set__
_tuple: Any = tuple.__new__  # the constructor of a NamedTuple is twice as slow

_NO_EXTRA = (UNSET,) * 8
"""From `position` to `primary_key_columns`."""

_EACH = ("table-drop", "table-rename")
_CLASSES: dict[str, type[RowChange]] = {"insert": RowInsert, "update": RowUpdate, "delete": RowDelete}


class Assembler:
    """Makes the events of transactions.

    Args:
        server: for `Place`: the server's uuid, "" for a bare file.
        position, gtid, server_id, primary_key: whether events carry these fields.
        ddl: whether statements that change a schema become events.
    """

    def __init__(
        self,
        server: str = "",
        *,
        position: bool = False,
        gtid: bool = False,
        server_id: bool = False,
        primary_key: bool = False,
        ddl: bool = False,
    ) -> None:
        self._server = server
        self._position = position
        self._gtid = gtid
        self._server_id = server_id
        self._primary_key = primary_key
        self._ddl = ddl
        self._plain = not (position or gtid or server_id or primary_key)

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
        version, kind, ts, _, offset, (row,), olds = change
        xid = UNSET if transaction.xid is None else transaction.xid
        head = (version.database, version.table, kind, ts, UNSET, xid, UNSET, True, *_NO_EXTRA, row)
        event = _CLASSES[kind](*head) if olds is None else RowUpdate(*head, olds[0])
        first = transaction.first_xoffset
        _put(event, _tuple(Place, (self._server, transaction.file, offset, ts, transaction.gtid, first, 1, None)))
        return event

    def _change(
        self, transaction: Transaction, change: Change, xid: int | UnsetType, first: int, *, commit: bool
    ) -> list[RowChange]:
        """The events of one rows event, the last of them with `commit` if it is the transaction's last."""
        version, rows, olds = change.binding, change.rows, change.olds
        make: Any = _CLASSES[change.kind]
        head = (version.database, version.table, change.kind, change.ts, UNSET)
        extra, keys = self._extra(transaction, change), self._keys(version, rows)
        size = len(rows) - commit
        events: list[RowChange] = []
        if size:
            fields: list[Iterable[Any]] = [*map(repeat, head), repeat(xid), count(first, 1), repeat(UNSET)]
            fields += [*map(repeat, extra), keys or repeat(UNSET), repeat(UNSET), rows[:size] if commit else rows]
            if olds is not None:
                fields.append(olds)
            events = list(map(make, *fields))
        if commit:
            final = UNSET if transaction.xid is None else transaction.xid
            key = keys[-1] if keys else UNSET
            images = (rows[-1],) if olds is None else (rows[-1], olds[-1])
            events.append(make(*head, final, UNSET, True, *extra, key, UNSET, *images))
        offset, gtid = change.end_position, transaction.gtid
        put_place(events, Place(self._server, transaction.file, offset, change.ts, gtid, first, len(rows)))
        return events

    def _extra(self, transaction: Transaction, change: Change) -> tuple[Any, ...]:
        """From `position` to `comment`, where they are switched on."""
        gtid = transaction.gtid if self._gtid else None
        return (
            f"{transaction.file}:{change.end_position}" if self._position else UNSET,
            UNSET if gtid is None else gtid,
            change.server_id if self._server_id else UNSET,
            UNSET,
            UNSET,
            UNSET,
        )

    def _keys(self, version: TableVersion, rows: list[Any]) -> list[tuple[Any, ...]] | None:
        if not self._primary_key or version.key is None:
            return None
        return list(map(version.key, rows))

    def schema_changes(self, statement: Statement) -> list[SchemaChange]:
        """The events of a statement: one for each table or database it changes, none if it is no DDL or `ddl` is off.

        A renamed table is named as it was before.
        """
        if not self._ddl or not statement.is_ddl:
            return []
        renames = statement.kind == "table-rename"
        objects = statement.objects[:: 2 if renames else 1] if statement.kind in _EACH else statement.objects[:1]
        extra = (
            f"{statement.file}:{statement.end_position}" if self._position else UNSET,
            statement.gtid if self._gtid and statement.gtid is not None else UNSET,
            statement.server_id if self._server_id else UNSET,
        )
        head = (statement.kind, statement.ts, statement.sql)
        return [
            SchemaChange(database, *head, table or UNSET, *extra)
            for database, table in objects or ((statement.database, ""),)
        ]
