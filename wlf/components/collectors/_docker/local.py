"""What the log driver `local` of a Docker Engine writes: framed messages of Protocol Buffers.

Each is its length as four bytes, the message, and the length again. Fields of the message: 1 the stream, 2 the time in
nanoseconds, 3 the line without its end, 4 whether it is a part, 5 a message whose field 1 says that it is the last one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from wlf.components.collectors._docker.frames import PART_BYTES
from wlf.components.following.contents import Damaged

LENGTH = Struct(">I")
_NANOS = 1_000_000_000
_VARINT, _BYTES = 0, 2


class Entry(NamedTuple):
    """A record. `is_part`: the stream's next one goes on with its line."""

    stream: str
    nanos: int
    line: bytes
    is_part: bool

    @property
    def time(self) -> str:
        """As the Engine tells it."""
        seconds, fraction = divmod(self.nanos, _NANOS)
        return f"{_whole(seconds)}.{fraction:09}Z"


def ends_of(chunk: bytes) -> Iterator[int]:
    """Where each whole record ends. Raises Damaged where there is none."""
    at, size = 0, len(chunk)
    while size - at >= LENGTH.size:
        (length,) = LENGTH.unpack_from(chunk, at)
        end = at + length + 2 * LENGTH.size
        if end > size:
            return
        if LENGTH.unpack_from(chunk, end - LENGTH.size) != (length,):
            raise Damaged("expected a record of the log driver local, got something else")
        yield end
        at = end


def entry_of(record: bytes) -> Entry:
    """One record, with its lengths. Raises Damaged."""
    stream, nanos, line = "", 0, b""
    is_part = is_last = False
    for number, value in _fields(record[LENGTH.size : -LENGTH.size]):
        if number == 1 and isinstance(value, bytes):
            stream = value.decode("ascii", "replace")
        elif number == 2 and isinstance(value, int):
            nanos = value
        elif number == 3 and isinstance(value, bytes):
            line = value
        elif number == 4:
            is_part = bool(value)
        elif number == 5 and isinstance(value, bytes):
            is_last = any(inner == (1, 1) for inner in _fields(value))
    # The last line of a container that ended has no line end: it is a part too, but a short one.
    return Entry(stream, nanos, line, is_part and not is_last and len(line) >= PART_BYTES)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at, size = 0, len(message)
    try:
        while at < size:
            key, at = _varint(message, at)
            kind = key & 7
            value, at = _varint(message, at)
            if kind == _VARINT:
                yield key >> 3, value
            elif kind == _BYTES and at + value <= size:
                yield key >> 3, message[at : at + value]
                at += value
            else:
                raise Damaged("expected a record of the log driver local, got something else")
    except IndexError as error:
        raise Damaged("a record of the log driver local is cut off") from error


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = message[at]
    at += 1
    if value < 128:
        return value, at
    value &= 127
    shift = 7
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


@lru_cache(maxsize=1024)
def _whole(seconds: int) -> str:
    """Many lines are of one second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
