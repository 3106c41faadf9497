"""Globs with `**`: which files are meant, and which directories can hold one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

_MAGIC = re.compile(r"[*?\[]")
_NO_DOT = r"(?!\.)"


class Globs:
    """Include and exclude patterns, compiled. Paths are absolute; the answer never looks at the disk."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str] = ()) -> None:
        wanted = [_parts(pattern) for pattern in include]
        unwanted = [_parts(pattern) for pattern in exclude]
        self.roots = _without_nested({_root(parts) for parts in wanted})
        """The directories from which everything that matches can be reached."""
        self._files = _any_of(_regex(parts) for parts in wanted)
        self._directories = _any_of(regex for parts in wanted for regex in _directories(parts))
        self._excluded = _any_of(_regex(parts) for parts in unwanted)
        self._pruned = _any_of(_regex(parts[:-1]) for parts in unwanted if parts[-1] == "**")

    def matches(self, path: str) -> bool:
        """Is a file of this path meant?"""
        return self._files.fullmatch(path) is not None and self._excluded.fullmatch(path) is None

    def descends(self, directory: str) -> bool:
        """Can there be a file that is meant in this directory or below?"""
        return self._directories.fullmatch(directory) is not None and self._pruned.fullmatch(directory) is None


def _parts(pattern: str) -> list[str]:
    """The names of the absolute path, the first one empty; a last `**` of an include means files, so it stays."""
    return os.path.normpath(os.path.join(os.getcwd(), pattern)).split("/")


def _root(parts: Sequence[str]) -> str:
    """The directory before the first name with a wildcard; of a plain path its own directory."""
    fixed: list[str] = []
    for part in parts[:-1]:
        if _MAGIC.search(part):
            break
        fixed.append(part)
    return "/".join(fixed) or "/"


def _without_nested(roots: set[str]) -> list[str]:
    return sorted(
        root for root in roots if not any(root != up and (root + "/").startswith(up.rstrip("/") + "/") for up in roots)
    )


def _regex(parts: Sequence[str]) -> str:
    """A pattern that a whole path must match."""
    text = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            text += rf"(?:{_NO_DOT}[^/]+/)*" + (rf"{_NO_DOT}[^/]+" if last else "")
        else:
            text += _name(part) + ("" if last else "/")
    return text


def _directories(parts: Sequence[str]) -> list[str]:
    """Patterns of the directories on the way to a match."""
    found = ["/"]
    for count in range(2, len(parts)):
        head = parts[:count]
        if "**" in head:
            first = head.index("**")
            above = "/".join(map(_name, head[:first]))
            return [*found, rf"{above}(?:/{_NO_DOT}[^/]+)*"]
        found.append("/".join(map(_name, head)))
    if parts[-1] == "**":
        found.append("/".join(map(_name, parts[:-1])) + rf"(?:/{_NO_DOT}[^/]+)*")
    return found


def _name(part: str) -> str:
    """One name of a path as a regular expression."""
    text = _NO_DOT if part[:1] in ("*", "?", "[") else ""
    index = 0
    while index < len(part):
        char = part[index]
        index += 1
        if char == "*":
            text += "[^/]*"
        elif char == "?":
            text += "[^/]"
        elif char == "[":
            close = part.find("]", index + 1 + (part[index : index + 1] == "!"))
            if close < 0:
                text += r"\["
                continue
            inside = part[index:close].replace("\\", r"\\").replace("[", r"\[").replace("&", r"\&").replace("~", r"\~")
            text += "[^/" + inside[1:] + "]" if inside.startswith("!") else f"[{inside}]"
            index = close + 1
        else:
            text += re.escape(char)
    return text


def _any_of(regexes: Iterable[str]) -> re.Pattern[str]:
    alternatives = "|".join(f"(?:{regex})" for regex in regexes)
    return re.compile(alternatives or r"(?!)")
