"""Single values: GTIDs, character sets, floats, and generated functions against the generic reader."""

from __future__ import annotations

import struct
from contextlib import nullcontext
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from tests.binlog.build import Raw, Reading, binlog, transaction
from tests.binlog.test_walk import MAP
from wlf.binlog import GtidPosition, GtidSet
from wlf.binlog.charset import Undecodable, charset_of, to_text
from wlf.binlog.gtid import mariadb_gtid
from wlf.binlog.lru import Lru
from wlf.binlog.rows import SIGHTINGS
from wlf.binlog.values import float32
from wlf.binlog.wire import lenenc, signed, svarint
from wlf.errors import DecodeError

A, B = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "4e11fa47-71ca-11e1-9e33-c80aa9429562"


def test_a_gtid_set_joins_what_touches() -> None:
    gtids = GtidSet.parse(f"{A}:1-3:5:7-9, {B}:tag:2")
    assert str(gtids) == f"{A}:1-3:5:7-9,{B}:tag:2"
    gtids.add((bytes.fromhex(A.replace("-", "")), ""), 4)
    gtids.add((bytes.fromhex(A.replace("-", "")), ""), 6)
    assert str(gtids) == f"{A}:1-9,{B}:tag:2"
    assert f"{A}:9" in gtids
    assert f"{A}:10" not in gtids
    assert f"{B}:tag:2" in gtids
    assert f"{B}:2" not in gtids


def test_gtid_sets_contain_each_other() -> None:
    large, small = GtidSet.parse(f"{A}:1-9,{B}:1"), GtidSet.parse(f"{A}:2-3:9")
    assert large.issuperset(small)
    assert not small.issuperset(large)
    assert GtidSet.decode(large.encode()) == large == large.copy()


@pytest.mark.parametrize("text", ["nonsense", f"{A}", f"{A}:5-1", f"{A}:x y", f"{A}:0-"])
def test_what_is_no_gtid_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        GtidSet.parse(text)


@given(st.lists(st.integers(1, 60)))
def test_a_gtid_set_is_a_set(numbers: list[int]) -> None:
    source, gtids = (bytes(16), ""), GtidSet()
    for number in numbers:
        gtids.add(source, number)
    assert [n for n in range(62) if gtids.contains(source, n)] == sorted(set(numbers))
    assert GtidSet.parse(str(gtids)) == gtids


def test_a_mariadb_position_has_one_gtid_a_domain() -> None:
    position = GtidPosition.parse("0-1-100,1-2-7")
    position.add(0, 3, 101)
    assert str(position) == "0-3-101,1-2-7"
    assert "0-1-100" in position
    assert "2-1-1" not in position
    body = (2).to_bytes(4, "little") + b"".join(struct.pack("<IIQ", *entry) for entry in ((0, 3, 101), (1, 2, 7)))
    assert GtidPosition.decode(body) == position
    assert mariadb_gtid(bytes([7, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 12])) == (7, 5, 12)


def test_mariadb_positions_contain_each_other_by_domain() -> None:
    position = GtidPosition.parse("0-1-100,1-2-7")
    assert position.issuperset(GtidPosition.parse("0-3-100"))
    assert position.issuperset(GtidPosition())
    assert not position.issuperset(GtidPosition.parse("0-1-101"))
    assert not position.issuperset(GtidPosition.parse("2-1-1"))
    assert str(GtidPosition.parse("0-1-101,1-2-7,2-1-1").beyond(position)) == "0-1-101,2-1-1"
    assert str(position.only(1)) == "1-2-7"
    assert not position.only(5)
    position.update(GtidPosition.parse("0-1-99,1-5-8,2-1-1"))
    assert str(position) == "0-1-100,1-5-8,2-1-1"


def test_integers_of_several_widths() -> None:
    assert [lenenc(raw, 0)[0] for raw in (b"\xfa", b"\xfc\xff\x00", b"\xfd\1\0\1", b"\xfe" + b"\1" * 8)] == [
        250,
        255,
        65537,
        0x0101010101010101,
    ]
    for broken in (b"", b"\xfb", b"\xfc\1"):
        with pytest.raises(DecodeError):
            lenenc(broken, 0)
    assert svarint(bytes.fromhex("83120b"), 0) == (90704, 3)
    assert svarint(bytes.fromhex("1505"), 0) == (325, 2)
    assert svarint(b"\xff" + bytes([1, 0, 0, 0, 0, 0, 0, 128]), 0) == (1 << 63 | 1, 9)
    assert [signed(value) for value in (0, 1, 2, 3)] == [0, -1, 1, -2]


@pytest.mark.parametrize(
    ("collation", "raw", "text"),
    [
        (8, b"\x80\x81\x8d\xe9", "€\x81\x8dé"),
        (255, "😀".encode(), "😀"),
        (54, b"\0a\0b", "ab"),
        (56, b"a\0b\0", "ab"),
        (60, b"\0\0\0a", "a"),
        (22, b"\x95", "\u2022"),
        (36, b"\xfc\xfd", "\u207f\u00b2"),
        (19, b"\x81\x41", "\uac02"),
        (249, bytes.fromhex("9439fc36"), "😀"),
        (2304, "é".encode(), "é"),
        (1032, b"\xe9", "é"),
        (53, b"\x8e", "é"),
    ],
)
def test_character_sets(collation: int, raw: bytes, text: str) -> None:
    undecodable = Undecodable()
    assert to_text(charset_of(collation), undecodable)(raw) == text
    assert undecodable.values == 0


