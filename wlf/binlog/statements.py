"""QUERY events: what a statement is, as far as its first words tell."""

from __future__ import annotations

import re
from struct import Struct
from struct import error as StructError
from typing import NamedTuple

from wlf.errors import DecodeError

_HEAD = Struct("<IIBHH").unpack_from
HEAD_BYTES = 13

_COMMENT = re.compile(r"\s+|/\*(?![!M]).*?\*/|--[ \t\n][^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*M?!\d*|\*/", re.DOTALL)
_NAME = r"(?:`(?:[^`]|``)+`|\"(?:[^\"]|\"\")+\"|[^\s.,;`\"()=]+)"
_DOTTED = rf"({_NAME})(?:\s*\.\s*({_NAME}))?"
_IF = r"(?:\s+IF\s+(?:NOT\s+)?EXISTS)?"
_WAIT = r"(?:\s+(?:NOWAIT|WAIT\s+\d+))?"
_OPTION = r"(?:DEFAULT|CHARACTER|CHARSET|COLLATE|ENCRYPTION|READ|COMMENT|UPGRADE)\b"
_DATABASE = re.compile(
    rf"(CREATE|ALTER|DROP)(?:\s+OR\s+REPLACE)?\s+(?:DATABASE|SCHEMA)\b{_IF}(?:\s+(?!{_OPTION})({_NAME}))?",
    re.IGNORECASE,
)
_TABLE = re.compile(
    r"(CREATE|ALTER|DROP|RENAME|TRUNCATE)(?:\s+(?:OR\s+REPLACE|ONLINE|OFFLINE|IGNORE|TEMPORARY))*"
    rf"\s+TABLES?\b{_IF}{_WAIT}\s+(.*)",
    re.IGNORECASE | re.DOTALL,
)
_TRUNCATE = re.compile(rf"TRUNCATE\s+(?!TABLE\b)({_DOTTED}.*)", re.IGNORECASE | re.DOTALL)
_INDEX = re.compile(
    rf"(?:CREATE|DROP)(?:\s+(?:OR\s+REPLACE|ONLINE|OFFLINE|UNIQUE|FULLTEXT|SPATIAL|VECTOR))*\s+INDEX\b.*?\sON\s+{_DOTTED}",
    re.IGNORECASE | re.DOTALL,
)
_FIRST = re.compile(rf"\s*{_DOTTED}")
_RENAMED = re.compile(rf"\bRENAME\s+(?:TO\s+|AS\s+)?(?!COLUMN\b|INDEX\b|KEY\b){_DOTTED}\s*(?:,|;|$)", re.IGNORECASE)
_DML = frozenset(("INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "CALL", "WITH", "DO"))
_OBJECT_VERBS = ("CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE")
_SERVER_VERBS = ("SET", "FLUSH", "ANALYZE", "OPTIMIZE", "REPAIR", "INSTALL", "UNINSTALL", "IMPORT")
_DDL = frozenset((*_OBJECT_VERBS, *_SERVER_VERBS, "GRANT", "REVOKE"))


class Query(NamedTuple):
    """The parts of a QUERY event that matter."""

    database: str
    sql: str


def parse_query(body: bytes) -> Query:
    """A QUERY event without header and checksum; status variables are jumped over whole.

    Raises:
        DecodeError: the lengths inside do not fit the event.
    """
    at = query_text_at(body)
    return Query(
        body[at - 1 - body[8] : at - 1].decode("utf-8", "replace"),
        body[at:].decode("utf-8", "surrogateescape"),
    )


def query_text_at(body: bytes) -> int:
    """Where the SQL text of a QUERY event begins; raises DecodeError as `parse_query`."""
    try:
        _, _, db_size, _, status_size = _HEAD(body)
    except StructError as error:
        raise DecodeError("expected a QUERY event, got one that is too short") from error
    at: int = HEAD_BYTES + status_size + db_size + 1
    if at > len(body):
        raise DecodeError(f"expected {status_size} bytes of status variables in a QUERY event, got {len(body)} in all")
    return at


class Classified(NamedTuple):
    """See `Statement`."""

    kind: str
    objects: tuple[tuple[str, str], ...]


def classify(sql: str, database: str) -> Classified:
    """Kind and objects of a statement, as `Statement` has them; `database` is the session's default."""
    text = strip_comments(sql)
    found = _DATABASE.match(text)
    if found:
        name = found[2]
        return Classified(f"database-{found[1].lower()}", ((unquote(name) if name else database, ""),))
    found = _TABLE.match(text)
    if found:
        return _table_statement(found[1].lower(), found[2], database)
    found = _TRUNCATE.match(text)
    if found:
        return Classified("table-truncate", tuple(_names(found[1], database)[:1]))
    found = _INDEX.match(text)
    if found:
        return Classified("table-alter", (_object(found[1], found[2], database),))
    word = text.split(None, 1)[0].upper().rstrip(";(") if text else ""
    kind = "dml" if word in _DML else "ddl" if word in _DDL else "rollback" if word == "ROLLBACK" else "other"
    return Classified(kind, ())


def _table_statement(verb: str, rest: str, database: str) -> Classified:
    if verb in ("drop", "rename"):
        return Classified(f"table-{verb}", tuple(_names(rest, database)))
    objects = _names(rest, database)[:1]
    if verb == "alter" and (renamed := _RENAMED.search(rest)):
        objects.append(_object(renamed[1], renamed[2], database))
    return Classified(f"table-{verb}", tuple(objects))


def _names(text: str, database: str) -> list[tuple[str, str]]:
    """The tables of `a, b.c` and of `a TO b, c TO d`."""
    found = []
    for part in re.split(r",|\s+TO\s+", text, flags=re.IGNORECASE):
        match = _FIRST.match(part)
        if match is None:
            break
        found.append(_object(match[1], match[2], database))
    return found


def _object(first: str, second: str | None, database: str) -> tuple[str, str]:
    return (unquote(first), unquote(second)) if second else (database, unquote(first))


def unquote(name: str) -> str:
    """An identifier without its quotes."""
    quote = name[0]
    return name[1:-1].replace(quote * 2, quote) if quote in '`"' else name


def strip_comments(sql: str) -> str:
    """The statement from its first word on; `/*!40000 ... */` is code, other comments in front are not."""
    at = 0
    while match := _COMMENT.match(sql, at):
        at = match.end()
    return sql[at:]
