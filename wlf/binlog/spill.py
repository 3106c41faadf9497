"""Frames that wait for their transaction's end in a temporary file, in the order they were logged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from struct import Struct
from typing import IO, Any, TypeAlias

from wlf.binlog.rows import Table
from wlf.errors import Retryable

Frame: TypeAlias = tuple[Table, int, int, int, bytes, int, int, int]
"""Table, event type, ts, server id; buffer, start and end (without checksum) of the event; position behind it."""

QUERY, SAVEPOINT = 0, 1
"""Types of frames that are no rows: a statement's text for the rows behind it, and a savepoint's name. Their table is
never looked at."""

MakeFile: TypeAlias = Callable[[], IO[bytes]]
"""Makes an empty file that vanishes when it is closed."""

_RECORD = Struct("<IBIIQI")
_LOT_BYTES = 1 << 20
_NO_TABLE = 0xFFFFFFFF


class Spool:
    """The frames of one transaction in a file: written once, read back in lots of about 1 MiB.

    Every method raises Retryable where the file cannot be made, written or read: a full disk may have room again.
    """

    def __init__(self, make_file: MakeFile) -> None:
        self.events = 0
        """Rows events in the file."""
        self._bytes = 0
        self._tables: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._marks: dict[bytes, tuple[int, int]] = {}
        try:
            self._file = make_file()
        except OSError as error:
            raise _failed("make", error) from error

    def write(self, frames: Iterable[Frame]) -> None:
        """Put frames behind those that are there."""
        parts: list[bytes] = []
        size = self._bytes
        for table, kind, ts, server, buf, start, stop, position in frames:
            number = self._number(table) if kind > SAVEPOINT else _NO_TABLE
            if kind == SAVEPOINT:
                self._marks[buf[start:stop]] = size, self.events
                continue
            parts.append(_RECORD.pack(number, kind, ts, server, position, stop - start))
            parts.append(buf[start:stop])
            size += _RECORD.size + stop - start
            self.events += kind > SAVEPOINT
        try:
            self._file.write(b"".join(parts))
            self._file.flush()
        except OSError as error:
            raise _failed("write", error) from error
        self._bytes = size

    def _number(self, table: Table) -> int:
        number = self._numbers.get(id(table))
        if number is None:
            number = self._numbers[id(table)] = len(self._tables)
            self._tables.append(table)
        return number

    def cut(self, savepoint: bytes) -> None:
        """Forget what came behind a savepoint, and all where there is no such one here."""
        mark = self._marks.get(savepoint, (0, 0))
        try:
            self._file.seek(mark[0])
            self._file.truncate()
        except OSError as error:
            raise _failed("cut", error) from error
        self._bytes, self.events = mark
        self._marks = {name: place for name, place in self._marks.items() if place <= mark}

    def lots(self) -> Iterator[list[Frame]]:
        """All frames, a few at a time; then the file is closed."""
        at = 0
        while at < self._bytes:
            lot, size = self._lot(at)
            at += size
            yield lot
        self.close()

    def _lot(self, at: int) -> tuple[list[Frame], int]:
        try:
            self._file.seek(at)
            buf = self._file.read(_LOT_BYTES)
            (length,) = _RECORD.unpack_from(buf)[5:]
            if (missing := _RECORD.size + length - len(buf)) > 0:
                buf += self._file.read(missing)
        except OSError as error:
            raise _failed("read", error) from error
        frames: list[Frame] = []
        end = 0
        while end + _RECORD.size <= len(buf):
            number, kind, ts, server, position, length = _RECORD.unpack_from(buf, end)
            start = end + _RECORD.size
            if start + length > len(buf):
                break
            end = start + length
            table: Any = self._tables[number] if number != _NO_TABLE else None
            frames.append((table, kind, ts, server, buf, start, end, position))
        return frames, end

    def close(self) -> None:
        """Give the room back."""
        self._file.close()


def _failed(verb: str, error: OSError) -> Retryable:
    return Retryable(
        f"cannot {verb} the temporary file of a large transaction: {error.strerror or error}",
        hint="make room in the directory of temporary files (TMPDIR), or raise hold_max_bytes",
    )
