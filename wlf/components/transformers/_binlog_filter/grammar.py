"""Maxwell's filter grammar: a text such as `exclude: *.*, include: shop./^order_\\d+$/` to rules.

    rules := { rule [","] }
    rule  := ("include" | "exclude" | "blacklist") ":" pattern "." pattern [ "." WORD "=" pattern ]
    pattern := "*" | "/" REGEX "/" | WORD | 'x' | "x" | `x`

https://maxwells-daemon.io/filtering/. A WORD is of letters, digits and `_`; other names need quotes. As there, words
and quoted texts are regular expressions that match a whole name, so that a `.` in quotes stands for any character;
`/.../` may match anywhere in a name, and ends at the first `/` that has no `\\` before it.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from wlf.components.transformers._binlog_filter.regex import RegexError, compile_java

_KINDS = ("include", "exclude", "blacklist")
_WORD = re.compile(r"[A-Za-z0-9_\xa0-\U0010ffff]+")
_SPACE = re.compile(r"[\x00-\x20]*")
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
MAX_CHARACTERS = 100_000


class FilterError(ValueError):
    """The text is no filter; the message says at which character (from 1), what was expected, and what was found."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(f"filter: at character {at + 1}: {message}")


class Kind(Enum):
    """What a rule does with what it matches."""

    INCLUDE = "include"
    EXCLUDE = "exclude"
    BLACKLIST = "blacklist"


class Pattern(NamedTuple):
    """What a name or a value is compared with."""

    text: str
    """As Maxwell holds it: `` for `*`, `^x$` for a word or a quoted text, else the regular expression."""
    regex: re.Pattern[str]

    def found(self, text: str) -> bool:
        """Does it match?"""
        return self.regex.search(text) is not None


class ColumnTest(NamedTuple):
    """The condition of a column rule."""

    column: str
    value: Pattern

    @property
    def of_null(self) -> bool:
        """`= null` is about NULL and about the texts `null` and `NULL`."""
        return self.value.text.lower() == "^null$"

    @property
    def of_any(self) -> bool:
        """`= *` is about every value, NULL too."""
        return not self.value.text


class MaxwellRule(NamedTuple):
    """One rule."""

    kind: Kind
    database: Pattern
    table: Pattern
    column: ColumnTest | None = None

    def about(self, database: str, table: str | None) -> bool:
        """Is it about this table? Statements about a whole database (None) are matched by the database alone."""
        return self.database.found(database) and (table is None or self.table.found(table))


def parse(text: str) -> tuple[MaxwellRule, ...]:
    """The rules of a filter, in order; () for an empty text.

    Raises:
        FilterError: and nothing else.
    """
    if len(text) > MAX_CHARACTERS:
        raise FilterError(MAX_CHARACTERS, f"expected at most {MAX_CHARACTERS} characters, got {len(text)}")
    return tuple(_Parser(text).rules())


class _Parser:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def rules(self) -> list[MaxwellRule]:
        """All rules."""
        found = []
        while self._ahead():
            found.append(self._rule())
            if self._ahead() == ",":
                self._at += 1
        return found

    def _rule(self) -> MaxwellRule:
        start = self._at
        word = self._word("include, exclude or blacklist")
        if word.lower() not in _KINDS:
            raise FilterError(start, f"expected include, exclude or blacklist, got {word!r}")
        kind = Kind(word.lower())
        self._sign(":", f"{word}: database.table")
        database = self._pattern("a database")
        self._sign(".", "database.table")
        table = self._pattern("a table")
        if self._ahead() != ".":
            return MaxwellRule(kind, database, table)
        self._at += 1
        column = self._word("the name of a column (letters, digits and _)")
        self._sign("=", "database.table.column = value")
        return MaxwellRule(kind, database, table, ColumnTest(column, self._pattern("a value")))

    def _ahead(self) -> str:
        """The next sign that is no space; "" at the end."""
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _saw(self) -> str:
        ahead = self._ahead()
        return repr(ahead) if ahead else "the end"

    def _sign(self, sign: str, shape: str) -> None:
        if self._ahead() != sign:
            raise FilterError(self._at, f"expected '{sign}' (as in `{shape}`), got {self._saw()}")
        self._at += 1

    def _word(self, what: str) -> str:
        self._ahead()
        found = _WORD.match(self._text, self._at)
        if found is None:
            raise FilterError(self._at, f"expected {what}, got {self._saw()}")
        self._at = found.end()
        return found.group()

    def _pattern(self, what: str) -> Pattern:
        ahead, start = self._ahead(), self._at
        if ahead == "*":
            self._at += 1
            text = ""
        elif ahead == "/":
            text = self._regex()
        elif ahead and ahead in "'\"`":
            text = f"^{self._quoted(ahead)}$"
        elif _WORD.match(self._text, start):
            text = f"^{self._word(what)}$"
        else:
            hint = ": a name with it needs quotes" if ahead in ("-", "$") else ""
            raise FilterError(start, f"expected {what} (a name, 'a name', /regex/ or *), got {self._saw()}{hint}")
        try:
            pattern = Pattern(text, compile_java(text))
        except RegexError as error:
            raise FilterError(start, f"{what} is no regular expression: {error}") from error
        following = self._text[self._at : self._at + 1]
        if ahead not in "*/'\"`" and following in ("-", "$"):
            raise FilterError(self._at, f"expected a name of letters, digits and _, got {following!r}: quote the name")
        return pattern

    def _regex(self) -> str:
        """The inside of `/.../`: commas, braces and blanks are part of it."""
        start = self._at
        end = self._text.find("/", start + 1)
        while end > 0 and self._text[end - 1] == "\\":
            end = self._text.find("/", end + 1)
        if end < 0:
            raise FilterError(start, "expected '/' at the end of a regular expression, got the end")
        self._at = end + 1
        return self._text[start + 1 : end]

    def _quoted(self, quote: str) -> str:
        """The inside of quotes, its `\\` escapes resolved as Maxwell's tokenizer does."""
        start, found = self._at, []
        self._at += 1
        while (sign := self._text[self._at : self._at + 1]) != quote:
            if not sign or sign in "\r\n":
                raise FilterError(start, f"expected {quote} at the end of a quoted name, got the end of the line")
            if sign == "\\":
                self._at += 1
                sign = self._text[self._at : self._at + 1]
                sign = _ESCAPED.get(sign, sign)
            found.append(sign)
            self._at += 1
        self._at += 1
        return "".join(found)
