"""A file of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.contender import FileSink, Sink
from benchmarks.end_to_end.expected import Expected, Rows, Tally, tally
from benchmarks.end_to_end.ledger import Reading
from benchmarks.end_to_end.receivers.base import Receiver

_CHUNK_BYTES = 1 << 20


LINES = (b"\n",)


class GrowingFile:
    """Counts the rows of a file that grows, each byte read once."""

    def __init__(self, path: Path, marks: tuple[bytes, ...] = LINES) -> None:
        self._path = path
        self._marks = marks
        self._overlap = max(map(len, marks)) - 1
        self._rows = 0
        self._read = 0
        self._tail = b""

    def rows(self) -> int:
        """Rows by now; 0 while there is no file."""
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(self._read)
                while chunk := file.read(_CHUNK_BYTES):
                    self._read += len(chunk)
                    self._take(self._tail + chunk)
        except FileNotFoundError:
            return 0
        return self._rows

    def _take(self, part: bytes) -> None:
        """Count the marks that end behind the tail, which was counted already."""
        for mark in self._marks:
            self._rows += part.count(mark) - self._tail.count(mark)
        self._tail = part[-self._overlap :] if self._overlap else b""


class FileReceiver(Receiver):
    """A file that the program makes itself."""

    title = "file"

    def __init__(self) -> None:
        self._path = Path()
        self._growing = GrowingFile(self._path)

    def place(self, folder: Path, expected: Expected) -> Sink:
        self._path = folder / "all.jsonl"
        self._growing = GrowingFile(self._path, self.row_marks)
        return FileSink(self._path)

    def count(self) -> int:
        return self._growing.rows()

    def messages(self) -> Iterator[bytes]:
        if self._path.is_file():
            with self._path.open("rb") as file:
                yield from file

    def audit(self, expected: Expected) -> Tally:
        if self.row_marks == LINES or not isinstance(expected, Rows):
            return super().audit(expected)
        return tally(expected.identities, Reading(expected.numbers).read(self.messages()).identities)

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)
