"""MySQL's binary JSON to Python objects: dict, list, str, int, float, bool, None, Decimal for exact numbers.

Opaque dates and times read as MySQL prints them, other opaque values as bytes.
"""

from __future__ import annotations

from decimal import Decimal
from struct import Struct
from struct import error as StructError
from typing import Any

from wlf.binlog.values import decimal_reader, packed_datetime, packed_time
from wlf.errors import DecodeError

_SMALL, _LARGE = Struct("<HH").unpack_from, Struct("<II").unpack_from
_SMALL_KEY, _LARGE_KEY = Struct("<HH"), Struct("<IH")
_SMALL_ENTRY, _LARGE_ENTRY = Struct("<BH"), Struct("<BI")
_U16, _U32 = Struct("<H").unpack_from, Struct("<I").unpack_from
_SCALARS = {
    5: Struct("<h").unpack_from,
    6: Struct("<H").unpack_from,
    7: Struct("<i").unpack_from,
    8: Struct("<I").unpack_from,
    9: Struct("<q").unpack_from,
    10: Struct("<Q").unpack_from,
    11: Struct("<d").unpack_from,
}
_LITERALS: dict[int, bool | None] = {0: None, 1: True, 2: False}
_MAX_DEPTH = 101  # the server's limit is 100
_DECIMAL, _TEMPORAL_DATE, _TEMPORAL_TIME, _TEMPORALS = 246, 10, 11, (7, 12)


def decode_json(raw: bytes) -> Any:
    """A document; the whole document null (also: no bytes at all) reads as None.

    Raises:
        DecodeError: the bytes are no JSON document.
    """
    if not raw:
        return None
    try:
        return _Document(raw).value(raw[0], 1, 0)
    except (StructError, IndexError, ArithmeticError) as error:
        raise DecodeError(f"expected a JSON document, got other bytes ({error})") from error


class _Document:
    """One document while it is read; `left` bounds the work that entries sharing one offset could cause."""

    __slots__ = ("left", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.left = len(raw)

    def value(self, kind: int, at: int, depth: int) -> Any:
        self.left -= 1
        if self.left < 0 or depth > _MAX_DEPTH or at > len(self.raw):
            raise DecodeError("expected a JSON document, got a value that lies outside or inside itself")
        if kind <= 3:
            return self.container(kind, at, depth + 1)
        if kind == 4:
            return _literal(self.raw[at])
        if kind in _SCALARS:
            return _SCALARS[kind](self.raw, at)[0]
        if kind == 12:
            return self.counted(at).decode("utf-8", "replace")
        if kind == 15:
            return _opaque(self.raw[at], self.counted(at + 1))
        raise DecodeError(f"expected a JSON type, got {kind}")

    def counted(self, at: int) -> bytes:
        """Bytes behind their length, which has 7 bits a byte."""
        size = shift = 0
        while True:
            byte = self.raw[at]
            at += 1
            size |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift > 28:
                raise DecodeError("expected a JSON length of at most 5 bytes")
        # Work on bytes counts as well: entries may share one string.
        self.left -= size
        if at + size > len(self.raw) or self.left < 0:
            raise DecodeError(f"expected {size} bytes of JSON, got {len(self.raw) - at}")
        return self.raw[at : at + size]

    def container(self, kind: int, start: int, depth: int) -> Any:
        large = kind & 1
        count, size = (_LARGE if large else _SMALL)(self.raw, start)
        head = 8 if large else 4
        entry = _LARGE_ENTRY if large else _SMALL_ENTRY
        key = _LARGE_KEY if large else _SMALL_KEY
        keys_size = key.size * count if kind < 2 else 0
        if head + keys_size + entry.size * count > size or start + size > len(self.raw):
            raise DecodeError(f"expected a JSON container of {size} bytes, got {len(self.raw) - start}")
        first = start + head + keys_size
        values = []
        for at in range(first, first + entry.size * count, entry.size):
            inner, offset = entry.unpack_from(self.raw, at)
            inline = inner in (4, 5, 6) or (large and inner in (7, 8))
            values.append(self.value(inner, at + 1 if inline else start + offset, depth))
        if kind >= 2:
            return values
        return dict(zip(self.keys(key, start, head, count), values, strict=True))

    def keys(self, key: Struct, start: int, head: int, count: int) -> list[str]:
        found = []
        for at in range(start + head, start + head + key.size * count, key.size):
            offset, size = key.unpack_from(self.raw, at)
            self.left -= size
            if start + offset + size > len(self.raw) or self.left < 0:
                raise DecodeError("expected a JSON key, got one that lies outside")
            found.append(self.raw[start + offset : start + offset + size].decode("utf-8", "replace"))
        return found


def _literal(byte: int) -> bool | None:
    if byte not in _LITERALS:
        raise DecodeError(f"expected a JSON literal, got {byte}")
    return _LITERALS[byte]


def _opaque(kind: int, raw: bytes) -> Any:
    if kind == _DECIMAL:
        return _decimal(raw)
    if kind in (_TEMPORAL_DATE, _TEMPORAL_TIME, *_TEMPORALS):
        if len(raw) != 8:
            raise DecodeError(f"expected 8 bytes of a JSON date or time, got {len(raw)}")
        packed = int.from_bytes(raw, "little", signed=True)
        if kind == _TEMPORAL_TIME:
            return packed_time(packed)
        return packed_datetime(packed, date_only=kind == _TEMPORAL_DATE)
    return raw


def _decimal(raw: bytes) -> Decimal:
    precision, scale = raw[0], raw[1]
    size, read = decimal_reader(precision, scale)
    if len(raw) != 2 + size:
        raise DecodeError(f"expected {size} bytes of a JSON decimal, got {len(raw) - 2}")
    return read(raw[2:])
