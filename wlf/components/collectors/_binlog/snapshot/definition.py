"""What one table is at the moment: its columns, the key by which it is read, and the statement that tells a change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import pymysql
from pymysql.connections import Connection

from wlf.components.collectors._binlog.connection import query
from wlf.components.collectors._binlog.snapshot.columns import SourceColumn, quoted
from wlf.errors import SetupError

NO_SUCH_TABLE = frozenset((1049, 1051, 1146, 1147))
"""Error numbers of a database or table that is gone."""

_COLUMNS = (
    "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME, CHARACTER_OCTET_LENGTH, "
    "NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, IS_NULLABLE, COLLATION_NAME FROM information_schema.COLUMNS "
    "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION"
)
_KEYS = (
    "SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART, NULLABLE FROM information_schema.STATISTICS "
    "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND NON_UNIQUE = 0 AND INDEX_TYPE = 'BTREE' "
    "ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX"
)
_ALL_KEYS = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART, NULLABLE FROM information_schema.STATISTICS "
    "WHERE NON_UNIQUE = 0 AND INDEX_TYPE = 'BTREE' "
    "ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX"
)
_TABLE = (
    "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, AVG_ROW_LENGTH FROM information_schema.TABLES "
    "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
)
_COUNTS = re.compile(r" AUTO_INCREMENT=\d+")
_TRANSACTIONAL = frozenset(("INNODB", "ROCKSDB", "TOKUDB", "XTRADB"))


class Definition(NamedTuple):
    """A table as it is now."""

    database: str
    table: str
    columns: tuple[SourceColumn, ...]
    key: tuple[int, ...]
    """Indices of the columns that order the rows: the primary key or another unique one without NULL; () for none."""
    primary_key: tuple[int, ...]
    statement: str
    """CREATE TABLE without the counters in it."""
    is_transactional: bool
    rows: int
    row_bytes: int
    """Estimates of the server."""

    @property
    def name(self) -> str:
        """For SQL."""
        return f"{quoted(self.database)}.{quoted(self.table)}"

    @property
    def key_names(self) -> tuple[str, ...]:
        """The columns of the key."""
        return tuple(self.columns[index].name for index in self.key)

    @property
    def order(self) -> str:
        """How the key orders the rows: by types, labels and collations. Another text, another order."""
        columns = (self.columns[index] for index in self.key)
        return ", ".join(f"{column.declared} {column.collation or ''}".rstrip() for column in columns)


def statement_of(connection: Connection[Any], database: str, table: str) -> str | None:
    """CREATE TABLE as it is now, without what rows change in it; None where there is no such table."""
    try:
        ((_, statement, *_),) = query(connection, f"SHOW CREATE TABLE {quoted(database)}.{quoted(table)}")
    except pymysql.err.MySQLError as error:
        if error.args[0] in NO_SUCH_TABLE:
            return None
        raise
    return _COUNTS.sub("", _text(statement))


def define(connection: Connection[Any], database: str, table: str) -> Definition | None:
    """Ask the server for a table; None where it is gone. Blocks.

    Raises:
        SetupError: it may not be read.
    """
    while True:
        statement = statement_of(connection, database, table)
        if statement is None:
            return None
        about = _exactly(table, query(connection, _TABLE, (database, table)))
        columns = _columns(table, query(connection, _COLUMNS, (database, table)))
        keys = _exactly(table, query(connection, _KEYS, (database, table)))
        # Between these questions it may have been altered.
        if statement_of(connection, database, table) == statement:
            break
    if not about or not columns:
        raise SetupError(
            f"{database}.{table}: information_schema does not show its columns", hint="GRANT SELECT ON the table"
        )
    _, kind, engine, rows, row_bytes = about[0]
    if _text(kind) == "SYSTEM VERSIONED" and "PERIOD FOR SYSTEM_TIME" not in statement.upper():
        columns += [_period("row_start"), _period("row_end")]
    key, primary = _choose(columns, keys)
    transactional = _text(engine).upper() in _TRANSACTIONAL
    return Definition(
        database, table, tuple(columns), key, primary, statement, transactional, int(rows or 0), int(row_bytes or 0)
    )


def keyed_tables(connection: Connection[Any]) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """The tables that have keys to read by, with the columns of each such key."""
    found: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for (database, table, _), group in groupby(query(connection, _ALL_KEYS), itemgetter(0, 1, 2)):
        parts = list(group)
        if all(part[3] is not None and not part[4] and _text(part[5] or "") != "YES" for part in parts):
            columns = tuple(_text(part[3]) for part in parts)
            found.setdefault((_text(database), _text(table)), []).append(columns)
    return found


def _period(name: str) -> SourceColumn:
    """A column of a system-versioned table that information_schema does not show, but the stream has."""
    return SourceColumn(name, "timestamp", "timestamp(6)", None, 0, 6, False)


def _columns(table: str, rows: Sequence[Sequence[Any]]) -> list[SourceColumn]:
    return [
        SourceColumn(
            _text(row[1]),
            _text(row[2]).lower(),
            _text(row[3]),
            None if row[4] is None else _text(row[4]),
            int(row[5] if row[5] is not None else row[6] or 0),
            int(row[7] if row[7] is not None else row[8] or 0),
            _text(row[9]) == "YES",
            None if row[10] is None else _text(row[10]),
        )
        for row in _exactly(table, rows)
    ]


def _choose(columns: Sequence[SourceColumn], keys: Sequence[Sequence[Any]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The key to read by, and the primary key."""
    places = {column.name: index for index, column in enumerate(columns)}
    chosen: tuple[int, ...] = ()
    primary: tuple[int, ...] = ()
    for name, parts in _indexes(keys):
        indices = tuple(places[_text(part[2])] for part in parts if part[2] is not None)
        if name == "PRIMARY":
            primary = indices
        # Unique over prefixes: ordering by the whole column cannot use it. NULL may be there many times.
        is_whole = len(indices) == len(parts) and not any(part[3] or _text(part[4] or "") == "YES" for part in parts)
        if is_whole and not chosen:
            chosen = indices
    return chosen, primary


def _indexes(keys: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Sequence[Any]]]]:
    for name, parts in groupby(keys, itemgetter(1)):
        yield _text(name), list(parts)


def _exactly(table: str, rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The rows of the table spelled like this, where the server also found `Orders` for `orders`."""
    return [row for row in rows if _text(row[0]) == table] or list(rows)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
