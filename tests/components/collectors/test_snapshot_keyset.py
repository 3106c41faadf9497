"""The SELECTs of chunks: bounds over several columns, literals of every type of key."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.collectors.test_snapshot_rowset import field
from wlf.components.collectors._binlog.snapshot.columns import SourceColumn, json_value, literal_of
from wlf.components.collectors._binlog.snapshot.definition import Definition
from wlf.components.collectors._binlog.snapshot.keyset import key_of_row, select_chunk, select_keys
from wlf.components.collectors._binlog.snapshot.rowset import fields_of


def column(name: str, kind: str, declared: str = "", charset: str | None = None) -> SourceColumn:
    return SourceColumn(name, kind, declared or kind, charset, 0, 0, False)


def table(*columns: SourceColumn, key: tuple[int, ...]) -> Definition:
    return Definition("d`b", "t", columns, key, key, "", True, 0, 0)


ONE = table(column("id", "int"), column("c", "varchar", charset="utf8mb4"), key=(0,))
TWO = table(column("a", "int"), column("f", "float"), column("b", "enum"), key=(2, 0))


def test_the_first_chunk_has_no_bound_and_the_others_have() -> None:
    assert select_chunk(ONE, (), (), 10) == "SELECT `id`, `c` FROM `d``b`.`t` ORDER BY `id` LIMIT 10"
    assert select_chunk(ONE, ("5",), ("9",), 10, locking=" LOCK IN SHARE MODE") == (
        "SELECT `id`, `c` FROM `d``b`.`t` WHERE ((`id` > 5)) AND ((`id` <= 9)) ORDER BY `id` LIMIT 10 "
        "LOCK IN SHARE MODE"
    )


def test_keys_of_several_columns_are_bounded_by_ranges() -> None:
    assert select_chunk(TWO, ("1", "7"), ("3", "8"), 2) == (
        "SELECT `a`, `f` * 1e0, `b`, `b` + 0 FROM `d``b`.`t` "
        "WHERE ((`b` > 1) OR (`b` = 1 AND `a` > 7)) AND ((`b` < 3) OR (`b` = 3 AND `a` <= 8)) "
        "ORDER BY `b`, `a` LIMIT 2"
    )
    assert select_keys(TWO, [("1", "7"), ("2", "0")]).endswith("WHERE (`b` = 1 AND `a` = 7) OR (`b` = 2 AND `a` = 0)")


def test_a_label_is_bounded_by_its_number() -> None:
    row = field(b"7") + field(b"1.5") + field(b"label") + field(b"3")
    assert key_of_row(TWO, fields_of(row)) == ("3", "7")


@pytest.mark.parametrize(
    ("kind", "charset", "raw", "literal"),
    [
        ("bigint", None, b"-5", "-5"),
        ("decimal", None, b"00012.50", "00012.50"),
        ("double", None, b"1.5e-10", "1.5e-10"),
        ("bit", None, b"\x01\x00", "256"),
        ("datetime", None, b"2024-01-02 03:04:05.1", "'2024-01-02 03:04:05.1'"),
        ("uuid", None, b"123e4567-e89b-12d3-a456-426614174000", "'123e4567-e89b-12d3-a456-426614174000'"),
        ("inet6", None, bytes(15) + b"\x01", "'::1'"),
        ("varchar", "latin1", b"it's\xe9", "_latin1 x'69742773e9'"),
        ("char", "utf16", b"\0a", "_utf16 x'0061'"),
        ("varbinary", None, b"", "_binary x''"),
        ("binary", None, b"\\'\0", "_binary x'5c2700'"),
    ],
)
def test_literals_hold_no_text_that_must_be_escaped(kind: str, charset: str | None, raw: bytes, literal: str) -> None:
    assert literal_of(column("k", kind, charset=charset), raw) == literal


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1", 1),
        (b"18446744073709551615", 2**64 - 1),
        (b"1.0", 1.0),
        (b"-0.0", -0.0),
        (b"1e100", 1e100),
        (b'{"a": [true, null]}', {"a": [True, None]}),
    ],
)
def test_json_text_reads_as_its_binary_form(text: bytes, value: Any) -> None:
    assert json_value(text) == value
    assert type(json_value(text)) is type(value)
