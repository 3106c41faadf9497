"""Random columns and values of every type a server has, and what SELECT is asked for them."""

from __future__ import annotations

import json
import math
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

from wlf.binlog.charset import CODECS, MULTIBYTE, UNICODE, Undecodable, to_text
from wlf.binlog.codecs import JSON_NULL
from wlf.binlog.geometry import geometry_text

Literal = Callable[[], str]


@dataclass(frozen=True)
class RandomColumn:
    """A column, a source of literals for it, and how its value is compared with what SELECT shows."""

    definition: str
    literal: Literal
    select: str = "{}"
    same: Callable[[Any, Any], bool] = lambda value, shown: bool(value == shown)


class Draw:
    """Columns of all types, from one seed."""

    def __init__(self, seed: int, *, mariadb: bool) -> None:
        self.random = random.Random(seed)
        self._mariadb = mariadb
        self._kinds = [
            *(self._integer, self._decimal, self._float, self._double, self._date, self._datetime, self._timestamp),
            *(self._time, self._year, self._bit, self._enum, self._set, self._text, self._text, self._binary),
            *(self._blob, self._geometry),
            *((self._uuid, self._inet, self._compressed) if mariadb else (self._json, self._json, self._vector)),
        ]

    def columns(self) -> list[RandomColumn]:
        """Some columns, of which most may be NULL."""
        count = self.random.choice((1, 2, 5, 7, 8, 9, 12, 16, 17, 24))
        return [self.random.choice(self._kinds)() for _ in range(count)]

    def _pick(self, *values: Any) -> Any:
        return self.random.choice(values)

    def _integer(self) -> RandomColumn:
        name, bits = self._pick(("tinyint", 8), ("smallint", 16), ("mediumint", 24), ("int", 32), ("bigint", 64))
        unsigned = self._pick(True, False)
        low, high = (0, (1 << bits) - 1) if unsigned else (-(1 << bits - 1), (1 << bits - 1) - 1)
        return RandomColumn(
            f"{name}{' unsigned' * unsigned}",
            lambda: str(self._pick(low, high, 0, 1, self.random.randint(low, high))),
            same=lambda value, shown: str(value) == shown,
        )

    def _decimal(self) -> RandomColumn:
        precision = self.random.randint(1, 65)
        scale = self.random.randint(0, min(precision, 30))

        def literal() -> str:
            digits = self._pick(0, 1, 10**precision - 1, self.random.randrange(10**precision))
            return f"{self._pick('', '-')}{digits // 10**scale}.{digits % 10**scale:0{scale}}" if scale else str(digits)

        return RandomColumn(
            f"decimal({precision},{scale})",
            literal,
            same=lambda value, shown: isinstance(value, Decimal) and f"{value:f}" == shown,
        )

    def _bits_of_float(self, layout: str) -> float:
        size = struct.calcsize(layout)
        while True:
            raw = self._pick(self.random.randbytes(size), bytes(size), b"\1" + bytes(size - 1))
            value: float = struct.unpack(layout, raw)[0]
            if math.isfinite(value):
                return value

    def _float(self) -> RandomColumn:
        # SELECT of a FLOAT shows six digits of it.
        return RandomColumn(
            "float",
            lambda: repr(self._pick(self._bits_of_float("<f"), 1.1, -0.5)),
            "{} * 1e0",
            lambda value, shown: struct.pack("<f", value) == struct.pack("<f", float(shown)),
        )

    def _double(self) -> RandomColumn:
        return RandomColumn(
            "double", lambda: repr(self._bits_of_float("<d")), same=lambda value, shown: value == float(shown)
        )

    def _day(self) -> str:
        year = self._pick("0000", "0001", "1000", "1969", "2024", "9999", f"{self.random.randrange(10000):04}")
        month, day = self.random.randrange(13), self.random.randrange(32)
        return f"{year}-{month:02}-{day:02}" if year != "0000" else "0000-00-00"

    def _clock(self, hours: int) -> str:
        pick = self.random.randrange
        return f"{pick(hours):02}:{pick(60):02}:{pick(60):02}.{self._pick(0, 999_999, pick(10**6)):06}"

    def _date(self) -> RandomColumn:
        return RandomColumn("date", lambda: f"'{self._day()}'")

    def _datetime(self) -> RandomColumn:
        return RandomColumn(f"datetime({self.random.randrange(7)})", lambda: f"'{self._day()} {self._clock(23)}'")

    def _timestamp(self) -> RandomColumn:
        def literal() -> str:
            seconds = self._pick(1, 2**31 - 2, self.random.randrange(1, 2**31 - 1))
            return self._pick("'0000-00-00'", f"FROM_UNIXTIME({seconds}.{self.random.randrange(10**6):06})")

        return RandomColumn(f"timestamp({self.random.randrange(7)})", literal)

    def _time(self) -> RandomColumn:
        return RandomColumn(f"time({self.random.randrange(7)})", lambda: f"'{self._pick('', '-')}{self._clock(838)}'")

    def _year(self) -> RandomColumn:
        values = ("0", "1901", "2155", "2024")
        return RandomColumn("year", lambda: self._pick(*values), same=lambda value, shown: f"{value:04}" == shown)

    def _bit(self) -> RandomColumn:
        count = self.random.randint(1, 64)
        return RandomColumn(
            f"bit({count})",
            lambda: f"b'{self._pick(0, (1 << count) - 1, self.random.getrandbits(count)):b}'",
            "HEX({})",
            lambda value, shown: f"{value:X}" == shown.lstrip("0") or (value, shown.strip("0")) == (0, ""),
        )

    def _labels(self, most: int) -> list[str]:
        count = self._pick(1, 2, 8, 9, min(most, 300), self.random.randint(1, min(most, 40)))
        return [f"{self._pick('é', 'x y', '(', '''it''s''', 'Ж', 'l')}{n}" for n in range(min(count, most))]

    def _enum(self) -> RandomColumn:
        labels = self._labels(1000)
        every = ",".join(_quoted(label) for label in labels)
        return RandomColumn(f"enum({every})", lambda: _quoted(self._pick("nonsense", *labels)))

    def _set(self) -> RandomColumn:
        labels = self._labels(64)
        every = ",".join(_quoted(label) for label in labels)

        def literal() -> str:
            return _quoted(",".join(self.random.sample(labels, self.random.randint(0, len(labels)))))

        return RandomColumn(f"set({every})", literal, same=lambda value, shown: ",".join(value) == shown)

    def _text(self) -> RandomColumn:
        charset = self._pick("utf8mb4", "utf8mb4", *(name for name in CODECS if name not in ("utf8", "gb18030")))
        kind = self._pick("char(9)", "varchar(9)", "varchar(300)", "tinytext", "text", "longtext")
        most = 9 if "(9)" in kind else 60
        return RandomColumn(f"{kind} CHARACTER SET {charset}", lambda: self._characters(charset, most))

    def _characters(self, charset: str, most: int) -> str:
        """Text of characters that the character set has."""
        size = self._pick(0, 1, most, self.random.randint(0, most))
        raw = b"".join(self._character(charset) for _ in range(size))
        return f"CONVERT(X'{raw.hex()}' USING {charset})"

    def _character(self, charset: str) -> bytes:
        if charset in UNICODE:
            point = self._pick(*b" aZ~", 0xE9, 0x20AC, 0x8868, 0x1F600 if charset not in ("utf8mb3", "ucs2") else 0x3B1)
            return chr(point).encode(CODECS[charset])
        read = to_text(charset, Undecodable())
        while True:
            raw = self.random.randbytes(self._pick(1, 2) if charset in MULTIBYTE else 1)
            text = read(raw)
            # A blank at the end would be cut off where it is put in, and `?` is what a server makes of the unknown.
            if len(text) == 1 and text not in "\ufffd?\0" and raw[0] >= 32 and (len(raw) == 1 or raw[0] >= 0x81):
                return raw

    def _hex(self, most: int) -> str:
        size = self._pick(0, 1, most, self.random.randint(0, most))
        return f"X'{self._pick(self.random.randbytes(size), bytes(size)).hex()}'"

    def _binary(self) -> RandomColumn:
        size = self.random.choice((1, 4, 16, 255))
        kind = self._pick("binary", "varbinary")
        return RandomColumn(f"{kind}({size})", lambda: self._hex(size), "HEX({})", _is_hex)

    def _blob(self) -> RandomColumn:
        kind, most = self._pick(("tinyblob", 255), ("blob", 1000), ("mediumblob", 70_000), ("longblob", 300))
        return RandomColumn(kind, lambda: self._hex(most), "HEX({})", _is_hex)

    def _geometry(self) -> RandomColumn:
        def literal() -> str:
            x, y = (self.random.randrange(-90, 90) + self._pick(0, 0.5, 1e-9) for _ in range(2))
            text = self._pick(f"POINT({x} {y})", f"LINESTRING({x} {y},1 1)", f"POLYGON((0 0,{x} 91,1 1,0 0))")
            return f"ST_GeomFromText('{text}')"

        return RandomColumn("geometry", literal, "HEX({})", lambda v, shown: v == geometry_text(bytes.fromhex(shown)))

    def _json(self) -> RandomColumn:
        def literal() -> str:
            document = json.dumps(self._document(0), ensure_ascii=self._pick(True, False))
            return self._pick(
                _quoted(document),
                _quoted(document),
                f"JSON_OBJECT('pad', {_quoted('p' * 80)}, 'a', CAST({_quoted(document)} AS JSON), 'd', 1.50)",
            )

        return RandomColumn("json", literal, same=lambda value, shown: _plain(value) == json.loads(shown))

    def _document(self, depth: int) -> Any:
        pick = self.random
        if depth < 4 and pick.random() < 0.6:
            size = self._pick(0, 1, 3, 8, 40 if depth < 2 else 2)
            if pick.random() < 0.5:
                return [self._document(depth + 1) for _ in range(size)]
            names = [self._pick("", "a", "é", "key", 'q"', "long name") + str(n) for n in range(size)]
            return {name: self._document(depth + 1) for name in names}
        number = self._pick(0, -1, 2**15, -(2**15), 2**31, 2**63, pick.getrandbits(pick.randrange(1, 64)))
        text = self._pick("", "é😀", "x" * pick.randrange(300))
        return self._pick(None, True, False, number, -min(number, 2**62), 0.5, 1e300, 2.0, text)

    def _vector(self) -> RandomColumn:
        def literal() -> str:
            return f"X'{struct.pack('<3f', *(self._bits_of_float('<f') for _ in range(3))).hex()}'"

        def same(value: Any, shown: str) -> bool:
            return struct.pack(f"<{len(value)}f", *value).hex().upper() == shown

        return RandomColumn("vector(3)", literal, "HEX({})", same)

    def _uuid(self) -> RandomColumn:
        return RandomColumn("uuid", lambda: f"'{UUID(bytes=self._pick(bytes(16), self.random.randbytes(16)))}'")

    def _inet(self) -> RandomColumn:
        if self._pick(True, False):
            return RandomColumn("inet4", lambda: f"'{IPv4Address(self._pick(0, self.random.getrandbits(32)))}'")
        return RandomColumn(
            "inet6",
            lambda: f"'{IPv6Address(self._pick(0, 1, self.random.getrandbits(128) | 1 << 127))}'",
            same=lambda value, shown: IPv6Address(value) == IPv6Address(shown),
        )

    def _compressed(self) -> RandomColumn:
        if self._pick(True, False):
            return RandomColumn("text compressed", lambda: _quoted("é" * self._pick(0, 1, self.random.randrange(500))))
        return RandomColumn("varbinary(500) compressed", lambda: self._hex(500), "HEX({})", _is_hex)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _is_hex(value: Any, shown: str) -> bool:
    return isinstance(value, bytes) and value.hex().upper() == shown


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if value is JSON_NULL else value
