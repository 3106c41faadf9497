"""QUERY events: the text of a statement, how the server read it, and what kind of statement it is."""

from __future__ import annotations

import re
from struct import Struct
from struct import error as StructError
from typing import NamedTuple

from wlf.binlog.charset import Undecodable, charset_of, to_text
from wlf.binlog.ddl import operations
from wlf.binlog.ddl.reader import read_statement
from wlf.binlog.ddl.tokens import Dialect
from wlf.errors import DecodeError

_HEAD = Struct("<IIBHH").unpack_from
HEAD_BYTES = 13
_SQL_MODE, _CATALOG, _CHARSET = 1, 2, 4
_STATUS_BYTES = {0: 4, _SQL_MODE: 8, 3: 4, _CHARSET: 6}
_U64, _CHARSETS = Struct("<Q").unpack_from, Struct("<HHH").unpack_from

_COMMENT = re.compile(r"\s+|/\*(?![!M]).*?\*/|--[ \t\n][^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*M?!\d*|\*/", re.DOTALL)
_DML = frozenset(("INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "CALL", "WITH", "DO"))
_OBJECT_VERBS = frozenset(("CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"))
_SERVER_VERBS = ("SET", "FLUSH", "ANALYZE", "OPTIMIZE", "REPAIR", "INSTALL", "UNINSTALL", "IMPORT")
_DDL = frozenset((*_OBJECT_VERBS, *_SERVER_VERBS, "GRANT", "REVOKE"))


class Query(NamedTuple):
    """The parts of a QUERY event that matter."""

    database: str
    sql: str
    sql_mode: int = 0
    """As bits; 0 where the event does not tell."""
    charset: str | None = None
    """The character set of new databases: that of the session's collation_server."""


def parse_query(body: bytes) -> Query:
    """A QUERY event without header and checksum. The text is read in the client's character set.

    Raises:
        DecodeError: the lengths inside do not fit the event.
    """
    at = query_text_at(body)
    sql_mode, client, charset = _status(body, at - 1 - body[8])
    return Query(
        body[at - 1 - body[8] : at - 1].decode("utf-8", "replace"), _text(body[at:], client), sql_mode, charset
    )


def _status(body: bytes, end: int) -> tuple[int, str | None, str | None]:
    """sql_mode, the client's and the server's character set: these status variables come before those that vary."""
    at, sql_mode, client, server = HEAD_BYTES, 0, None, None
    while at < end:
        code, at = body[at], at + 1
        if code in (_CATALOG, 6):
            at += 1 + (body[at] if at < end else 0) + (code == _CATALOG)
            continue
        size = _STATUS_BYTES.get(code)
        if size is None or at + size > end:
            break
        if code == _SQL_MODE:
            (sql_mode,) = _U64(body, at)
        elif code == _CHARSET:
            client_id, _, server_id = _CHARSETS(body, at)
            client, server = _charset(client_id), _charset(server_id)
        at += size
    return sql_mode, client, server


def _charset(collation: int) -> str | None:
    try:
        return charset_of(collation)
    except DecodeError:
        return None


def _text(raw: bytes, charset: str | None) -> str:
    if raw.isascii() or charset is None or charset in ("binary", "utf8mb4", "utf8mb3"):
        return raw.decode("utf-8", "surrogateescape")
    return to_text(charset, Undecodable())(raw)


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


def classify(sql: str, database: str, dialect: Dialect = Dialect()) -> Classified:  # noqa: B008 - it is immutable
    """Kind and objects of a statement, as `Statement` has them; `database` is the session's default."""
    words = strip_comments(sql)[:64].split(None, 1)
    word = words[0].upper().rstrip(";(") if words else ""
    word = word.partition("/*")[0]
    if word in _OBJECT_VERBS or word == "SET":
        operation = read_statement(sql, database, dialect)
        found = None if operation is None else _classified(operation, word)
        if found is not None:
            return found
    kind = "dml" if word in _DML else "ddl" if word in _DDL else "rollback" if word == "ROLLBACK" else "other"
    return Classified(kind, ())


def _classified(operation: operations.Operation, word: str) -> Classified | None:
    if isinstance(operation, operations.Unreadable):
        named = tuple(name for name in operation.names if name[1])
        return Classified(f"table-{word.lower()}" if word in ("CREATE", "ALTER") else "ddl", named) if named else None
    if isinstance(operation, operations.Temporary):
        return Classified("other", ())
    if isinstance(operation, operations.CreateTable):
        return Classified("table-create", (operation.name,))
    if isinstance(operation, operations.AlterTable):
        renamed = [change.name for change in operation.changes if isinstance(change, operations.RenameTo)]
        return Classified("table-alter", (operation.name, *renamed))
    if isinstance(operation, operations.DropTables):
        return Classified("table-drop", operation.names)
    if isinstance(operation, operations.RenameTables):
        return Classified("table-rename", tuple(name for pair in operation.pairs for name in pair))
    if isinstance(operation, operations.TruncateTable):
        return Classified("table-truncate", (operation.name,))
    verb = {operations.CreateDatabase: "create", operations.AlterDatabase: "alter"}.get(type(operation), "drop")
    return Classified(f"database-{verb}", ((operation.name, ""),))


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
