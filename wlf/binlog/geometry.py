"""GEOMETRY to well-known text, as SELECT ST_AsText shows it for a plane, with the SRID in front where there is one."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from struct import error as StructError

from wlf.errors import DecodeError

_NAMES = ("", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION")
_MAX_DEPTH = 64
_INTEGERS = (Struct(">I").unpack_from, Struct("<I").unpack_from)
_POINTS = (Struct(">dd").unpack_from, Struct("<dd").unpack_from)


def geometry_text(raw: bytes) -> str:
    """SRID (4 bytes) and WKB to `POINT(1 2)`, or `SRID=4326;POINT(1 2)` where the SRID is not 0 (PostGIS's EWKT).

    Coordinates are in the order they are stored in: x (longitude) first, also where the SRID's standard has it second.

    Raises:
        DecodeError: the bytes are no geometry.
    """
    try:
        text, end = _geometry(raw, 4, 0)
    except StructError as error:
        raise DecodeError(f"expected a geometry, got other bytes ({error})") from error
    if end != len(raw):
        raise DecodeError(f"expected a geometry of {end} bytes, got {len(raw)}")
    srid = int.from_bytes(raw[:4], "little")
    return f"SRID={srid};{text}" if srid else text


def _geometry(raw: bytes, at: int, depth: int) -> tuple[str, int]:
    name, body, end = _parts(raw, at, depth)
    return f"{name} EMPTY" if not body else f"{name}({body})", end


def _parts(raw: bytes, at: int, depth: int) -> tuple[str, str, int]:
    """Name, text between the parentheses, end."""
    if at + 5 > len(raw) or raw[at] > 1 or depth > _MAX_DEPTH:
        raise DecodeError("expected a geometry, got other bytes")
    order = raw[at]
    kind = _INTEGERS[order](raw, at + 1)[0]
    if not 1 <= kind <= 7:
        raise DecodeError(f"expected a geometry type from 1 to 7, got {kind}")
    body, end = _BODIES[kind](raw, at + 5, order, depth)
    return _NAMES[kind], body, end


def _number(value: float) -> str:
    text = repr(value)
    return text.removesuffix(".0")


def _point(raw: bytes, at: int, order: int, depth: int) -> tuple[str, int]:
    x, y = _POINTS[order](raw, at)
    return f"{_number(x)} {_number(y)}", at + 16


def _sequence(raw: bytes, at: int, order: int, one: Callable[[int], tuple[str, int]], smallest: int) -> tuple[str, int]:
    count = _INTEGERS[order](raw, at)[0]
    at += 4
    if count * smallest > len(raw) - at:
        raise DecodeError(f"expected {count} parts of a geometry, got {len(raw) - at} bytes")
    texts = []
    for _ in range(count):
        text, at = one(at)
        texts.append(text)
    return ",".join(texts), at


def _line(raw: bytes, at: int, order: int, depth: int) -> tuple[str, int]:
    return _sequence(raw, at, order, lambda p: _point(raw, p, order, depth), 16)


def _polygon(raw: bytes, at: int, order: int, depth: int) -> tuple[str, int]:
    def ring(p: int) -> tuple[str, int]:
        text, end = _line(raw, p, order, depth)
        return f"({text})", end

    return _sequence(raw, at, order, ring, 4)


def _multiple(raw: bytes, at: int, order: int, depth: int) -> tuple[str, int]:
    def member(p: int) -> tuple[str, int]:
        _, body, end = _parts(raw, p, depth + 1)
        return f"({body})", end

    return _sequence(raw, at, order, member, 9)


def _collection(raw: bytes, at: int, order: int, depth: int) -> tuple[str, int]:
    return _sequence(raw, at, order, lambda p: _geometry(raw, p, depth + 1), 9)


_BODIES: dict[int, Callable[[bytes, int, int, int], tuple[str, int]]] = {
    1: _point,
    2: _line,
    3: _polygon,
    4: _multiple,
    5: _multiple,
    6: _multiple,
    7: _collection,
}
