"""How the schema history lies in the collector's state: a base, and behind it what each statement changed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from wlf.binlog.ddl import Catalogue, Table
from wlf.components.collectors._binlog.place import Position, file_order

PREFIX = "schema/"
BASE = f"{PREFIX}base"

_LEVEL = 1
"""Of compression: 10 000 tables shrink to a twentieth at once; more would only cost time."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What one statement changed.

    Args:
        number: counts the definitions that were read; positions carry it.
        server: whose binlog the place is in.
        file: the place behind the statement.
        offset: in that file.
        tables: (database, table, the table as it is then; None: it is gone).
        databases: (database, its character set, whether it is there).
    """

    number: int
    server: str
    file: str
    offset: int
    tables: tuple[tuple[str, str, Table | None], ...] = ()
    databases: tuple[tuple[str, str | None, bool], ...] = ()

    @property
    def name(self) -> str:
        """Under which it is stored."""
        return f"{PREFIX}{self.number:08d}"

    def is_before(self, position: Position) -> bool:
        """Does a reader at this position have the statement behind it?

        In the same binlog places tell. Numbers do between servers; a number alone would not know of the statement of a
        transaction that is read again, CREATE TABLE ... SELECT.
        """
        if position.server == self.server:
            return position.is_behind(self.file, self.offset)
        return position.schema is not None and self.number <= position.schema

    def apply(self, catalogue: Catalogue) -> None:
        """Make the changes."""
        for database, charset, is_there in self.databases:
            if is_there:
                catalogue.put_database(database, charset)
            else:
                catalogue.drop_database(database)
        for database, table, definition in self.tables:
            catalogue.put((database, table), definition)


class Base(msgspec.Struct, frozen=True, array_like=True):
    """The whole catalogue at one place: an entry of everything."""

    number: int
    server: str
    file: str
    offset: int
    folds: bool
    tables: dict[str, dict[str, Table]]
    databases: dict[str, str | None]

    def catalogue(self) -> Catalogue:
        """The tables of then."""
        made = Catalogue(folds=self.folds)
        made.databases.update(self.databases)
        made.tables.update(
            ((database, name), table) for database, tables in self.tables.items() for name, table in tables.items()
        )
        return made


_pack = msgspec.msgpack.Encoder().encode
_unpack_base = msgspec.msgpack.Decoder(Base).decode
_unpack_entry = msgspec.msgpack.Decoder(Entry).decode


def pack_base(catalogue: Catalogue, number: int, server: str, file: str, offset: int) -> bytes:
    """The stored form of a base."""
    tables: dict[str, dict[str, Table]] = {}
    for (database, name), table in catalogue.tables.items():
        tables.setdefault(database, {})[name] = table
    base = Base(number, server, file, offset, catalogue.folds, tables, catalogue.databases)
    return zlib.compress(_pack(base), _LEVEL)


def unpack_base(stored: bytes) -> Base:
    """Raises msgspec.DecodeError or zlib.error."""
    return _unpack_base(zlib.decompress(stored))


def pack_entry(entry: Entry) -> bytes:
    """The stored form of an entry."""
    return _pack(entry)


def unpack_entries(stored: Iterable[bytes]) -> list[Entry]:
    """Entries in order; raises msgspec.DecodeError."""
    return sorted(map(_unpack_entry, stored), key=lambda entry: entry.number)


def changes_of(catalogue: Catalogue, number: int, place: tuple[str, str, int], before: Entry | None) -> Entry:
    """An entry of what was touched, on top of one of the same number; the catalogue is told that it is noted."""
    tables = {(database, table): made for database, table, made in before.tables} if before else {}
    databases = {database: (charset, there) for database, charset, there in before.databases} if before else {}
    for database, table in catalogue.touched:
        if table:
            tables[database, table] = catalogue.tables.get((database, table))
        else:
            databases[database] = (catalogue.databases.get(database), database in catalogue.databases)
    catalogue.touched.clear()
    return Entry(
        number,
        *place,
        tuple((database, table, made) for (database, table), made in tables.items()),
        tuple((database, charset, there) for database, (charset, there) in databases.items()),
    )


def file_place(file: str, offset: int) -> tuple[int, int]:
    """A place as `Table.as_of` has it."""
    return file_order(file)[0], offset
