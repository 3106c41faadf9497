"""Geometries, which are well-known text in a row (`SRID=4326;` in front where it is not 0), in other tools' forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import pack

_BEFORE_BRACKET = re.compile(r"(?<=[A-Z])\(")
_TOKENS = re.compile(r"[A-Z]+|[(),]|[^\s(),]+")
_CODES = {
    "POINT": 1,
    "LINESTRING": 2,
    "POLYGON": 3,
    "MULTIPOINT": 4,
    "MULTILINESTRING": 5,
    "MULTIPOLYGON": 6,
    "GEOMETRYCOLLECTION": 7,
}
_MEMBERS = {4: 1, 5: 2, 6: 3}


def spaced_wkt(text: str) -> str:
    """`POINT(3 2)` to `POINT (3 2)`: as the JTS library writes it, and with it Maxwell, which has no SRID."""
    return _BEFORE_BRACKET.sub(" (", _without_srid(text)).replace(",", ", ")


def srid_of(text: str) -> int | None:
    """The SRID in front of the text; None where there is none, which is SRID 0."""
    return int(text[5 : text.index(";")]) if text.startswith("SRID=") else None


def _without_srid(text: str) -> str:
    return text[text.index(";") + 1 :] if text.startswith("SRID=") else text


def wkb(text: str) -> bytes:
    """Well-known text to well-known binary, little-endian; raises ValueError."""
    return _Text(_without_srid(text)).geometry()


def mysql_bytes(text: str) -> bytes:
    """A geometry as MySQL stores it: its SRID and the binary form."""
    return pack("<I", srid_of(text) or 0) + wkb(text)


def point_of(text: str) -> tuple[float, float]:
    """The coordinates of `POINT(x y)`; raises ValueError."""
    x, y = _without_srid(text).removeprefix("POINT").strip(" ()").split()
    return float(x), float(y)


class _Text:
    """The tokens of one text while they are read."""

    def __init__(self, text: str) -> None:
        self._tokens = iter(_TOKENS.findall(text))
        self._next = next(self._tokens, "")

    def take(self) -> str:
        token, self._next = self._next, next(self._tokens, "")
        return token

    def expect(self, token: str) -> None:
        found = self.take()
        if found != token:
            raise ValueError(f"expected {token!r} in a geometry, got {found!r}")

    def geometry(self) -> bytes:
        name = self.take()
        if name not in _CODES:
            raise ValueError("expected a geometry's name")
        return self.body(_CODES[name])

    def body(self, code: int) -> bytes:
        """What stands in the brackets, with its head."""
        if self._next == "EMPTY":
            self.take()
            return _head(code) + (pack("<dd", float("nan"), float("nan")) if code == 1 else pack("<I", 0))
        if code == 1:
            self.expect("(")
            point = self.point()
            self.expect(")")
            return _head(1) + point
        if code == 2:
            return _head(2) + self.several(self.point)
        if code == 3:
            return _head(3) + self.several(lambda: self.several(self.point))
        if code == 7:
            return _head(7) + self.several(self.geometry)
        return _head(code) + self.several(lambda: self.body(_MEMBERS[code]))

    def point(self) -> bytes:
        return pack("<dd", float(self.take()), float(self.take()))

    def several(self, one: Callable[[], bytes]) -> bytes:
        """A list in brackets: its length and its members."""
        self.expect("(")
        parts = [one()]
        while self._next == ",":
            self.take()
            parts.append(one())
        self.expect(")")
        return pack("<I", len(parts)) + b"".join(parts)


def _head(code: int) -> bytes:
    return b"\1" + pack("<I", code)
