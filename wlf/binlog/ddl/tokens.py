"""SQL text to tokens: comments are gone, versioned ones are opened as the server did, strings and names are plain."""

from __future__ import annotations

import re
from typing import NamedTuple

_ANSI_QUOTES, _NO_BACKSLASH_ESCAPES = 1 << 2, 1 << 20

WORD, NAME, STRING, NUMBER, SIGN = "word", "name", "string", "number", "sign"

# Possessive throughout: what is not closed is found out once, and takes the rest of the text.
_SPACE = r"(?P<space>\s++|\#[^\n]*+|--(?=[\s\x00]|$)[^\n]*+)"
_OPEN = r"(?P<open>/\*M?!(?P<version>\d{5,6})?)"
_REST = (
    r"(?P<comment>/\*(?:[^*]++|\*(?!/))*+(?:\*/)?)"
    r"|(?P<close>\*/)"
    r"|(?P<name>`(?:[^`]++|``)*+`)"
    r"|(?P<double>\"(?:[^\"{escape}]++{pair}|\"\")*+\")"
    r"|(?P<string>'(?:[^'{escape}]++{pair}|'')*+')"
    r"|(?P<broken>[`\"'][\s\S]*+)"
    r"|(?P<number>\d++(?![\w$])(?:\.\d*+)?+)"
    r"|(?P<word>[\w$]++)"
    r"|(?P<sign>[\s\S])"
)
_WITH_ESCAPES = re.compile("|".join((_SPACE, _OPEN, _REST.format(escape=r"\\", pair=r"|\\[\s\S]"))))
_PLAIN = re.compile("|".join((_SPACE, _OPEN, _REST.format(escape="", pair=""))))

_ESCAPED = {
    (quote, escapes): re.compile(rf"{quote}({quote})" + (r"|\\([\s\S])" if escapes else ""))
    for quote in "'\""
    for escapes in (True, False)
}
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_MYSQL_ONLY = range(50_700, 100_000)


class Token(NamedTuple):
    """One token. `text` is what it means: a name without quotes, a string without quotes and escapes."""

    kind: str
    text: str
    upper: str
    """Of words in upper case, of signs the sign; "" for all else, so that a quoted name is no keyword."""


class Dialect(NamedTuple):
    """How the server that logged a statement read it."""

    mariadb: bool = False
    version: int = 99_999
    """As versioned comments have it: 80036, 101118."""
    sql_mode: int = 0
    """The session's, as the bits that the binlog has."""

    @property
    def ansi_quotes(self) -> bool:
        """Do double quotes hold names, not strings?"""
        return bool(self.sql_mode & _ANSI_QUOTES)

    @property
    def backslash_escapes(self) -> bool:
        """Does a backslash in a string escape what follows?"""
        return not self.sql_mode & _NO_BACKSLASH_ESCAPES

    @classmethod
    def of(cls, server_version: str | None, sql_mode: int = 0) -> Dialect:
        """From a version such as `8.0.36-debug` or `10.11.6-MariaDB-log`."""
        text = (server_version or "").removeprefix("5.5.5-")
        parts = [int(part) for part in re.findall(r"\d+", text.partition("-")[0])[:3]]
        if not parts:
            return cls(sql_mode=sql_mode)
        major, minor, patch = (*parts, 0, 0)[:3]
        return cls("mariadb" in text.lower(), major * 10_000 + minor * 100 + patch, sql_mode)

    def opens(self, comment: str, version: str | None) -> bool:
        """Does the server run what is inside a comment that begins so?"""
        if comment.startswith("/*M") and not self.mariadb:
            return False
        if version is None:
            return True
        needed = int(version)
        if self.mariadb and comment.startswith("/*!") and needed in _MYSQL_ONLY:
            return False
        return needed <= self.version


def tokenise(sql: str, dialect: Dialect) -> list[Token]:
    """The tokens of a statement, in time linear to its length. Never raises: what is broken ends the list."""
    match = (_WITH_ESCAPES if dialect.backslash_escapes else _PLAIN).match
    found: list[Token] = []
    at, end = 0, len(sql)
    while at < end:
        part = match(sql, at)
        assert part is not None, "the last alternative takes anything"
        kind, at = part.lastgroup, part.end()
        if kind == "version":
            kind = "open"
        if kind in ("space", "comment", "close"):
            continue
        if kind == "open":
            if not dialect.opens(part["open"], part["version"]):
                at = _behind_comment(sql, at)
            continue
        if kind == "broken":
            break
        found.append(_token(kind or "sign", part.group(kind or 0), dialect))
    return found


def _token(kind: str, text: str, dialect: Dialect) -> Token:
    if kind == "word":
        return Token(WORD, text, text.upper())
    if kind == "sign":
        return Token(SIGN, text, text)
    if kind == "name" or (kind == "double" and dialect.ansi_quotes):
        return Token(NAME, text[1:-1].replace(text[0] * 2, text[0]), "")
    if kind == "number":
        return Token(NUMBER, text, "")
    escaped = _ESCAPED[text[0], dialect.backslash_escapes]
    return Token(STRING, escaped.sub(_unescaped, text[1:-1]), "")


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    return _ESCAPES.get(found[2], found[2])


def _behind_comment(sql: str, at: int) -> int:
    """Where the text goes on behind a versioned comment that is not opened; it may hold one plain comment."""
    close = sql.find("*/", at)
    inner = sql.find("/*", at, close) if close >= 0 else -1
    if inner >= 0:
        close = sql.find("*/", close + 2)
    return len(sql) if close < 0 else close + 2
