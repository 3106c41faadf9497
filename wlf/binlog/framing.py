"""Where one event ends and the next begins: in a file back to back, in a stream each inside MySQL packets."""

from __future__ import annotations

from typing import Protocol

from wlf.binlog.control import HEADER_BYTES, parse_error_packet, widen
from wlf.errors import DecodeError

PACKET_BYTES = 5
"""What comes before an event in a stream: length (3), sequence number, OK byte."""
SEMI_SYNC_BYTES = 2
"""What a semi-synchronous server puts between the OK byte and the event: `ef`, and 01 where it wants an answer."""
FULL_PACKET = 0xFFFFFF
MAX_EVENT_BYTES = (1 << 30) + (1 << 20)
"""`max_allowed_packet` ends at 1 GiB; the rest is for headers."""


class Where(Protocol):
    """Where the walk is."""

    file: str
    position: int


class Packets:
    """Looks at the packets of a stream, one event in each."""

    __slots__ = ("lead", "wants_ack")

    def __init__(self) -> None:
        self.lead = PACKET_BYTES
        """Bytes in front of each event."""
        self.wants_ack: tuple[str, int] | None = None
        """See `Decoder.wants_ack`."""

    def look(self, buf: bytes, at: int, where: Where, *, joined: bool) -> int:
        """-1: an event lies here whole. 0: more bytes are needed. Else the size of an EOF packet.

        Args:
            joined: the buffer is one event whose packets were joined.

        Raises:
            DecodeError: the packet and the event inside it differ in size.
            ServerRefused: it is an error packet.
        """
        length = int.from_bytes(buf[at : at + 3], "little")
        end = at + 4 + length
        if length == FULL_PACKET or end > len(buf):
            if not joined:
                return 0
            end = len(buf)
        first = buf[at + 4] if end > at + 4 else -1
        if first == 0 and end - at >= self.lead + HEADER_BYTES:
            start = at + self.lead
            size = int.from_bytes(buf[start + 9 : start + 13], "little")
            if size != end - start:
                raise DecodeError(f"expected an event of {end - start} bytes as its packet, got {size}")
            if self.lead > PACKET_BYTES:
                self._note_ack(buf, at + PACKET_BYTES, start, where)
            return -1
        if first == 0xFF:
            raise parse_error_packet(buf[at + 4 : end])
        if first == 0xFE and length < 9:
            return end - at
        raise DecodeError(f"expected an event packet, got one of {length} bytes that begins with {first}")

    def _note_ack(self, buf: bytes, at: int, start: int, where: Where) -> None:
        if buf[at] != 0xEF:
            raise DecodeError(f"expected the semi-synchronous header before an event, got byte {buf[at]:#04x}")
        if buf[at + 1] & 1:
            log_pos = int.from_bytes(buf[start + 13 : start + 17], "little")
            self.wants_ack = where.file, widen(log_pos, where.position)


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
