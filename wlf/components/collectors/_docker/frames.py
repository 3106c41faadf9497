"""From the bytes of a log stream to its records: framed ones of two streams, or the text of a terminal."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

HEADER = Struct(">BxxxL")
STDOUT, STDERR, ENGINE = 1, 2, 3
"""What a frame's first byte says: the container's streams, and what the Engine itself has to tell."""
MAX_FRAME_BYTES = 64 << 20
PART_BYTES = 16_384
"""The Engine writes down what is longer in parts of this size, each with the time of the first."""
_TIME_BYTES = len("2026-01-31T23:59:59.123456789Z ")
MAX_TERMINAL_BYTES = 65_536


class NoFrames(Exception):
    """The bytes are not what the Engine promises."""


class Raw(NamedTuple):
    """A record as it came: which stream, and `TIME text`, with a line feed unless the line goes on or has none."""

    stream: int
    content: bytes


class Framed:
    """Frames of the two streams, however the bytes are cut."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Raw]:
        """The records that are complete by now. Raises NoFrames."""
        if self._rest:
            data = self._rest + data
        records: list[Raw] = []
        at, size, unpack, header = 0, len(data), HEADER.unpack_from, HEADER.size
        while size - at >= header:
            stream, length = unpack(data, at)
            end = at + header + length
            if end > size:
                if stream > ENGINE or length > MAX_FRAME_BYTES:
                    raise NoFrames(f"expected a frame of a log, got {data[at : at + header].hex()}")
                break
            records.append(Raw(stream, data[at + header : end]))
            at = end
        self._rest = data[at:]
        return records

    def end(self) -> list[Raw]:
        """Nothing comes any more; a frame that is cut off is read again some time."""
        self._rest = b""
        return []


class Terminal:
    """What a container with a terminal wrote: one stream, no frames, each record begins with its time.

    Where the Engine cut a line, the time of the first part stands in its middle.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Raw]:
        """The records that are complete by now."""
        data = self._rest + data
        records: list[Raw] = []
        at = 0
        while True:
            end = data.find(b"\n", at, at + _TIME_BYTES + PART_BYTES) + 1
            if not end:
                end = self._end_of_part(data, at)
            if not end:
                break
            records.append(Raw(STDOUT, data[at:end]))
            at = end
        self._rest = data[at:]
        return records

    def end(self) -> list[Raw]:
        """What is left is a line without a line feed."""
        rest, self._rest = self._rest, b""
        return [Raw(STDOUT, rest)] if rest else []

    def _end_of_part(self, data: bytes, at: int) -> int:
        """Where the next part begins, 0 where that is not to be seen yet."""
        end = at + _TIME_BYTES + PART_BYTES
        if len(data) < end + _TIME_BYTES:
            return 0
        if data[end : end + _TIME_BYTES] == data[at : at + _TIME_BYTES]:
            return end
        return data.find(b"\n", end) + 1 or (len(data) if len(data) - at > MAX_TERMINAL_BYTES else 0)
