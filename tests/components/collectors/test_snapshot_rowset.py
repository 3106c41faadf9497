"""Rows out of the server's packets: cut anywhere, of any length, NULL, broken text."""

from __future__ import annotations

import io
import random
from typing import Any

import pymysql
import pytest
from msgspec import UNSET

from wlf.binlog.charset import Undecodable, to_text
from wlf.components.collectors._binlog.snapshot.columns import Reading
from wlf.components.collectors._binlog.snapshot.rowset import converted, fields_of, read_rows, row_reader
from wlf.errors import Retryable


def packet(payload: bytes) -> bytes:
    """As the server splits it: a packet of 2^24-1 bytes is followed by another one."""
    out, number = b"", 1
    while True:
        part, payload = payload[:0xFFFFFF], payload[0xFFFFFF:]
        out += len(part).to_bytes(3, "little") + bytes([number % 256]) + part
        number += 1
        if len(part) < 0xFFFFFF:
            return out


def field(value: bytes | None) -> bytes:
    if value is None:
        return b"\xfb"
    size = len(value)
    if size < 251:
        return bytes([size]) + value
    if size < 1 << 16:
        return b"\xfc" + size.to_bytes(2, "little") + value
    if size < 1 << 24:
        return b"\xfd" + size.to_bytes(3, "little") + value
    return b"\xfe" + size.to_bytes(8, "little") + value


EOF = packet(b"\xfe\0\0\x02\0")


class Wire:
    """A connection that answers with given bytes, a few at a time."""

    def __init__(self, answer: bytes, seed: int = 0, largest: int = 10) -> None:
        self._answer = io.BytesIO(answer)
        self._draw = random.Random(seed)
        self._largest = largest
        self._rfile = self
        self._sock = self
        self._read_timeout = 1.0
        self.sent: list[str] = []

    def _execute_command(self, command: int, sql: str) -> None:
        self.sent.append(sql)

    def settimeout(self, seconds: float) -> None:
        assert seconds == self._read_timeout

    def read1(self, size: int) -> bytes:
        return self._answer.read(min(size, self._draw.randint(1, self._largest)))


def answer(*rows: bytes) -> bytes:
    return packet(b"\x02") + packet(b"def1") + packet(b"def2") + EOF + b"".join(map(packet, rows)) + EOF


def read(wire: Wire) -> list[bytes]:
    connection: Any = wire
    return list(read_rows(connection, "SELECT 1", "cannot copy d.t"))


@pytest.mark.parametrize("seed", range(20))
def test_packets_may_be_cut_anywhere(seed: int) -> None:
    rows = [field(b"%d" % n) + field(None if n % 3 else b"x" * n) for n in range(60)]
    assert read(Wire(answer(*rows), seed)) == rows


@pytest.mark.parametrize("size", [250, 251, 65_535, 65_536, 0xFFFFFF - 4, 0xFFFFFF, 2 * 0xFFFFFF])
def test_values_of_every_length_come_whole(size: int) -> None:
    row = field(b"a" * size) + field(b"behind")
    (found,) = read(Wire(answer(row), largest=1 << 20))
    assert found == row
    assert fields_of(found) == [b"a" * size, b"behind"]
    make = row_reader([Reading("{x}"), Reading("{x}.decode()")], lambda *values: values)
    assert make(found) == (b"a" * size, "behind")


def test_a_row_whose_first_value_is_null_or_large_is_no_end() -> None:
    rows = [field(None) + field(b"x"), field(b"y" * (1 << 24)) + field(None)]
    assert read(Wire(answer(*rows), largest=1 << 20)) == rows


def test_an_error_instead_of_rows_and_between_them() -> None:
    refused = packet(b"\xff" + (1146).to_bytes(2, "little") + b"#42S02gone")
    with pytest.raises(pymysql.err.ProgrammingError, match="gone"):
        read(Wire(refused))
    with pytest.raises(pymysql.err.ProgrammingError, match="gone"):
        read(Wire(answer(field(b"1") * 2)[: -len(EOF)] + refused))


def test_an_end_of_the_connection_is_worth_another_try() -> None:
    with pytest.raises(Retryable, match=r"cannot copy d\.t"):
        read(Wire(answer(field(b"1") * 2)[:-3]))


def test_broken_text_is_read_the_slow_way_and_counted() -> None:
    undecodable = Undecodable()
    text = Reading("{x}.decode()", None, to_text("utf8mb4", undecodable))
    make = row_reader([text, Reading("int({x})"), None], lambda *values: values)
    assert make(field(b"a\xff") + field(b"007") + field(b"left out")) == ("a\ufffd", 7, UNSET)
    assert undecodable.values == 1
    assert make(field(None) + field(None) + field(None)) == (None, None, UNSET)


def test_a_converted_column_goes_through_its_function_but_null_does_not() -> None:
    undecodable = Undecodable()
    text = converted(Reading("{x}.decode()", None, to_text("utf8mb4", undecodable)), str.upper)
    make = row_reader([text], lambda *values: values)
    assert make(field(b"a")) == ("A",)
    assert make(field(b"a\xff")) == ("A\ufffd",)
    assert make(field(None)) == (None,)
