"""Walks over tokens: steps over expected words, finds the ends of brackets, splits lists at their commas."""

from __future__ import annotations

from collections.abc import Iterator

from wlf.binlog.ddl.tokens import NAME, SIGN, STRING, WORD, Dialect, Token


class NotReadable(Exception):
    """The statement is none that the reader knows; what it names is unsure from here on."""


class Cursor:
    """A place in a range of tokens."""

    def __init__(self, tokens: list[Token], dialect: Dialect, at: int = 0, stop: int | None = None) -> None:
        self.tokens, self.dialect = tokens, dialect
        self.at, self.stop = at, len(tokens) if stop is None else stop

    def sub(self, at: int, stop: int) -> Cursor:
        """A cursor over a part of the same tokens."""
        return Cursor(self.tokens, self.dialect, at, stop)

    @property
    def ended(self) -> bool:
        """Is nothing left?"""
        return self.at >= self.stop

    @property
    def upper(self) -> str:
        """The next word in upper case, or the next sign; "" for all else."""
        return self.tokens[self.at].upper if self.at < self.stop else ""

    def ahead(self, count: int) -> str:
        """Like `upper`, so many tokens further on."""
        at = self.at + count
        return self.tokens[at].upper if at < self.stop else ""

    def take(self, *words: str) -> bool:
        """Step over all of the words if they come next."""
        if any(self.ahead(index) != word for index, word in enumerate(words)):
            return False
        self.at += len(words)
        return True

    def take_any(self, *words: str) -> str:
        """Step over one of the words; "" where another one comes next."""
        found = self.upper
        if found in words:
            self.at += 1
            return found
        return ""

    def name(self) -> str:
        """An identifier, quoted or not.

        Raises:
            NotReadable: another token comes next.
        """
        if self.ended or self.tokens[self.at].kind not in (WORD, NAME, STRING):
            raise NotReadable
        self.at += 1
        return self.tokens[self.at - 1].text

    def table(self, database: str) -> tuple[str, str]:
        """`t`, `db.t` or `.t`; raises NotReadable where none comes next."""
        self.take(".")
        first = self.name()
        if not self.take("."):
            return database, first
        return first, self.name()

    def skip_wait(self) -> None:
        """WAIT n and NOWAIT."""
        if self.take("WAIT"):
            self.at += 1
        else:
            self.take("NOWAIT")

    def skip_brackets(self) -> tuple[int, int]:
        """Step over a bracketed part that comes next: the range inside it, empty where there is none."""
        if not self.take("("):
            return self.at, self.at
        begin, depth = self.at, 1
        while depth and self.at < self.stop:
            token = self.tokens[self.at]
            if token.kind == SIGN:
                depth += (token.text == "(") - (token.text == ")")
            self.at += 1
        return begin, self.at - (0 if depth else 1)

    def step(self) -> None:
        """Step over one token, or a whole bracketed part."""
        if self.upper == "(":
            self.skip_brackets()
        else:
            self.at += 1

    def split(self, at: int, stop: int) -> Iterator[Cursor]:
        """The parts of a range between its commas, those inside brackets aside."""
        part = self.sub(at, stop)
        begin = at
        while not part.ended:
            if part.upper == ",":
                yield self.sub(begin, part.at)
                begin = part.at + 1
            part.step()
        if begin < stop:
            yield self.sub(begin, stop)
