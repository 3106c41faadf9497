"""Applies statements to the catalogue, and tells what each did to which table."""

from __future__ import annotations

from msgspec import structs

from wlf.binlog.ddl.altered import altered, spelled, with_period
from wlf.binlog.ddl.catalogue import Catalogue, Effect, Table
from wlf.binlog.ddl.cursor import NotReadable
from wlf.binlog.ddl.operations import (
    AlterDatabase,
    AlterTable,
    CreateDatabase,
    CreateTable,
    DropDatabase,
    DropTables,
    FromTable,
    Name,
    Operation,
    RenameTables,
    RenameTo,
    ToTable,
    TruncateTable,
    Unreadable,
)
from wlf.binlog.ddl.reader import read_statement
from wlf.binlog.ddl.tokens import Dialect
from wlf.binlog.ddl.types import ColumnModel, settled


def apply(
    catalogue: Catalogue,
    sql: str,
    database: str,
    dialect: Dialect,
    *,
    place: tuple[int, int] = (1 << 62, 0),
    server_charset: str | None = None,
) -> list[Effect]:
    """Apply one statement; its effects, [] where it concerns no table and no database. Never raises.

    Args:
        catalogue: the tables before it.
        sql: the statement.
        database: the session's default.
        dialect: how the server read it.
        place: number of its file and offset behind it, to be compared with `Table.as_of`.
        server_charset: the default for a new database.
    """
    # Bytes of no character set came as surrogates, which no encoder takes.
    operation = read_statement(sql.encode("utf-8", "replace").decode(), database, dialect)
    return [] if operation is None else _Application(catalogue, place, server_charset).run(operation)


class _Application:
    """One statement on its way into a catalogue."""

    def __init__(self, catalogue: Catalogue, place: tuple[int, int], server_charset: str | None) -> None:
        self._catalogue = catalogue
        self._place = place
        self._server_charset = server_charset

    def run(self, operation: Operation) -> list[Effect]:
        """The effects of an operation, which is applied."""
        if isinstance(operation, CreateTable):
            return self._create(operation)
        if isinstance(operation, AlterTable):
            return self._alter(operation)
        if isinstance(operation, RenameTables):
            return [self._rename(*pair) for pair in operation.pairs]
        if isinstance(operation, DropTables):
            return [effect for name in operation.names for effect in self._drop(name, operation.if_exists)]
        if isinstance(operation, TruncateTable):
            name, table = self._look(operation.name)
            return [Effect(name, name, table, table)]
        if isinstance(operation, CreateDatabase | AlterDatabase | DropDatabase):
            return self._database(operation)
        if isinstance(operation, Unreadable):
            return [effect for name in operation.names for effect in self._unsure(name)]
        return []

    def _look(self, name: Name) -> tuple[Name, Table | None]:
        name = self._catalogue.named(name)
        return name, self._catalogue.tables.get(name)

    def _is_in(self, table: Table | None) -> bool:
        """May what the table is known to be contain the statement already?"""
        return table is not None and table.as_of is not None and self._place <= table.as_of

    def _put(self, name: Name, table: Table | None) -> None:
        self._catalogue.put(name, table)

    # Tables.

    def _create(self, operation: CreateTable) -> list[Effect]:
        name, before = self._look(operation.name)
        if operation.if_not_exists and before is not None:
            if not self._is_in(before):
                return []
            made = structs.replace(before, sure=False)
        elif operation.like is not None:
            made = self._like(operation.like)
        else:
            made = self._made(operation)
        self._put(name, made)
        return [Effect(None, name, None, made)]

    def _like(self, source: Name) -> Table:
        _, known = self._look(source)
        if known is None:
            return Table((), sure=False)
        if self._is_in(known):
            return structs.replace(known, sure=False, as_of=None)
        return structs.replace(known, as_of=None)

    def _made(self, operation: CreateTable) -> Table:
        charset = operation.charset or self._catalogue.databases.get(operation.name[0])
        if operation.selected:
            return Table((), charset, sure=False)
        columns = tuple(settled(declared.column, declared.charset, charset) for declared in operation.columns)
        hidden = operation.versioned and not any(declared.row_start for declared in operation.columns)
        made = with_period(columns, hidden=hidden)
        return Table(made, charset, spelled(operation.key, made), sure=_is_settled(made))

    def _alter(self, operation: AlterTable) -> list[Effect]:
        name, before = self._look(operation.name)
        changes = operation.changes
        if before is None or not changes:
            after = before
        elif self._is_in(before):
            after = structs.replace(before, sure=False)
        else:
            after = self._altered(name, before, operation)
        to = next((self._catalogue.named(change.name) for change in changes if isinstance(change, RenameTo)), name)
        if to != name:
            self._put(name, None)
        if after is not before or to != name:
            self._put(to, after)
        effects = [Effect(name, to, before, after)]
        for change in changes:
            if isinstance(change, ToTable):
                self._put(change.name, after)
                effects.append(Effect(None, self._catalogue.named(change.name), None, after))
            elif isinstance(change, FromTable):
                effects += self._drop(change.name, if_exists=False)
        return effects

    def _altered(self, name: Name, before: Table, operation: AlterTable) -> Table:
        if not before.columns and not before.sure:
            return before
        try:
            after = altered(before, operation.changes, self._catalogue.databases.get(name[0]))
        except NotReadable:
            return structs.replace(before, sure=False)
        return after if _is_settled(after.columns) else structs.replace(after, sure=False)

    def _rename(self, old: Name, new: Name) -> Effect:
        (old, before), (new, there) = self._look(old), self._look(new)
        after = before
        if self._is_in(there):
            # What was asked for later is the table behind this statement or a later one.
            after = structs.replace(there, sure=False) if there is not None else None
        elif self._is_in(before) and before is not None:
            after = structs.replace(before, sure=False)
        self._put(old, None)
        self._put(new, after)
        return Effect(old, new, before, after)

    def _drop(self, name: Name, if_exists: bool) -> list[Effect]:
        name, before = self._look(name)
        self._put(name, None)
        if before is None and if_exists and self._catalogue.complete:
            return []
        return [Effect(name, None, before, None)]

    def _unsure(self, name: Name) -> list[Effect]:
        database, table = self._catalogue.named(name)
        names = [(database, table)] if table else [known for known in self._catalogue if known[0] == database]
        for known in names:
            before = self._catalogue.tables.get(known)
            if before is not None:
                self._put(known, structs.replace(before, sure=False))
        return [Effect((database, table), (database, table), None, None)]

    # Databases.

    def _database(self, operation: CreateDatabase | AlterDatabase | DropDatabase) -> list[Effect]:
        catalogue = self._catalogue
        name, _ = catalogue.named((operation.name, ""))
        both = (name, "")
        if isinstance(operation, AlterDatabase):
            if operation.charset is not None:
                catalogue.put_database(name, operation.charset)
            return [Effect(both, both, None, None)]
        if isinstance(operation, CreateDatabase):
            if operation.if_not_exists and name in catalogue.databases:
                return []
            if operation.or_replace:
                self._drop_tables(name)
            catalogue.put_database(name, operation.charset or self._server_charset)
            return [Effect(None, both, None, None)]
        self._drop_tables(name)
        catalogue.drop_database(name)
        return [Effect(both, None, None, None)]

    def _drop_tables(self, database: str) -> None:
        for name in [name for name in self._catalogue if name[0] == database]:
            self._put(name, None)


def _is_settled(columns: tuple[ColumnModel, ...]) -> bool:
    """Is the character set of each text known?"""
    return all(not column.takes_charset or column.charset is not None for column in columns)
