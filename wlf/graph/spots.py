"""From a character of a scalar's value to its line and column in the file, through quotes, escapes and folded lines."""

from __future__ import annotations

import re

from wlf.graph.diagnostics import Place

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r?\n[ \t]*|.)", re.DOTALL)
_HEADER = re.compile(r"[|>][^\n]*\n")
_SHOWN = 100


def spot(source: str, value: str, index: int, start: Place) -> Place:
    """Where the character `index` of `value` stands, for a scalar that is written as `source` from `start` on.

    Blanks may be folded and quotes be written twice, but all other characters stand in the source in their order.
    """
    at = _first(source)
    escapes = source[:1] == '"'
    for number, sign in enumerate(value[: index + 1]):
        if sign.isspace():
            continue
        at, width = _find(source, at, sign, escapes)
        if number == index:
            break
        at += width
    before = source[:at]
    lines = before.count("\n")
    if not lines:
        return Place(start.line, start.column + at)
    return Place(start.line + lines, at - before.rfind("\n"))


def _first(source: str) -> int:
    if source[:1] in "'\"":
        return 1
    header = _HEADER.match(source)
    return header.end() if header else 0


def _find(source: str, at: int, sign: str, escapes: bool) -> tuple[int, int]:
    """(where it is written, how long), from `at` on; an escape may stand for it."""
    while at < len(source):
        if escapes and source[at] == "\\":
            found = _ESCAPE.match(source, at)
            width = len(found.group()) if found else 1
            if found is None or not found.group()[1:].strip():  # a folded line
                at += width
                continue
            return at, width
        if source[at] == sign:
            return at, 1
        at += 1
    return len(source), 1


def marked(text: str, index: int) -> str:
    """The line of a text with the character in it, and a caret below."""
    start = text.rfind("\n", 0, index) + 1
    line = text[start:].partition("\n")[0]
    column = index - start
    cut = max(0, column - _SHOWN // 2)
    shown = line[cut : cut + _SHOWN]
    signs = "".join(c if c.isprintable() else " " for c in shown)
    return f"{signs}\n{' ' * (column - cut)}^"
