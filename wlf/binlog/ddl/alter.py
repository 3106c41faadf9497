"""Reads the parts of ALTER TABLE, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wlf.binlog.ddl.charsets import charset_of_collation
from wlf.binlog.ddl.columns import declared, is_no_column, primary_key
from wlf.binlog.ddl.cursor import Cursor, NotReadable
from wlf.binlog.ddl.operations import (
    AddColumn,
    Change,
    ChangeColumn,
    DropColumn,
    FromTable,
    RenameColumn,
    RenameTo,
    SetCharset,
    SetKey,
    ToTable,
    Versioning,
)
from wlf.binlog.ddl.types import take_charset

_NO_COLUMN = ("INDEX", "KEY", "FOREIGN", "CHECK", "PARTITION", "CONSTRAINT")


def alter_table(cursor: Cursor, database: str) -> tuple[Change, ...]:
    """The changes that the rest of an ALTER TABLE makes, as far as columns, keys and names go.

    Raises:
        NotReadable: a part that changes columns cannot be read.
    """
    cursor.skip_wait()
    changes: list[Change] = []
    for part in cursor.split(cursor.at, cursor.stop):
        if part.take("ORDER", "BY"):
            break  # its commas are not those between changes
        read = _READERS.get(part.upper)
        if read is None:
            changes += _options(part)
        else:
            part.at += 1
            changes += read(part, database)
    return tuple(changes)


def _add(part: Cursor, database: str) -> Iterator[Change]:
    if part.take("SYSTEM", "VERSIONING"):
        yield Versioning(True)
        return
    explicit = part.take("COLUMN")
    if_not_exists = part.take("IF", "NOT", "EXISTS")
    if part.upper == "(":
        begin, stop = part.skip_brackets()
        for inner in part.split(begin, stop):
            yield from _add_one(inner, if_not_exists)
    elif explicit or part.upper != "PARTITION":
        yield from _add_one(part, if_not_exists, is_column=explicit)


def _add_one(part: Cursor, if_not_exists: bool, is_column: bool = False) -> Iterator[Change]:
    if not is_column and is_no_column(part):
        key = primary_key(part)
        if key is not None:
            yield SetKey(key)
        return
    column = declared(part)
    yield AddColumn(column, if_not_exists)
    if column.versioned:
        yield Versioning(True)


def _drop(part: Cursor, database: str) -> Iterator[Change]:
    if part.take("PRIMARY", "KEY"):
        yield SetKey(())
    elif part.take("SYSTEM", "VERSIONING"):
        yield Versioning(False)
    elif part.upper == "PERIOD" and part.ahead(1) == "FOR":
        return
    elif part.upper in _NO_COLUMN:
        may_be_key = part.upper in ("INDEX", "KEY", "CONSTRAINT")
        part.at += 1
        part.take("IF", "EXISTS")
        if may_be_key and not part.ended and part.name().upper() == "PRIMARY":
            yield SetKey(())
    else:
        part.take("COLUMN")
        if_exists = part.take("IF", "EXISTS")
        yield DropColumn(part.name(), if_exists)


def _change(part: Cursor, database: str) -> Iterator[Change]:
    part.take("COLUMN")
    if_exists = part.take("IF", "EXISTS")
    old = part.name()
    yield ChangeColumn(old, declared(part), if_exists)


def _modify(part: Cursor, database: str) -> Iterator[Change]:
    part.take("COLUMN")
    if_exists = part.take("IF", "EXISTS")
    if part.upper == "(":  # Oracle's form, which MariaDB does not log
        raise NotReadable
    column = declared(part)
    yield ChangeColumn(column.column.name, column, if_exists)


def _rename(part: Cursor, database: str) -> Iterator[Change]:
    if part.take("COLUMN"):
        if_exists = part.take("IF", "EXISTS")
        old = part.name()
        if not part.take("TO"):
            raise NotReadable
        yield RenameColumn(old, part.name(), if_exists)
    elif part.take_any("INDEX", "KEY"):
        return
    else:
        part.take_any("TO", "AS", "=")
        yield RenameTo(part.table(database))


def _convert(part: Cursor, database: str) -> Iterator[Change]:
    if part.take("PARTITION"):
        part.name()
        if part.take("TO", "TABLE"):
            yield ToTable(part.table(database))
        return
    if part.take("TABLE"):
        yield FromTable(part.table(database))
        return
    if not part.take("TO"):
        raise NotReadable
    charset = take_charset(part)
    if charset is None:
        raise NotReadable
    if part.take("COLLATE"):
        part.take("=")
        charset = charset_of_collation(part.name()) or charset
    yield SetCharset(None if charset == "default" else charset, convert=True)
    yield from _options(part)


def _options(part: Cursor) -> Iterator[Change]:
    """Table options, several of which may stand side by side."""
    while not part.ended and part.upper != "PARTITION":
        if part.take("COLLATE"):
            part.take("=")
            if charset := charset_of_collation(part.name()):
                yield SetCharset(charset, convert=False)
        elif (charset := take_charset(part)) is not None:
            if part.take("COLLATE"):
                part.take("=")
                charset = charset_of_collation(part.name()) or charset
            yield SetCharset(None if charset == "default" else charset, convert=False)
        elif part.take("RENAME"):
            raise NotReadable
        elif part.ahead(1) == "=":
            part.at += 2
            part.step()
        else:
            part.step()


_READERS: dict[str, Callable[[Cursor, str], Iterator[Change]]] = {
    "ADD": _add,
    "DROP": _drop,
    "CHANGE": _change,
    "MODIFY": _modify,
    "RENAME": _rename,
    "CONVERT": _convert,
}
