"""Bodies of the events that steer the stream: FORMAT_DESCRIPTION, ROTATE, heartbeats, and the packets around events."""

from __future__ import annotations

import zlib
from struct import Struct
from typing import NamedTuple

from wlf.binlog.errors import ServerRefused
from wlf.binlog.wire import lenenc, lenenc_bytes, take
from wlf.errors import DecodeError

HEADER_BYTES = 19
IN_USE, ARTIFICIAL, RELAY_LOG, IGNORABLE = 0x1, 0x20, 0x40, 0x80

MAGIC = b"\xfebin"
ENCRYPTED_MAGIC = b"\xfdbin"

_U64 = Struct("<Q").unpack_from
_TABLE_MAP = 19


class Format(NamedTuple):
    """What a FORMAT_DESCRIPTION event says of the events behind it."""

    version: str
    """The server's version text."""
    created: int
    checksum: bool
    mariadb: bool


def parse_format(body: bytes) -> Format:
    """A FORMAT_DESCRIPTION without its header, with the five bytes of checksum algorithm and checksum if it has them.

    Servers have them from MySQL 5.6.1 and MariaDB 5.3 on.

    Raises:
        DecodeError: another binlog version than 4, an unknown checksum algorithm, or a layout of before MySQL 5.1.
    """
    if len(body) < 57 + 27 or body[0] | body[1] << 8 != 4:
        raise DecodeError("expected a binlog of version 4, as servers write it since MySQL 5.0")
    version = body[2:52].rstrip(b"\0").decode("latin-1")
    mariadb = "mariadb" in version.lower()
    if body[56] != HEADER_BYTES:
        raise DecodeError(f"expected event headers of {HEADER_BYTES} bytes, got {body[56]}")
    if body[57 + _TABLE_MAP - 1] != 8:
        raise DecodeError("expected table maps with a 6-byte table id, got an older layout")
    checked = mariadb or _numbers(version) >= (5, 6, 1)
    algorithm = body[-5] if checked else 0
    if algorithm > 1:
        raise DecodeError(f"expected checksum algorithm 0 or 1, got {algorithm}")
    return Format(version, int.from_bytes(body[52:56], "little"), bool(algorithm), mariadb)


def _numbers(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.replace("-", ".").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits[:6]))
    return tuple(numbers)


def check_crc(buf: bytes, start: int, end: int, *, format_event: bool = False) -> None:
    """Compare the last four bytes with the CRC-32 of all before them; raises DecodeError.

    The checksum of a FORMAT_DESCRIPTION was computed before the file was in use.
    """
    event = buf[start : end - 4]
    if format_event:
        event = event[:17] + bytes([event[17] & ~IN_USE]) + event[18:]
    expected, computed = int.from_bytes(buf[end - 4 : end], "little"), zlib.crc32(event)
    if expected != computed:
        raise DecodeError(f"expected checksum {expected:08x} of the event, got {computed:08x}")


def has_right_crc(buf: bytes, start: int, end: int) -> bool:
    """The same as a question, for events other than FORMAT_DESCRIPTION."""
    return int.from_bytes(buf[end - 4 : end], "little") == zlib.crc32(buf[start : end - 4])


def parse_rotate(body: bytes) -> tuple[int, str]:
    """(position, file) of a ROTATE event."""
    return _U64(take(body, 0, 8))[0], _file_name(body[8:])


def _file_name(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("utf-8", "replace")


def parse_heartbeat(body: bytes, log_pos: int) -> tuple[str, int]:
    """(file, position) of a HEARTBEAT; beyond 4 GiB MariaDB puts the position into the body."""
    if not log_pos and len(body) > 8:
        return _file_name(body[8:]), _U64(body)[0]
    return _file_name(body), log_pos


def parse_heartbeat_v2(body: bytes) -> tuple[str, int]:
    """(file, position) of a HEARTBEAT_V2, a list of tagged fields."""
    name, position, at = "", 0, 0
    while at < len(body):
        kind, at = lenenc(body, at)
        if not kind:
            break
        value, at = lenenc_bytes(body, at)
        if kind == 1:
            name = _file_name(value)
        elif kind == 2:
            position = lenenc(value, 0)[0]
    return name, position


def parse_error_packet(payload: bytes) -> ServerRefused:
    """An ERR packet: ff, code, `#` and SQL state, message."""
    code = int.from_bytes(payload[1:3], "little")
    if payload[3:4] == b"#":
        return ServerRefused(code, payload[4:9].decode("latin-1"), payload[9:].decode("utf-8", "replace"))
    return ServerRefused(code, "", payload[3:].decode("utf-8", "replace"))


def widen(log_pos: int, near: int) -> int:
    """The 64-bit offset at or behind `near` whose lower 32 bits are `log_pos`: headers wrap at 4 GiB."""
    wide = near & ~0xFFFFFFFF | log_pos
    return wide if wide >= near else wide + (1 << 32)


def inflate_record(raw: bytes) -> bytes:
    """The plain bytes of a MariaDB compression record (log_bin_compress); raises DecodeError."""
    first = take(raw, 0, 1)[0]
    size_bytes = first & 7
    size = int.from_bytes(take(raw, 1, size_bytes), "big")
    if first & 0xF0 != 0x80 or size > 1 << 30:
        raise DecodeError(f"expected a zlib-compressed record, got byte {first:#04x}")
    try:
        plain = zlib.decompressobj().decompress(raw[1 + size_bytes :], size + 1)
    except zlib.error as error:
        raise DecodeError(f"expected a zlib-compressed record: {error}") from error
    if len(plain) != size:
        raise DecodeError(f"expected {size} bytes of a compressed record, got {len(plain)}")
    return plain
