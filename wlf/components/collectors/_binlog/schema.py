"""Ask a server for its tables' columns: of all that are wanted in a few queries, or of one.

What it says is true now, not where reading is: the schema history knows what to make of that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import structs

from wlf.binlog.ddl import Catalogue, ColumnModel, Dialect, Table, read_column_type
from wlf.binlog.ddl.altered import with_period
from wlf.binlog.ddl.charsets import charset_named, charset_of_collation
from wlf.errors import Retryable, WlfError

if TYPE_CHECKING:
    from wlf.components.collectors._binlog.side import SideConnection

SYSTEM_DATABASES = ("information_schema", "mysql", "performance_schema", "sys")
"""Servers change these by themselves; their tables are asked for only where rows of them are wanted and come."""

_FEW = 24
"""So many tables are asked for one by one, which servers answer without looking at all the others."""

_TABLES = "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_COLLATION FROM information_schema.TABLES WHERE "
_COLUMNS = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, GENERATION_EXPRESSION "
    "FROM information_schema.COLUMNS WHERE {} ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"
)
# Parts of other indexes may be expressions, which have no column.
_KEYS = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS "
    "WHERE INDEX_NAME = 'PRIMARY' AND {} ORDER BY TABLE_SCHEMA, TABLE_NAME, SEQ_IN_INDEX"
)
_ONE = "TABLE_SCHEMA = %s AND TABLE_NAME = %s"
_ALL = "TABLE_SCHEMA = %s"
_NAMES = "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN %s"
_VIEWS = ("VIEW", "SYSTEM VIEW", "TEMPORARY")


class Asked(NamedTuple):
    """How a server reads statements and compares names."""

    dialect: Dialect
    folds: bool
    """Names of tables and databases are the same in whatever case."""


def look_at(side: SideConnection) -> Asked:
    """Version and `lower_case_table_names`; has the server show its invisible primary keys to this session."""
    ((version, folds),) = side.query("SELECT @@version, @@lower_case_table_names")
    dialect = Dialect.of(str(version))
    if not dialect.mariadb and dialect.version >= 80_030:
        with contextlib.suppress(WlfError):
            side.query("SET SESSION show_gipk_in_create_table_and_information_schema = ON")
    return Asked(dialect, int(folds) != 0)


def read_all(side: SideConnection, asked: Asked, wants: Callable[[str, str], bool]) -> Catalogue:
    """All wanted tables of a server, and the character sets of its databases. Blocks: call it in a thread.

    Raises:
        Retryable: the server is not there.
    """
    catalogue = Catalogue(folds=asked.folds)
    for database, charset in side.query(
        "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA"
    ):
        catalogue.put_database(str(database), charset_named(str(charset)))
    # Names alone: for anything more MariaDB would open each table, also those that nobody wants.
    wanted: dict[str, list[str]] = {}
    for database, name in side.query(_NAMES, (SYSTEM_DATABASES,)):
        if wants(str(database), str(name)):
            wanted.setdefault(str(database), []).append(str(name))
    for database, names in wanted.items():
        for name, table in _read_database(side, asked, database, names):
            catalogue.put((database, name), table)
    return catalogue


def _read_database(
    side: SideConnection, asked: Asked, database: str, names: list[str]
) -> list[tuple[str, Table | None]]:
    """Tables of one database, all at once where they are many."""
    if len(names) > _FEW:
        # One answer about thousands of tables may take longer than an answer may.
        with contextlib.suppress(Retryable):
            return _read_at_once(side, asked, database, frozenset(names))
    return [(name, read_table(side, asked, database, name)) for name in names]


def _read_at_once(
    side: SideConnection, asked: Asked, database: str, names: frozenset[str]
) -> list[tuple[str, Table | None]]:
    tables = {row[1]: row for row in side.query(_TABLES + _ALL, (database,)) if row[2] not in _VIEWS}
    columns = _grouped(side.query(_COLUMNS.format(_ALL), (database,)))
    keys = _grouped(side.query(_KEYS.format(_ALL), (database,)))
    return [
        (name, _table(tables[name], found, keys.get(name, []), asked.dialect))
        for name, found in columns.items()
        if name in names and name in tables
    ]


def read_table(side: SideConnection, asked: Asked, database: str, table: str) -> Table | None:
    """One table as it is now; None where there is none, or the account may not see it. Blocks."""
    name = (database, table)
    tables = _exactly(table, side.query(_TABLES + _ONE, name))
    if not tables or tables[0][2] in _VIEWS:
        return None
    columns = _exactly(table, side.query(_COLUMNS.format(_ONE), name))
    keys = _exactly(table, side.query(_KEYS.format(_ONE), name))
    return _table(tables[0], columns, keys, asked.dialect) if columns else None


def differences(catalogue: Catalogue, other: Catalogue) -> Iterator[tuple[str, str]]:
    """The tables that are not the same in both, or only in one."""
    for name in {*catalogue.tables, *other.tables}:
        if catalogue.tables.get(name) != other.tables.get(name):
            yield name


def _table(
    row: tuple[Any, ...], columns: Iterable[tuple[Any, ...]], keys: Iterable[tuple[Any, ...]], dialect: Dialect
) -> Table:
    found, has_period = list[ColumnModel](), False
    for _, _, name, kind, charset, expression in columns:
        found.append(read_column_type(str(name), _text(kind), None if charset is None else str(charset), dialect))
        has_period = has_period or _text(expression or "").upper() == "ROW START"
    collation = None if row[3] is None else charset_of_collation(str(row[3]))
    made = with_period(found, hidden=row[2] == "SYSTEM VERSIONED" and not has_period)
    return structs.replace(Table(made), charset=collation, key=tuple(str(key[2]) for key in keys))


def _grouped(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows by their table."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        found.setdefault(row[1], []).append(row)
    return found


def _exactly(table: str, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of the table spelled like this, where the server also found `Orders` for `orders`."""
    return [row for row in rows if row[1] == table] or rows


def _text(value: str | bytes) -> str:
    """MySQL 8 and later give COLUMN_TYPE as a blob."""
    return value.decode() if isinstance(value, bytes) else str(value)