def test_undefined_bytes_are_replaced_and_counted() -> None:
    undecodable = Undecodable()
    for charset, raw in (("utf8mb4", b"a\xff"), ("ascii", b"a\x80"), ("greek", b"a\xff")):
        assert to_text(charset, undecodable)(raw) == "a\ufffd"
    assert undecodable.values == 3
    with pytest.raises(DecodeError):
        charset_of(9999)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_has_the_fewest_digits_that_tell_it(value: float) -> None:
    short = float32(value)
    assert struct.pack("<f", short) == struct.pack("<f", value)
    assert _significant_digits(short) <= _significant_digits(value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_no_float_with_a_digit_less_tells_it(value: float) -> None:
    digits = _significant_digits(float32(value))
    if digits > 1:
        shorter = float(f"{value:.{digits - 1}g}")
        assert abs(shorter) > 3.4e38 or struct.pack("<f", shorter) != struct.pack("<f", value)


def _significant_digits(value: float) -> int:
    return len(Decimal(repr(value)).normalize().as_tuple().digits)


def test_the_cache_forgets_what_was_unused_for_longest() -> None:
    cache: Lru[str, int] = Lru(100)
    for name in "abc":
        cache.put(name, 1, 40)
        assert cache.get("a") == 1
    assert (len(cache), cache.get("b")) == (2, None)


_TEXTS = "b10000000000 0100 017400 017500 04 030f0ffc 05 2800 2c01 02 0e 010100 0203fcff00 0408 0169 0161 0162 0163"
TEXTS = Raw(19, bytes.fromhex(_TEXTS))


def rows_event(rows: list[tuple[Any, ...]], *, kind: int, images: int) -> Raw:
    """Rows of (int, varchar(10), varchar(75), text), each value None for NULL."""
    body = bytes.fromhex("b10000000000 0100 0200 04") + b"\xff" * images
    for row in rows:
        body += bytes([0xF0 | sum((value is None) << bit for bit, value in enumerate(row))])
        for width, value in zip((0, 1, 2, 2), row, strict=True):
            if value is not None:
                raw = value if isinstance(value, bytes) else b""
                body += len(raw).to_bytes(width, "little") + raw if width else value.to_bytes(4, "little", signed=True)
    return Raw(kind, body)


row_values = st.tuples(
    st.none() | st.integers(-(1 << 31), (1 << 31) - 1),
    *(st.none() | st.sampled_from([b"", b"x", "é".encode(), b"\xff broken"]) for _ in range(3)),
)


NEVER = 1 << 30
WAYS = {
    "each pattern its own": {"ANY_AFTER": NEVER, "MERGE_AFTER": NEVER},
    "any pattern": {"SIGHTINGS": NEVER, "ANY_AFTER": 2, "MERGE_AFTER": NEVER},
    "patterns together": {"SIGHTINGS": 2, "ANY_AFTER": NEVER, "MERGE_AFTER": 3},
    "as it comes": {},
}


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=40, deadline=None)
@given(st.lists(row_values, min_size=1, max_size=80), st.booleans())
def test_generated_functions_give_what_the_generic_reader_gives(way: str, rows: list[Any], updates: bool) -> None:
    if updates:
        rows = rows * 2
    events = [rows_event(rows, kind=31 if updates else 30, images=1 + updates)] * (SIGHTINGS + 2)
    with mock.patch.multiple("wlf.binlog.rows", **WAYS[way]) if WAYS[way] else nullcontext():
        reading = Reading().file(binlog(*transaction(TEXTS, *events)))
    changes = reading.transactions[0].changes
    assert [change.rows for change in changes] == [changes[0].rows] * len(changes)
    assert [change.olds for change in changes] == [changes[0].olds] * len(changes)
    images = [
        tuple(None if v is None else v if isinstance(v, int) else v.decode("utf-8", "replace") for v in row)
        for row in rows
    ]
    after = images[1::2] if updates else images
    assert [tuple(getattr(row, f"f{i}") for i in range(4)) for row in changes[-1].rows] == after
    if updates:
        pairs = zip(images[::2], after, strict=True)
        expected = [tuple(UNSET if x == y else x for x, y in zip(*pair, strict=True)) for pair in pairs]
        assert [tuple(getattr(row, f"f{i}") for i in range(4)) for row in changes[-1].olds or ()] == expected


def test_columns_can_be_left_out_and_converted() -> None:
    event = rows_event([(n, b"name", b"secret", b"text") for n in range(40)], kind=30, images=1)

    def bind(table: Any) -> Any:
        convert = {2: lambda value: f"<{len(value)}>"}
        return SimpleNamespace(row=lambda *values: values, skip=frozenset((0, 1)), convert=convert)

    reading = Reading()
    reading.decoder._tables._bind = bind
    reading.file(binlog(*transaction(TEXTS, event, event)))
    rows = [row for change in reading.transactions[0].changes for row in change.rows]
    assert rows == [(UNSET, UNSET, "<6>", "text")] * 80


def test_a_table_of_fixed_width_columns_is_read_whole() -> None:
    head = bytes.fromhex("a40000000000 0100 0200 02 ff")
    plain = b"".join(b"\0" + struct.pack("<ii", n, -n) for n in range(50))
    nulls = b"".join(b"\2" + struct.pack("<i", n) if n % 3 else b"\0" + struct.pack("<ii", n, -n) for n in range(50))
    reading = Reading().file(binlog(*transaction(MAP, *[Raw(30, head + plain), Raw(30, head + nulls)] * 3)))
    changes = reading.transactions[0].changes
    for change in changes[::2]:
        assert [(row.f0, row.f1) for row in change.rows] == [(n, -n) for n in range(50)]
    for change in changes[1::2]:
        assert [(row.f0, row.f1) for row in change.rows] == [(n, None if n % 3 else -n) for n in range(50)]
