"""The syntax of Java's .properties files: comments, continued lines, escapes, and three ways to part key and value.

https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/util/Properties.html#load(java.io.Reader)
"""

from __future__ import annotations

from typing import NamedTuple

_BLANK = " \t\f"
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


class Entry(NamedTuple):
    """A key with its value; `line` is where it begins, counted from 1 (0: it comes from elsewhere)."""

    key: str
    value: str
    line: int


class PropertiesError(ValueError):
    """A line cannot be read."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def parse(text: str) -> list[Entry]:
    """All entries in order, also those whose key comes again.

    Raises:
        PropertiesError: a `\\u` is not followed by four hexadecimal digits. Every other text is a file of properties.
    """
    entries = []
    for line, logical in _logical_lines(text):
        key, value = _parted(logical)
        entries.append(Entry(_unescaped(key, line), _unescaped(value, line), line))
    return entries


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """(number, text) of the lines that are neither blank nor comments, those that end in `\\` joined to the next."""
    found: list[tuple[int, str]] = []
    begun: tuple[int, str] | None = None
    for number, natural in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        line = natural.lstrip(_BLANK)
        if begun is None and (not line or line[0] in "#!"):
            continue
        start, before = begun or (number, "")
        if _continues(line):
            begun = start, before + line[:-1]
        else:
            begun = None
            found.append((start, before + line))
    return [*found, begun] if begun is not None and begun[1] else found


def _continues(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _parted(line: str) -> tuple[str, str]:
    """Key and value, still escaped: parted by the first `=`, `:` or blank that has no `\\` before it."""
    end = 0
    while end < len(line) and line[end] not in "=:" + _BLANK:
        end += 2 if line[end] == "\\" else 1
    rest = line[end:].lstrip(_BLANK)
    if rest[:1] in ("=", ":"):
        rest = rest[1:].lstrip(_BLANK)
    return line[:end], rest


def _unescaped(text: str, line: int) -> str:
    if "\\" not in text:
        return text
    found: list[str] = []
    at = 0
    while at < len(text):
        sign = text[at]
        if sign != "\\":
            found.append(sign)
            at += 1
        elif text[at + 1 : at + 2] == "u":
            digits = text[at + 2 : at + 6]
            if len(digits) < 4 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
                raise PropertiesError(line, f"expected four hexadecimal digits after \\u, got {digits!r}")
            found.append(chr(int(digits, 16)))
            at += 6
        else:
            following = text[at + 1 : at + 2]
            found.append(_ESCAPED.get(following, following))
            at += 2
    # Java holds characters beyond U+FFFF as two escapes.
    return "".join(found).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
