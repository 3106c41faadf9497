"""Bytes to lines: split and decoded a chunk at a time, in C."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from itertools import accumulate


class LineSplitter:
    """Splits at line feeds, takes carriage returns off line ends, and replaces what cannot be decoded.

    Args:
        encoding: its name; of `utf-16` and `utf-32` the one without a byte order mark's help is little-endian.
        on_replaced: is told how many lines had bytes that are no text in this encoding.
    """

    def __init__(self, encoding: str, on_replaced: Callable[[int], None]) -> None:
        name = codecs.lookup(encoding).name
        self.encoding = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}.get(name, name)
        self.newline = "\n".encode(self.encoding)
        self.width = len(self.newline)
        self._on_replaced = on_replaced

    def split(self, chunk: bytes) -> tuple[list[str], int]:
        """The whole lines of a chunk, and the bytes that they take."""
        end = self.last_end(chunk)
        if not end:
            return [], 0
        body = chunk[: end - self.width]
        try:
            texts = body.decode(self.encoding).split("\n")
        except UnicodeDecodeError:
            texts = self._replace(body)
        if b"\r" in body:
            texts = [text.removesuffix("\r") for text in texts]
        return texts, end

    def decode(self, line: bytes) -> str:
        """One line, or a part of one, without its line end."""
        try:
            text = line.decode(self.encoding)
        except UnicodeDecodeError:
            self._on_replaced(1)
            text = line.decode(self.encoding, "replace")
        return text

    def last_end(self, chunk: bytes) -> int:
        """Where the last whole line ends; 0 where there is none."""
        at = chunk.rfind(self.newline)
        while at >= 0 and at % self.width:
            at = chunk.rfind(self.newline, 0, at + self.width - 1)
        return at + self.width if at >= 0 else 0

    def first_end(self, chunk: bytes) -> int:
        """Where the first line ends; 0 where none does."""
        at = chunk.find(self.newline)
        while at >= 0 and at % self.width:
            at = chunk.find(self.newline, at + 1)
        return at + self.width if at >= 0 else 0

    def offsets(self, chunk: bytes, end: int, first: int) -> list[int]:
        """Where each line of the first `end` bytes begins, `first` being the chunk's own place."""
        return list(accumulate((len(line) + self.width for line in self.raw_lines(chunk, end)[:-1]), initial=first))

    def raw_lines(self, chunk: bytes, end: int) -> list[bytes]:
        """The lines of the first `end` bytes as they are, without their line feeds."""
        body = chunk[: end - self.width]
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
        for line in self.raw_lines(body + self.newline, len(body) + self.width):
            try:
                texts.append(line.decode(self.encoding))
            except UnicodeDecodeError:
                texts.append(line.decode(self.encoding, "replace"))
                damaged += 1
        self._on_replaced(damaged)
        return texts
