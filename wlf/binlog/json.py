"""MySQL's binary JSON to Python objects: dict, list, str, int, float, bool, None, Decimal for exact numbers.

Dates, times and opaque values read as MySQL prints them. Offsets are followed wherever they lead inside their
container: after an update in place values lie in any order, with gaps. What a container holds must not be larger than
it is, so that entries which share their bytes cannot make a small document into a large one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from decimal import Decimal
from struct import Struct
from struct import error as StructError
from typing import Any

from wlf.binlog.values import Memo, decimal_reader, packed_datetime, packed_time
from wlf.errors import DecodeError

MAX_DEPTH = 101  # the server's limit is 100
_SMALL, _LARGE = Struct("<HH").unpack_from, Struct("<II").unpack_from
_SMALL_HEAD = Struct("<HH").unpack_from
_SMALL_HEADS, _LARGE_HEADS = Struct("<HH").iter_unpack, Struct("<IH").iter_unpack
_SMALL_VALUES = Struct("<BH").iter_unpack
_U32 = Struct("<I").unpack_from
_DOUBLE = Struct("<d").unpack_from
_NUMBERS = {
    7: Struct("<i").unpack_from,
    8: Struct("<I").unpack_from,
    9: Struct("<q").unpack_from,
    10: Struct("<Q").unpack_from,
}
_SCALARS = {5: Struct("<h").unpack_from, 6: Struct("<H").unpack_from, 11: _DOUBLE, **_NUMBERS}
_LITERALS: tuple[bool | None, ...] = (None, True, False)
_STRING, _OPAQUE, _LITERAL, _I16, _U16, _FLOAT = 12, 15, 4, 5, 6, 11
_DECIMAL, _DATE, _TIME, _DATETIMES = 246, 10, 11, (7, 12)
_LARGE_INLINE = frozenset((4, 5, 6, 7, 8))
_CACHED_KEYS_BYTES = 1024


def decode_json(raw: bytes) -> Any:
    """A document; the whole document null (also: no bytes at all) reads as None.

    Raises:
        DecodeError: the bytes are no JSON document.
    """
    if not raw:
        return None
    try:
        try:
            return _value(raw, raw[0], 1, 0)
        except UnicodeDecodeError:
            return _value(_Broken(raw), raw[0], 1, 0)
    except (StructError, IndexError, ArithmeticError, ValueError) as error:
        raise DecodeError(f"expected a JSON document, got other bytes ({error})") from error


class _Broken(bytes):
    """Bytes with text that is no UTF-8, which no server writes: it is read with U+FFFD."""

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return _Broken(part) if isinstance(key, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return bytes(self).decode(encoding, errors)


def _value(raw: bytes, kind: int, at: int, depth: int) -> Any:
    """Any value that lies at `at`."""
    if kind <= 3:
        return (_large if kind & 1 else _small)(raw, kind, at, depth + 1)
    if kind in _SCALARS:
        return _SCALARS[kind](raw, at)[0]
    if kind == _STRING:
        size, at = _length(raw, at)
        return _part(raw, at, at + size).decode()
    if kind == _LITERAL:
        return _LITERALS[raw[at]]
    if kind == _OPAQUE:
        size, start = _length(raw, at + 1)
        return _opaque(raw[at], _part(raw, start, start + size))
    raise DecodeError(f"expected a JSON type, got {kind}")


def _part(raw: bytes, start: int, end: int) -> bytes:
    if end > len(raw):
        raise DecodeError(f"expected {end - start} bytes of JSON, got {len(raw) - start}")
    return raw[start:end]


def _length(raw: bytes, at: int) -> tuple[int, int]:
    """A length of 7 bits a byte, and where it ends."""
    size = shift = 0
    while shift <= 28:
        byte = raw[at]
        at += 1
        size |= (byte & 127) << shift
        if byte < 128:
            return size, at
        shift += 7
    raise DecodeError("expected a JSON length of at most 5 bytes")


def _small(raw: bytes, kind: int, start: int, depth: int) -> Any:
    """An object (0) or array (2) of less than 64 KiB: nearly all there are, so everything frequent is done in place."""
    count, size = _SMALL(raw, start)
    at = start + (4 if kind else 4 + 4 * count)
    first, limit, used = at + 3 * count, start + size, 0
    if first > limit or limit > len(raw) or depth > MAX_DEPTH:
        raise _damaged(size, len(raw) - start)
    values: list[Any] = []
    append = values.append
    for inner, offset in _SMALL_VALUES(raw[at:first]):
        if inner == _STRING:
            at = start + offset
            length = raw[at]
            at += 1
            if length > 127:
                length, at = _length(raw, at - 1)
                if used + length > size:
                    raise _damaged(size, used + length)
            used += length
            if at + length > limit:
                raise _damaged(length, limit - at)
            append(raw[at : at + length].decode())
        elif inner == _I16:
            append(offset if offset < 0x8000 else offset - 0x10000)
        elif inner == _LITERAL:
            append(_LITERALS[offset & 255])
        elif inner == _FLOAT:
            append(_DOUBLE(raw, start + offset)[0])
        elif inner == _U16:
            append(offset)
        elif inner in (0, 2):
            at = start + offset
            used += raw[at + 2] | raw[at + 3] << 8
            if used > size:
                raise _damaged(size, used)
            append(_small(raw, inner, at, depth + 1))
        elif inner in _NUMBERS:
            append(_NUMBERS[inner](raw, start + offset)[0])
        else:
            used += _size(raw, inner, start + offset)
            if used > size:
                raise _damaged(size, used)
            append(_value(raw, inner, start + offset, depth))
    if used > size:
        raise _damaged(size, used)
    if kind or not count:
        return values if kind else {}
    heads = raw[start + 4 : start + 4 + 4 * count]
    last, length = _SMALL_HEAD(heads, 4 * count - 4)
    if start + last + length > limit:
        raise _damaged(last + length, size)
    texts = raw[first : start + last + length]
    keys = _KEYS[heads, texts] if len(heads) + len(texts) <= _CACHED_KEYS_BYTES else _small_keys((heads, texts))
    return dict(zip(keys, values, strict=True))


def _small_keys(shape: tuple[bytes, bytes]) -> tuple[str, ...]:
    """The keys of a small object, from their heads and all bytes behind the values' entries."""
    heads, texts = shape
    return _keys(_SMALL_HEADS(heads), texts, 4 + len(heads) // 4 * 7)


_KEYS: Memo[tuple[bytes, bytes], tuple[str, ...]] = Memo(_small_keys, 1024)
"""Objects of one column mostly have the same keys."""


def _keys(heads: Iterator[tuple[int, int]], texts: bytes, base: int) -> tuple[str, ...]:
    """The keys by (offset, length); offsets count from the object's start, which lies `base` bytes before `texts`."""
    found, used = [], 0
    for offset, length in heads:
        at = offset - base
        used += length
        if at < 0 or at + length > len(texts) or used > len(texts):
            raise DecodeError("expected a JSON key, got one that lies outside")
        found.append(texts[at : at + length].decode("utf-8", "replace"))
    return tuple(found)


def _large(raw: bytes, kind: int, start: int, depth: int) -> Any:
    """An object (1) or array (3) of 64 KiB and more."""
    count, size = _LARGE(raw, start)
    entries = start + (8 if kind == 3 else 8 + 6 * count)
    first, limit, used = entries + 5 * count, start + size, 0
    if first > limit or limit > len(raw) or depth > MAX_DEPTH:
        raise _damaged(size, len(raw) - start)
    values: list[Any] = []
    for at in range(entries, first, 5):
        inner = raw[at]
        if inner in _LARGE_INLINE:
            values.append(_value(raw, inner, at + 1, depth))
            continue
        offset = start + _U32(raw, at + 1)[0]
        used += _size(raw, inner, offset)
        if used > size:
            raise _damaged(size, used)
        values.append(_value(raw, inner, offset, depth))
    if kind == 3 or not count:
        return values if kind == 3 else {}
    heads = raw[start + 8 : start + 8 + 6 * count]
    return dict(zip(_keys(_LARGE_HEADS(heads), raw[first:limit], 8 + 11 * count), values, strict=True))


def _size(raw: bytes, kind: int, at: int) -> int:
    """How much of its container a value takes."""
    if kind in (0, 2):
        return int(_SMALL(raw, at)[1])
    if kind in (1, 3):
        return int(_LARGE(raw, at)[1])
    if kind in (_STRING, _OPAQUE):
        return _length(raw, at + (kind == _OPAQUE))[0]
    return 0


def _damaged(expected: int, got: int) -> DecodeError:
    return DecodeError(f"expected a JSON value of {expected} bytes, got {got}")


def _opaque(kind: int, raw: bytes) -> Any:
    """A value of a column type that JSON does not have."""
    if kind == _DECIMAL:
        return _decimal(raw)
    if kind in (_DATE, _TIME, *_DATETIMES):
        if len(raw) != 8:
            raise DecodeError(f"expected 8 bytes of a JSON date or time, got {len(raw)}")
        packed = int.from_bytes(raw, "little", signed=True)
        return packed_time(packed) if kind == _TIME else packed_datetime(packed, date_only=kind == _DATE)
    return f"base64:type{kind}:{b64encode(raw).decode()}"


def _decimal(raw: bytes) -> Decimal:
    precision, scale = raw[0], raw[1]
    size, read = decimal_reader(precision, scale)
    if len(raw) != 2 + size:
        raise DecodeError(f"expected {size} bytes of a JSON decimal, got {len(raw) - 2}")
    return read(raw[2:])
