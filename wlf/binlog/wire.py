"""The integers of the binlog that are neither fixed in width nor worth a struct."""

from __future__ import annotations

from wlf.errors import DecodeError

_LENGTHS = {0xFC: 2, 0xFD: 3, 0xFE: 8}


def lenenc(buf: bytes, at: int) -> tuple[int, int]:
    """A length-encoded integer and where it ends.

    Raises:
        DecodeError: the bytes end before it does, or its first byte is 0xFB or 0xFF.
    """
    if at >= len(buf):
        raise DecodeError("expected a length, got the end of the event")
    first = buf[at]
    if first < 0xFB:
        return first, at + 1
    width = _LENGTHS.get(first)
    if width is None:
        raise DecodeError(f"expected a length, got byte 0x{first:02x}")
    end = at + 1 + width
    return int.from_bytes(take(buf, at + 1, width), "little"), end


def take(buf: bytes, at: int, size: int) -> bytes:
    """Exactly `size` bytes; raises DecodeError where there are fewer."""
    part = buf[at : at + size]
    if len(part) != size:
        raise DecodeError(f"expected {size} bytes, got {len(part)}")
    return part


def lenenc_bytes(buf: bytes, at: int) -> tuple[bytes, int]:
    """A length-prefixed byte string and where it ends."""
    size, at = lenenc(buf, at)
    return take(buf, at, size), at + size


def svarint(buf: bytes, at: int) -> tuple[int, int]:
    """An unsigned integer of mysql::serialization (tagged GTID events) and where it ends.

    The number of trailing one-bits of the first byte is the number of bytes that follow it.
    """
    if at >= len(buf):
        raise DecodeError("expected an integer, got the end of the event")
    first = buf[at]
    more = (~first & (first + 1)).bit_length() - 1
    raw = int.from_bytes(take(buf, at, more + 1), "little")
    return (raw >> 8 if more == 8 else raw >> (more + 1)), at + more + 1


def signed(value: int) -> int:
    """The signed form of a `svarint`."""
    return -(value >> 1) - 1 if value & 1 else value >> 1
