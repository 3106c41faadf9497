"""From a regular expression of Java to one of Python: the same language, or an error that says what to write instead.

https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/util/regex/Pattern.html
"""

from __future__ import annotations

import re
import warnings

_CLASSES = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r" \t\n\x0b\f\r",
}
"""`\\p{Alpha}` and its like: ASCII in Java, unless it is told otherwise."""

_ESCAPES = {"h": r" \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000", "v": r"\n\x0b\f\r\x85\u2028\u2029"}
"""What Python has no escape for, as the inside of a class."""
_ALONE = {"z": r"\Z", "Z": r"(?=\n?\Z)", "e": r"\x1b", "R": r"(?:\r\n|[\n\x0b\f\r\x85\u2028\u2029])"}
_PROPERTY = re.compile(r"\{(\w+)\}")
_NAMED = re.compile(r"\(\?<([A-Za-z][A-Za-z0-9]*)>")


class RegexError(ValueError):
    """The expression cannot be used; the text says why."""


def compile_java(pattern: str) -> re.Pattern[str]:
    """The pattern, to be used with `search` as Java's `find()`.

    As in Java, `\\w`, `\\d`, `\\s` and `\\b` are about ASCII. What Python spells otherwise is translated.

    Raises:
        RegexError: it is no regular expression, or one of Java that Python has no equivalent of.
    """
    translated = _Translator(pattern).run()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return re.compile(translated, re.ASCII)
    except re.error as error:
        raise RegexError(error.msg) from error
    except (OverflowError, RecursionError, ValueError, Warning) as error:
        raise RegexError(str(error) or type(error).__name__) from error


class _Translator:
    """Walks over one pattern, once."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._out: list[str] = []
        self._class_start: int | None = None
        """Where the inside of `[...]` begins, while it is open."""

    def run(self) -> str:
        """The pattern in Python's words."""
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "\\":
                self._escape()
            elif self._class_start is not None:
                self._in_class(character)
            elif character == "[":
                self._open_class()
            elif character == "(" and (named := _NAMED.match(self._text, self._at)):
                self._take(named.end() - self._at, f"(?P<{named.group(1)}>")
            else:
                self._take(1, character)
        return "".join(self._out)

    def _take(self, length: int, instead: str) -> None:
        self._at += length
        self._out.append(instead)

    def _open_class(self) -> None:
        length = 2 if self._text.startswith("[^", self._at) else 1
        self._take(length, self._text[self._at : self._at + length])
        self._class_start = self._at

    def _in_class(self, character: str) -> None:
        if character == "[":
            raise RegexError("a '[' inside '[...]' is a union in Java, and not to be had here: write '\\[' or (?:a|b)")
        if self._text.startswith("&&", self._at):
            raise RegexError("'&&' inside '[...]' is an intersection in Java, and not to be had here: write it out")
        if character == "]" and self._at != self._class_start:
            self._class_start = None
        # Python warns of what may mean set operations one day.
        self._take(1, "\\" + character if character in "&|~" else character)

    def _escape(self) -> None:
        following = self._text[self._at + 1 : self._at + 2]
        inside = self._class_start is not None
        if following == "Q":
            end = self._text.find("\\E", self._at + 2)
            quoted = self._text[self._at + 2 : end if end >= 0 else len(self._text)]
            self._take(len(quoted) + (4 if end >= 0 else 2), re.escape(quoted))
        elif following in ("p", "P"):
            self._property(following, inside)
        elif following in _ESCAPES:
            self._take(2, _ESCAPES[following] if inside else f"[{_ESCAPES[following]}]")
        elif following == "k" and self._text.startswith("<", self._at + 2):
            end = self._text.find(">", self._at)
            if end < 0:
                raise RegexError("expected '>' after '\\k<'")
            self._take(end + 1 - self._at, f"(?P={self._text[self._at + 3 : end]})")
        elif following in _ALONE and not inside:
            self._take(2, _ALONE[following])
        elif following in ("G", "X", "N", "c", "x") and self._refused(following):
            raise RegexError(f"'\\{following}' of Java is not to be had here")
        else:
            self._take(2, "\\" + following)

    def _refused(self, following: str) -> bool:
        return following != "x" or self._text.startswith("{", self._at + 2)

    def _property(self, letter: str, inside: bool) -> None:
        named = _PROPERTY.match(self._text, self._at + 2)
        found = _CLASSES.get(named.group(1)) if named else None
        if named is None or found is None or (inside and letter == "P"):
            raise RegexError(
                f"'\\{letter}' of Java is known here only as \\p{{{'|'.join(_CLASSES)}}}: write such as [A-Za-z]"
            )
        if inside:
            self._take(named.end() - self._at, found)
        else:
            self._take(named.end() - self._at, f"[{'^' if letter == 'P' else ''}{found}]")
