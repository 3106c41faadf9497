"""Reads what stands between the brackets of CREATE TABLE, and behind ADD, CHANGE and MODIFY: columns and keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from wlf.binlog.ddl.charsets import charset_of_collation
from wlf.binlog.ddl.cursor import Cursor, NotReadable
from wlf.binlog.ddl.operations import Declared
from wlf.binlog.ddl.types import read_type

_KEYS = frozenset(("PRIMARY", "KEY", "INDEX", "UNIQUE", "FULLTEXT", "SPATIAL", "CONSTRAINT", "FOREIGN", "CHECK"))


def is_no_column(cursor: Cursor) -> bool:
    """Does a key, a constraint or a period come next, and no column?"""
    word = cursor.upper
    if word == "PERIOD":
        return cursor.ahead(1) == "FOR"
    if word == "VECTOR":
        return cursor.ahead(1) in ("INDEX", "KEY")
    return word in _KEYS


def primary_key(cursor: Cursor) -> tuple[str, ...] | None:
    """The columns of a table-level primary key; None where it is another key or constraint."""
    if cursor.take("CONSTRAINT") and cursor.upper != "PRIMARY" and not cursor.ended:
        cursor.at += 1
    if not cursor.take("PRIMARY", "KEY"):
        return None
    while not cursor.ended and cursor.upper != "(":
        cursor.at += 1
    begin, stop = cursor.skip_brackets()
    if begin == stop:
        raise NotReadable
    return tuple(part.name() for part in cursor.split(begin, stop))


@dataclass
class _Attributes:
    """What is said of a column behind its type."""

    key: bool = False
    charset: str | None = None
    after: str | None = None
    versioned: bool = False
    row_start: bool = False


def declared(cursor: Cursor, name: str | None = None) -> Declared:
    """A column's name (or the one given), type and attributes, up to the end of the cursor.

    Raises:
        NotReadable: no name or no type is there.
    """
    name = cursor.name() if name is None else name
    read = read_type(name, cursor)
    found = _Attributes(charset=read.charset)
    while not cursor.ended:
        if cursor.upper == "PARTITION":
            break
        _attribute(cursor, found)
    return Declared(read.column, found.charset, found.key, found.after, found.versioned, found.row_start)


def _attribute(cursor: Cursor, found: _Attributes) -> None:
    if cursor.take("PRIMARY"):
        cursor.take("KEY")
        found.key = True
    elif cursor.take("UNIQUE"):
        cursor.take("KEY")
    elif cursor.take("KEY"):
        found.key = True
    elif cursor.take("COLLATE"):
        cursor.take("=")
        found.charset = charset_of_collation(cursor.name()) or found.charset
    elif cursor.take("FIRST"):
        found.after = ""
    elif cursor.take("AFTER"):
        found.after = cursor.name()
    elif cursor.take("WITH", "SYSTEM", "VERSIONING"):
        found.versioned = True
    elif cursor.take("AS", "ROW", "START"):
        found.row_start = True
    elif cursor.take_any("DEFAULT", "COMMENT") and not cursor.ended:
        cursor.step()
    else:
        cursor.step()


@dataclass
class TableElements:
    """What the brackets of CREATE TABLE hold."""

    columns: list[Declared] = field(default_factory=list)
    key: tuple[str, ...] = ()


def table_elements(cursor: Cursor, begin: int, stop: int) -> TableElements:
    """Columns and primary key between two places; raises NotReadable where an element is neither."""
    found = TableElements()
    for part in cursor.split(begin, stop):
        if is_no_column(part):
            found.key = primary_key(part) or found.key
        else:
            column = declared(part)
            found.columns.append(column)
            if column.key:
                found.key = (column.column.name,)
    if not found.columns:
        raise NotReadable
    return found
