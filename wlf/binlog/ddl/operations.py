"""What a statement does to tables and databases, as it was read: names are resolved, nothing is applied yet."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from wlf.binlog.ddl.types import ColumnModel

Name: TypeAlias = tuple[str, str]
"""Database and table."""


class Declared(NamedTuple):
    """A column as a statement declares it."""

    column: ColumnModel
    charset: str | None
    """What the statement says; None where the table's default holds."""
    key: bool
    """Is it the primary key?"""
    after: str | None = None
    """"" for FIRST, else the column it comes behind; None where nothing is said."""
    versioned: bool = False
    row_start: bool = False


class AddColumn(NamedTuple):
    """ADD COLUMN."""

    declared: Declared
    if_not_exists: bool


class ChangeColumn(NamedTuple):
    """CHANGE COLUMN and MODIFY COLUMN."""

    old: str
    declared: Declared
    if_exists: bool


class RenameColumn(NamedTuple):
    """RENAME COLUMN."""

    old: str
    new: str
    if_exists: bool


class DropColumn(NamedTuple):
    """DROP COLUMN."""

    name: str
    if_exists: bool


class SetKey(NamedTuple):
    """ADD PRIMARY KEY; () for DROP PRIMARY KEY."""

    names: tuple[str, ...]


class SetCharset(NamedTuple):
    """The default for columns to come; None: the database's. `convert`: and all columns there are."""

    charset: str | None
    convert: bool


class Versioning(NamedTuple):
    """ADD and DROP SYSTEM VERSIONING."""

    on: bool


class RenameTo(NamedTuple):
    """RENAME TO."""

    name: Name


class ToTable(NamedTuple):
    """CONVERT PARTITION ... TO TABLE: a new table like this one."""

    name: Name


class FromTable(NamedTuple):
    """CONVERT TABLE ... TO PARTITION: that table is gone."""

    name: Name


Change: TypeAlias = (
    AddColumn
    | ChangeColumn
    | RenameColumn
    | DropColumn
    | SetKey
    | SetCharset
    | Versioning
    | RenameTo
    | ToTable
    | FromTable
)


class CreateTable(NamedTuple):
    """CREATE TABLE, also LIKE and AS SELECT."""

    name: Name
    columns: tuple[Declared, ...] = ()
    key: tuple[str, ...] = ()
    charset: str | None = None
    if_not_exists: bool = False
    like: Name | None = None
    selected: bool = False
    """Columns come from a SELECT or from the engine: they are not known."""
    versioned: bool = False


class AlterTable(NamedTuple):
    """ALTER TABLE; () for changes of indexes and the like."""

    name: Name
    changes: tuple[Change, ...] = ()


class DropTables(NamedTuple):
    """DROP TABLE."""

    names: tuple[Name, ...]
    if_exists: bool


class RenameTables(NamedTuple):
    """RENAME TABLE, in order."""

    pairs: tuple[tuple[Name, Name], ...]


class TruncateTable(NamedTuple):
    """TRUNCATE TABLE."""

    name: Name


class CreateDatabase(NamedTuple):
    """CREATE DATABASE; `charset` None: the server's default."""

    name: str
    charset: str | None
    if_not_exists: bool
    or_replace: bool


class AlterDatabase(NamedTuple):
    """ALTER DATABASE; `charset` None where it says nothing of it."""

    name: str
    charset: str | None


class DropDatabase(NamedTuple):
    """DROP DATABASE."""

    name: str
    if_exists: bool


class Unreadable(NamedTuple):
    """A statement about these tables; ("db", "") stands for all tables of a database."""

    names: tuple[Name, ...]


class Temporary(NamedTuple):
    """A statement about temporary tables, of which no other session sees anything."""


Operation: TypeAlias = (
    CreateTable
    | AlterTable
    | DropTables
    | RenameTables
    | TruncateTable
    | CreateDatabase
    | AlterDatabase
    | DropDatabase
    | Unreadable
    | Temporary
)
