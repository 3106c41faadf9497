"""A file of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.contender import FileSink, Sink
from benchmarks.end_to_end.expected import Expected
from benchmarks.end_to_end.receivers.base import Receiver

_CHUNK_BYTES = 1 << 20


class GrowingFile:
    """Counts the lines of a file that grows, each byte read once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = 0
        self._read = 0

    def lines(self) -> int:
        """Lines by now; 0 while there is no file."""
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(self._read)
                while chunk := file.read(_CHUNK_BYTES):
                    self._lines += chunk.count(b"\n")
                    self._read += len(chunk)
        except FileNotFoundError:
            return 0
        return self._lines


class FileReceiver(Receiver):
    """A file that the program makes itself."""

    title = "file"

    def __init__(self) -> None:
        self._path = Path()
        self._growing = GrowingFile(self._path)

    def place(self, folder: Path, expected: Expected) -> Sink:
        self._path = folder / "all.jsonl"
        self._growing = GrowingFile(self._path)
        return FileSink(self._path)

    def count(self) -> int:
        return self._growing.lines()

    def messages(self) -> Iterator[bytes]:
        if self._path.is_file():
            with self._path.open("rb") as file:
                yield from file

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)
