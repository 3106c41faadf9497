"""Reads one statement: what it does to tables and databases, and nothing else of it.

What matters is read word by word, all else is stepped over by bracket and comma. A statement that cannot be read
names what it leaves unsure; nothing here raises.
"""

from __future__ import annotations

from wlf.binlog.ddl.alter import alter_table
from wlf.binlog.ddl.columns import table_elements
from wlf.binlog.ddl.cursor import Cursor, NotReadable
from wlf.binlog.ddl.operations import (
    AlterDatabase,
    AlterTable,
    CreateDatabase,
    CreateTable,
    Declared,
    DropDatabase,
    DropTables,
    Name,
    Operation,
    RenameTables,
    SetKey,
    Temporary,
    TruncateTable,
    Unreadable,
)
from wlf.binlog.ddl.options import table_options
from wlf.binlog.ddl.tokens import Dialect, tokenise
from wlf.binlog.ddl.types import ColumnModel

_BEFORE_TABLE = ("ONLINE", "OFFLINE", "IGNORE")
_BEFORE_INDEX = ("ONLINE", "OFFLINE", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR")
_SELECTS = ("SELECT", "WITH", "VALUES", "TABLE", "(")
_OPTIONS = ("DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "ENCRYPTION", "READ", "COMMENT", "UPGRADE")
_SEQUENCE = (
    *(("next_not_cached_value", False), ("minimum_value", False), ("maximum_value", False), ("start_value", False)),
    *(("increment", False), ("cache_size", True)),
)


def read_statement(sql: str, database: str, dialect: Dialect) -> Operation | None:
    """What the statement does; None where that concerns no table and no database.

    Args:
        sql: one statement.
        database: the session's default.
        dialect: how the server read it.
    """
    cursor = Cursor(tokenise(sql, dialect), dialect)
    try:
        _skip_set_statement(cursor)
        verb = cursor.take_any("CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE")
        if verb == "CREATE":
            return _create(cursor, database)
        if verb == "ALTER":
            return _alter(cursor, database)
        if verb == "DROP":
            return _drop(cursor, database)
        if verb == "RENAME":
            return _rename(cursor, database)
        if verb == "TRUNCATE":
            cursor.take("TABLE")
            return TruncateTable(cursor.table(database))
    except NotReadable:
        return Unreadable(((database, ""),))
    return None


def _skip_set_statement(cursor: Cursor) -> None:
    """SET STATEMENT variable = value, ... FOR statement."""
    if not cursor.take("SET", "STATEMENT"):
        return
    while not cursor.ended and not cursor.take("FOR"):
        cursor.step()


def _create(cursor: Cursor, database: str) -> Operation | None:
    replaces = cursor.take("OR", "REPLACE")
    if cursor.take_any("DATABASE", "SCHEMA"):
        return _create_database(cursor, replaces)
    temporary = cursor.take("TEMPORARY")
    if cursor.take("TABLE"):
        if_not_exists = cursor.take("IF", "NOT", "EXISTS")
        name = cursor.table(database)
        try:
            made = _create_table(cursor, name, database, if_not_exists)
        except NotReadable:
            made = Unreadable((name,))
        return Temporary() if temporary else made
    if cursor.take("SEQUENCE"):
        if_not_exists = cursor.take("IF", "NOT", "EXISTS")
        return Temporary() if temporary else _sequence(cursor.table(database), if_not_exists)
    return _index(cursor, database)


def _create_table(cursor: Cursor, name: Name, database: str, if_not_exists: bool) -> Operation:
    if cursor.take("LIKE"):
        return CreateTable(name, if_not_exists=if_not_exists, like=cursor.table(database))
    if cursor.upper == "(" and cursor.ahead(1) == "LIKE":
        cursor.at += 2
        return CreateTable(name, if_not_exists=if_not_exists, like=cursor.table(database))
    if cursor.upper != "(" or cursor.ahead(1) in _SELECTS:
        return CreateTable(name, if_not_exists=if_not_exists, selected=True)
    begin, stop = cursor.skip_brackets()
    elements = table_elements(cursor, begin, stop)
    options = table_options(cursor)
    return CreateTable(
        name,
        tuple(elements.columns),
        elements.key,
        options.charset,
        if_not_exists,
        selected=options.selected,
        versioned=options.versioned or any(column.versioned for column in elements.columns),
    )


def _sequence(name: Name, if_not_exists: bool) -> CreateTable:
    """A sequence of MariaDB is a table of one row, logged as such."""
    columns = [ColumnModel(column, "bigint", (21,), unsigned) for column, unsigned in _SEQUENCE]
    columns.append(ColumnModel("cycle_option", "tinyint", (1,), unsigned=True))
    columns.append(ColumnModel("cycle_count", "bigint", (21,)))
    return CreateTable(name, tuple(Declared(column, None, key=False) for column in columns), (), None, if_not_exists)


def _index(cursor: Cursor, database: str) -> Operation | None:
    """CREATE and DROP INDEX ... ON table. The name `PRIMARY` can only be dropped."""
    while cursor.take_any(*_BEFORE_INDEX):
        pass
    if not cursor.take("INDEX"):
        return None
    cursor.take("IF", "EXISTS")
    is_key = cursor.at < cursor.stop and cursor.tokens[cursor.at].text.upper() == "PRIMARY"
    while not cursor.ended and not cursor.take("ON"):
        cursor.step()
    return AlterTable(cursor.table(database), (SetKey(()),) if is_key else ())


def _database_charset(cursor: Cursor) -> str | None:
    return table_options(cursor).charset


def _create_database(cursor: Cursor, replaces: bool) -> Operation:
    if_not_exists = cursor.take("IF", "NOT", "EXISTS")
    return CreateDatabase(cursor.name(), _database_charset(cursor), if_not_exists, replaces)


def _alter(cursor: Cursor, database: str) -> Operation | None:
    if cursor.take_any("DATABASE", "SCHEMA"):
        which = database if cursor.upper in _OPTIONS else cursor.name()
        return AlterDatabase(which, _database_charset(cursor))
    while cursor.take_any(*_BEFORE_TABLE):
        pass
    if not cursor.take("TABLE"):
        return None
    cursor.take("IF", "EXISTS")
    name = cursor.table(database)
    try:
        return AlterTable(name, alter_table(cursor, database))
    except NotReadable:
        return Unreadable((name,))


def _drop(cursor: Cursor, database: str) -> Operation | None:
    if cursor.take_any("DATABASE", "SCHEMA"):
        if_exists = cursor.take("IF", "EXISTS")
        return DropDatabase(cursor.name(), if_exists)
    if cursor.take("TEMPORARY"):
        return Temporary()
    if cursor.take_any("TABLE", "TABLES", "SEQUENCE"):
        if_exists = cursor.take("IF", "EXISTS")
        names = [cursor.table(database)]
        while cursor.take(","):
            names.append(cursor.table(database))
        return DropTables(tuple(names), if_exists)
    return _index(cursor, database)


def _rename(cursor: Cursor, database: str) -> Operation | None:
    if not cursor.take_any("TABLE", "TABLES"):
        return None
    cursor.take("IF", "EXISTS")
    pairs = [_pair(cursor, database)]
    while cursor.take(","):
        pairs.append(_pair(cursor, database))
    return RenameTables(tuple(pairs))


def _pair(cursor: Cursor, database: str) -> tuple[Name, Name]:
    old = cursor.table(database)
    cursor.skip_wait()
    if not cursor.take("TO"):
        raise NotReadable
    return old, cursor.table(database)
