"""Bytes to lines: split and decoded a chunk at a time, in C."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from itertools import accumulate

_LITTLE_ENDIAN = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}
_MARKS = {
    "utf-16": ((codecs.BOM_UTF16_BE, "utf-16-be"),),
    "utf-32": ((codecs.BOM_UTF32_BE, "utf-32-be"),),
}
MARK = "\ufeff"


class LineSplitter:
    """Splits at line feeds, takes carriage returns off line ends, and replaces what cannot be decoded.

    Args:
        encoding: its name, one with an order of bytes.
        on_replaced: is told how many lines had bytes that are no text in this encoding.
    """

    def __init__(self, encoding: str, on_replaced: Callable[[int], None]) -> None:
        self.encoding = encoding
        self.newline = "\n".encode(encoding)
        self.width = len(self.newline)
        self._return = "\r".encode(encoding)
        self._on_replaced = on_replaced

    def split(self, body: bytes) -> list[str]:
        """The lines of a text whose last line feed is taken off."""
        texts = self.text(body).split("\n")
        if b"\r" in body:
            return [text.removesuffix("\r") for text in texts]
        return texts

    def text(self, body: bytes) -> str:
        """Lines as one text."""
        try:
            return body.decode(self.encoding)
        except UnicodeDecodeError:
            return "\n".join(self._replace(body))

    def beginning(self, part: bytes) -> bytes:
        """A line whose end is not there, without a character or a line end that is there in part only."""
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        decoder.decode(part)
        part = part[: len(part) - len(decoder.getstate()[0])]
        return part.removesuffix(self._return)

    def last_end(self, chunk: bytes) -> int:
        """Where the last whole line ends; 0 where there is none."""
        return self.end_before(chunk, len(chunk))

    def end_before(self, chunk: bytes, stop: int) -> int:
        """Where the last line ends that ends before `stop`; 0 where there is none."""
        at = chunk.rfind(self.newline, 0, stop)
        while at >= 0 and at % self.width:
            at = chunk.rfind(self.newline, 0, at + self.width - 1)
        return at + self.width if at >= 0 else 0

    def first_end(self, chunk: bytes) -> int:
        """Where the first line ends; 0 where none does."""
        at = chunk.find(self.newline)
        while at >= 0 and at % self.width:
            at = chunk.find(self.newline, at + 1)
        return at + self.width if at >= 0 else 0

    def offsets(self, body: bytes, first: int) -> list[int]:
        """Where each line begins, `first` being the place of the text itself."""
        lines = self.raw_lines(body)
        return list(accumulate((len(line) + self.width for line in lines[:-1]), initial=first))

    def raw_lines(self, body: bytes) -> list[bytes]:
        """The lines as they are, without their line feeds."""
        if self.width == 1:
            return body.split(b"\n")
        lines, start = list[bytes](), 0
        while True:
            size = self.first_end(body[start:])
            if not size:
                return [*lines, body[start:]]
            lines.append(body[start : start + size - self.width])
            start += size

    def _replace(self, body: bytes) -> list[str]:
        """Line by line, so that it is known how many are damaged."""
        texts, damaged = [], 0
        for line in self.raw_lines(body):
            try:
                texts.append(line.decode(self.encoding))
            except UnicodeDecodeError:
                texts.append(line.decode(self.encoding, "replace"))
                damaged += 1
        self._on_replaced(damaged)
        return texts


class Splitters:
    """One splitter for each order of bytes that files of an encoding can have."""

    def __init__(self, encoding: str, on_replaced: Callable[[int], None]) -> None:
        name = codecs.lookup(encoding).name
        self._usual = LineSplitter(_LITTLE_ENDIAN.get(name, name), on_replaced)
        self._marked = [(mark, LineSplitter(other, on_replaced)) for mark, other in _MARKS.get(name, ())]

    def choose(self, beginning: bytes) -> LineSplitter:
        """The one for a file that begins so."""
        for mark, splitter in self._marked:
            if beginning.startswith(mark):
                return splitter
        return self._usual
