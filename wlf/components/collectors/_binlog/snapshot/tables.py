"""Which tables there are to copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from fnmatch import fnmatchcase
from typing import Any

import pymysql

from wlf.components.collectors._binlog.columns import hides, treat
from wlf.components.collectors._binlog.connection import query
from wlf.components.collectors._binlog.options import BinlogConfig, SnapshotOptions
from wlf.components.collectors._binlog.snapshot.definition import keyed_tables
from wlf.components.collectors._binlog.snapshot.reader import open_connection

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys", "ndbinfo")
_TABLES = (
    "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE IN ('BASE TABLE', "
    f"'SYSTEM VERSIONED') AND TABLE_SCHEMA NOT IN ({', '.join(map(repr, _SYSTEM))}) ORDER BY TABLE_SCHEMA, TABLE_NAME"
)

Table = tuple[str, str]
"""Database and table."""


def tables_of(config: BinlogConfig) -> list[Table]:
    """All tables of the server that hold rows of their own, and that the account may see. Blocks.

    Raises:
        SetupError, Retryable: see `connect`.
    """
    with closing(open_connection(config)) as connection:
        return [(_text(database), _text(table)) for database, table in query(connection, _TABLES)]


def count_prepared(config: BinlogConfig) -> int | None:
    """Transactions that XA PREPARE left open; None where the account may not know (MySQL: XA_RECOVER_ADMIN). Blocks."""
    with closing(open_connection(config)) as connection, connection.cursor() as cursor:
        try:
            cursor.execute("XA RECOVER")
            return len(cursor.fetchall())
        except pymysql.err.MySQLError:  # MySQL says 1401 where the privilege is missing, as if something were broken
            return None


def without_key(config: BinlogConfig, tables: Iterable[Table]) -> set[Table]:
    """Those of the tables whose rows have no key, or one with columns that are left out or masked. Blocks."""
    with closing(open_connection(config)) as connection:
        keyed = keyed_tables(connection)
    return {table for table in tables if not _is_usable(config, table, keyed.get(table, []))}


def _is_usable(config: BinlogConfig, table: Table, keys: Sequence[Sequence[str]]) -> bool:
    # The first one is taken, as `definition.define` does.
    if not keys:
        return False
    skip, convert = treat(config.columns, *table, keys[0])
    return not skip and not any(map(hides, convert.values()))


def chosen(tables: Iterable[Table], options: SnapshotOptions, wants: Callable[[str, str], bool]) -> list[Table]:
    """The tables that are copied with these options and wanted by the graph."""
    return [
        table
        for table in tables
        if (not options.include or matches(table, options.include))
        and not matches(table, options.exclude)
        and wants(*table)
    ]


def matches(table: Table, patterns: Sequence[str]) -> bool:
    """Does one of the globs `database.table` fit?"""
    name = ".".join(table)
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def count_of(tables: int) -> str:
    """The number of tables, in words."""
    return "1 table" if tables == 1 else f"{tables} tables"


def unmatched(tables: Sequence[Table], patterns: Iterable[str]) -> list[str]:
    """The globs that fit none of the tables."""
    return [pattern for pattern in patterns if not any(matches(table, (pattern,)) for table in tables)]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
