"""A table behind an ALTER TABLE: the server's own order of drops, changes and additions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import structs

from wlf.binlog.ddl.catalogue import Table
from wlf.binlog.ddl.cursor import NotReadable
from wlf.binlog.ddl.operations import (
    AddColumn,
    Change,
    ChangeColumn,
    Declared,
    DropColumn,
    RenameColumn,
    SetCharset,
    SetKey,
    Versioning,
)
from wlf.binlog.ddl.types import ColumnModel, settled

_PERIOD = tuple(ColumnModel(name, "timestamp", (6,), hidden=True) for name in ("row_start", "row_end"))


def with_period(columns: Iterable[ColumnModel], *, hidden: bool) -> tuple[ColumnModel, ...]:
    """The columns, and behind them what system versioning adds where a table declares no period of its own."""
    shown = tuple(column for column in columns if not column.hidden)
    return shown + _PERIOD if hidden else shown


def spelled(key: Iterable[str], columns: Sequence[ColumnModel]) -> tuple[str, ...]:
    """A key's columns as the table spells them; what is no column of it is left out."""
    names = {column.name.lower(): column.name for column in columns}
    return tuple(names[name.lower()] for name in key if name.lower() in names)


def altered(table: Table, changes: Sequence[Change], default: str | None) -> Table:
    """The table with the changes of one statement; `default` is its database's character set.

    Raises:
        NotReadable: the changes are about columns that this table has not: it is not the table of the statement.
    """
    charset, columns = _charset(table, changes, default)
    alteration = _Alteration(columns, charset)
    alteration.first_pass(changes)
    for change in changes:
        alteration.second_pass(change)
    hidden = any(column.hidden for column in table.columns)
    for change in changes:
        if isinstance(change, Versioning):
            hidden = change.on and not _declares_period(changes)
    made = with_period(alteration.columns, hidden=hidden)
    return structs.replace(table, columns=made, charset=charset, key=spelled(_key(table, changes), made))


def _charset(table: Table, changes: Sequence[Change], default: str | None) -> tuple[str | None, list[ColumnModel]]:
    charset, columns = table.charset, [column for column in table.columns if not column.hidden]
    for change in changes:
        if isinstance(change, SetCharset):
            charset = change.charset or default
            if change.convert and charset is not None:
                columns = [column.converted(charset) for column in columns]
    return charset, columns


def _declares_period(changes: Sequence[Change]) -> bool:
    return any(isinstance(change, AddColumn) and change.declared.row_start for change in changes)


def _key(table: Table, changes: Sequence[Change]) -> tuple[str, ...]:
    """The primary key's columns by their new names. A dropped one is found out where the names are spelled."""
    key = [] if any(isinstance(change, SetKey) and not change.names for change in changes) else list(table.key)
    renamed: dict[str, str] = {}
    for change in changes:
        if isinstance(change, RenameColumn):
            renamed[change.old.lower()] = change.new
        elif isinstance(change, ChangeColumn):
            renamed[change.old.lower()] = change.declared.column.name
    key = [renamed.get(name.lower(), name) for name in key]
    for change in changes:
        if isinstance(change, SetKey) and change.names:
            key = list(change.names)
        elif isinstance(change, AddColumn | ChangeColumn) and change.declared.key:
            key = [change.declared.column.name]
    dropped = {change.name.lower() for change in changes if isinstance(change, DropColumn)}
    added = {c.declared.column.name.lower() for c in changes if isinstance(c, AddColumn)}
    return tuple(name for name in key if name.lower() not in dropped or name.lower() in added)


class _Alteration:
    """Columns on their way from the old table to the new one."""

    def __init__(self, columns: list[ColumnModel], charset: str | None) -> None:
        self.columns: list[ColumnModel] = []
        self._old = columns
        self._charset = charset
        self._names = {column.name.lower() for column in columns}
        self._renamed: dict[str, str] = {}

    def first_pass(self, changes: Sequence[Change]) -> None:
        """What stays in its place: columns that are not dropped, and changed ones for which no place is named."""
        dropped, changed = set[str](), dict[str, ChangeColumn | RenameColumn]()
        for change in changes:
            if isinstance(change, DropColumn) and self._is_there(change.name, change.if_exists):
                dropped.add(change.name.lower())
            elif isinstance(change, ChangeColumn | RenameColumn) and self._is_there(change.old, change.if_exists):
                changed[change.old.lower()] = change
        for column in self._old:
            lower = column.name.lower()
            new = changed.get(lower)
            if lower in dropped:
                continue
            if new is None:
                self.columns.append(column)
            elif isinstance(new, RenameColumn):
                self._renamed[lower] = new.new.lower()
                self.columns.append(structs.replace(column, name=new.new))
            else:
                self._renamed[lower] = new.declared.column.name.lower()
                if new.declared.after is None:
                    self.columns.append(self._settled(new.declared))

    def _is_there(self, name: str, if_exists: bool) -> bool:
        if name.lower() in self._names:
            return True
        if if_exists:
            return False
        raise NotReadable

    def second_pass(self, change: Change) -> None:
        """What is put into a place: additions, and changed columns that move."""
        if isinstance(change, AddColumn):
            is_there = any(column.name.lower() == change.declared.column.name.lower() for column in self.columns)
            if is_there and change.if_not_exists:
                return
            if is_there:
                raise NotReadable
            self._put(change.declared)
        elif (
            isinstance(change, ChangeColumn) and change.declared.after is not None and change.old.lower() in self._names
        ):
            self._put(change.declared)

    def _put(self, declared: Declared) -> None:
        column, after = self._settled(declared), declared.after
        if after is None:
            self.columns.append(column)
            return
        self.columns.insert(self._index(after.lower()) + 1 if after else 0, column)

    def _index(self, name: str) -> int:
        for wanted in (name, self._renamed.get(name)):
            for index, column in enumerate(self.columns):
                if column.name.lower() == wanted:
                    return index
        raise NotReadable

    def _settled(self, declared: Declared) -> ColumnModel:
        return settled(declared.column, declared.charset, self._charset)
