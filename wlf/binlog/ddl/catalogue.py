"""All tables as the statements up to some place in the binlog left them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from wlf.binlog.ddl.operations import Name
from wlf.binlog.ddl.types import ColumnModel


class Table(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One table.

    Args:
        columns: in order.
        charset: the default of its text columns; None where it is not known.
        key: names of the primary key's columns, in key order.
        sure: False where a statement could not be read, or the columns were asked for later than they hold.
        as_of: number of a file and offset in it: statements that end before it may be contained in `columns` already.
    """

    columns: tuple[ColumnModel, ...]
    charset: str | None = None
    key: tuple[str, ...] = ()
    sure: bool = True
    as_of: tuple[int, int] | None = None

    def column(self, name: str) -> ColumnModel | None:
        """A column by its name, whose case does not matter."""
        lower = name.lower()
        return next((column for column in self.columns if column.name.lower() == lower), None)


class Effect(NamedTuple):
    """What a statement did to one table or database.

    `old_name` is None where the table is made, `new_name` where it is gone; a rename has both. `old` and `new` are
    None where the table is not known. A database has "" for a table.
    """

    old_name: Name | None
    new_name: Name | None
    old: Table | None
    new: Table | None

    @property
    def name(self) -> Name:
        """The object by its former name, if it had one."""
        found = self.old_name or self.new_name
        assert found is not None, "an effect has a name"
        return found


class Catalogue:
    """Tables by name, and the default character sets of databases.

    Args:
        folds: table and database names are the same in whatever case, and stored in lower case
            (`lower_case_table_names` 1 and 2).
    """

    def __init__(self, *, folds: bool = False) -> None:
        self.folds = folds
        self.tables: dict[Name, Table] = {}
        self.databases: dict[str, str | None] = {}
        self.complete = False
        """Is a wanted table that is not known one that does not exist?"""
        self.touched: set[Name] = set()
        """What was changed since somebody last emptied the set; ("db", "") for a database."""

    def __iter__(self) -> Iterator[Name]:
        return iter(self.tables)

    def get(self, database: str, table: str) -> Table | None:
        """A table, None where it is not known."""
        return self.tables.get(self.named((database, table)))

    def put(self, name: Name, table: Table | None) -> None:
        """Make, replace or (None) forget a table."""
        name = self.named(name)
        if table is None:
            if self.tables.pop(name, None) is None:
                return
        else:
            self.tables[name] = table
        self.touched.add(name)

    def put_database(self, name: str, charset: str | None) -> None:
        """Set the default character set of a database."""
        self.databases[name] = charset
        self.touched.add((name, ""))

    def drop_database(self, name: str) -> None:
        """Forget a database, whose tables are gone already."""
        self.databases.pop(name, None)
        self.touched.add((name, ""))

    def named(self, name: Name) -> Name:
        """The name as it is stored."""
        return (name[0].lower(), name[1].lower()) if self.folds else name
