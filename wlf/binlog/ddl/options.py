"""What stands behind the brackets of CREATE TABLE, and the options of databases: character sets and little else."""

from __future__ import annotations

from dataclasses import dataclass

from wlf.binlog.ddl.charsets import charset_of_collation
from wlf.binlog.ddl.cursor import Cursor
from wlf.binlog.ddl.types import take_charset

_BEFORE_SELECT = ("SELECT", "WITH", "VALUES", "TABLE")


@dataclass
class Options:
    """The options that matter. `charset` None: not told, or DEFAULT."""

    charset: str | None = None
    versioned: bool = False
    selected: bool = False
    """A SELECT follows, whose columns come on top."""


def table_options(cursor: Cursor) -> Options:
    """All options up to the end, a SELECT or PARTITION BY."""
    found = Options()
    while not cursor.ended:
        if cursor.upper == "PARTITION":
            # Behind partitions a SELECT may come still.
            found.selected = any(token.upper == "SELECT" for token in cursor.tokens[cursor.at : cursor.stop])
            cursor.at = cursor.stop
        elif cursor.take("WITH", "SYSTEM", "VERSIONING"):
            found.versioned = True
        elif (named := take_charset(cursor)) is not None:
            found.charset = named if named != "default" else None
        elif cursor.take("COLLATE"):
            cursor.take("=")
            found.charset = charset_of_collation(cursor.name()) or found.charset
        elif cursor.upper in _BEFORE_SELECT or (cursor.upper == "AS" and not cursor.ended):
            found.selected = True
            cursor.at = cursor.stop
        elif cursor.ahead(1) == "=":
            cursor.at += 2
            cursor.step()
        else:
            cursor.step()
    return found
