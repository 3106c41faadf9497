"""Where one event ends and the next begins: in a file back to back, in a stream each inside MySQL packets."""

from __future__ import annotations

from wlf.binlog.control import HEADER_BYTES
from wlf.errors import DecodeError

PACKET_BYTES = 5
"""What comes before an event in a stream: length (3), sequence number, OK byte."""
FULL_PACKET = 0xFFFFFF
MAX_EVENT_BYTES = (1 << 30) + (1 << 20)
"""`max_allowed_packet` ends at 1 GiB; the rest is for headers."""


class Tail:
    """The beginning of an event whose rest is still to come, collected without joining anything twice."""

    __slots__ = ("_bytes", "_stream")

    def __init__(self, *, stream: bool) -> None:
        self._bytes = bytearray()
        self._stream = stream

    def __len__(self) -> int:
        return len(self._bytes)

    def begin(self, rest: bytes) -> None:
        """Keep what a chunk ended with."""
        self._bytes = bytearray(rest)

    def fill(self, chunk: bytes, at: int) -> tuple[bytes | None, bytes, int]:
        """Add what is missing from `chunk`, from `at` on.

        Returns:
            The event once it is whole (in a stream with five bytes in front), what was kept beyond it, and where in
            `chunk` to go on.

        Raises:
            DecodeError: the event says it is larger than any event may be.
        """
        while (missing := (wanted := self._wanted()) - len(self._bytes)) > 0:
            part = chunk[at : at + missing]
            if not part:
                return None, b"", at
            self._bytes += part
            at += len(part)
        whole, excess = bytes(self._bytes[:wanted]), bytes(self._bytes[wanted:])
        self._bytes = bytearray()
        return (_joined(whole) if self._stream else whole), excess, at

    def _wanted(self) -> int:
        """How many bytes there must be to know more, or to have it all."""
        size = self._wanted_packets() if self._stream else self._wanted_event()
        if size > MAX_EVENT_BYTES:
            raise DecodeError(f"expected an event of at most 1 GiB, got {size} bytes")
        return size

    def _wanted_event(self) -> int:
        have = self._bytes
        return max(int.from_bytes(have[9:13], "little"), HEADER_BYTES) if len(have) >= HEADER_BYTES else HEADER_BYTES

    def _wanted_packets(self) -> int:
        at = 0
        while True:
            if len(self._bytes) < at + 4:
                return at + 4
            length = int.from_bytes(self._bytes[at : at + 3], "little")
            at += 4 + length
            if length < FULL_PACKET:
                return at


def _joined(packets: bytes) -> bytes:
    """One event out of the packets it was cut into; the OK byte is only in the first."""
    if packets[:3] != b"\xff\xff\xff":
        return packets
    parts, at = [], 0
    while at < len(packets):
        length = int.from_bytes(packets[at : at + 3], "little")
        parts.append(packets[at + 4 : at + 4 + length])
        at += 4 + length
    return packets[:4] + b"".join(parts)
