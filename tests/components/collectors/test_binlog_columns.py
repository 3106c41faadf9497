"""Columns left out, masked and hashed; tables included and excluded."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256

import pytest

from wlf.components.collectors._binlog.columns import MASK, treat
from wlf.components.collectors._binlog.options import ColumnOptions, TableOptions
from wlf.components.collectors._binlog.tables import table_filter
from wlf.components.config import Secret
from wlf.events.table import ColumnType

NAMES = ("id", "email", "phone", "note")


def test_columns_are_left_out_masked_and_hashed_by_glob() -> None:
    options = ColumnOptions(exclude=["shop.*.note"], mask=["*.*.phone"], hash=["shop.customers.e*"])
    treatment = treat(options, "shop", "customers", NAMES)
    assert treatment.skip == {3}
    assert treatment.convert[2]("123") == MASK
    assert treatment.convert[1]("a@b") == sha256(b"a@b").hexdigest()
    assert set(treatment.convert) == {1, 2}


def test_leaving_out_wins_over_masking_and_masking_over_hashing() -> None:
    options = ColumnOptions(exclude=["*.*.id"], mask=["*.*.id", "*.*.note"], hash=["*.*.note"])
    treatment = treat(options, "shop", "customers", NAMES)
    assert treatment.skip == {0}
    assert treatment.convert[3]("x") == MASK


def test_other_tables_are_left_alone() -> None:
    assert treat(ColumnOptions(mask=["shop.customers.*"]), "shop", "orders", NAMES) == (frozenset(), {})


def test_salt_goes_before_the_value() -> None:
    options = ColumnOptions(hash=["*.*.id"], hash_salt=Secret("pepper"))
    assert treat(options, "d", "t", NAMES).convert[0](12) == sha256(b"pepper12").hexdigest()


@pytest.mark.parametrize(
    ("value", "hashed"),
    [
        (b"\x00\xff", b"\x00\xff"),
        ("表", "表".encode()),
        (Decimal("1.50"), b'"1.50"'),
        ({"b": 1, "a": [None]}, b'{"a":[null],"b":1}'),
        ({"a": [None], "b": 1}, b'{"a":[null],"b":1}'),
    ],
)
def test_equal_values_have_equal_hashes(value: object, hashed: bytes) -> None:
    treatment = treat(ColumnOptions(hash=["*.*.id"]), "d", "t", NAMES)
    assert treatment.convert[0](value) == sha256(hashed).hexdigest()


def test_dates_with_a_zero_part_are_null_where_that_is_asked_for() -> None:
    types = [ColumnType(name) for name in ("date", "datetime", "timestamp", "varchar")]
    convert = treat(ColumnOptions(zero_dates="null"), "d", "t", NAMES, types).convert
    assert set(convert) == {0, 1, 2}
    for text in ("0000-00-00", "2024-00-15", "2024-01-00", "0000-01-01 00:00:00.5"):
        assert convert[0](text) is None
    assert convert[1]("2024-10-10 00:00:00.000") == "2024-10-10 00:00:00.000"
    masked = treat(ColumnOptions(zero_dates="null", mask=["*.*.id"], exclude=["*.*.email"]), "d", "t", NAMES, types)
    assert masked.skip == {1}
    assert masked.convert[0]("0000-00-00") == MASK


@pytest.mark.parametrize(
    ("table", "wanted"),
    [(("shop", "orders"), True), (("shop", "log_1"), False), (("d1", "t1"), False), (("d2", "Orders"), True)],
)
def test_a_table_must_be_included_and_not_excluded(table: tuple[str, str], wanted: bool) -> None:
    options = TableOptions(include=["shop.*", "*.Orders"], exclude=["*.log_*"])
    assert table_filter(options, lambda database, table: True)(*table) is wanted


def test_what_the_graph_does_not_want_is_not_read() -> None:
    assert not table_filter(TableOptions(include=["*.*"]), lambda database, table: table != "t")("d", "t")
