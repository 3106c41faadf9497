"""Canal's FlatMessages: values are texts, and the types stand beside them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from wlf.events import DeadLetter, LogLine, Place, RowDelete, RowInsert, RowSnapshot, RowUpdate, SchemaChange
from wlf.events.codec import NoForm
from wlf.events.formats.canal import encode_canal
from wlf.events.formats.canal_columns import column_of, java_number, mysql_type
from wlf.events.rows import put_place
from wlf.events.table import ColumnType, TableVersion

PRODUCTS = TableVersion(
    "inventory",
    "products",
    ("id", "name", "weight"),
    (0,),
    types=(
        ColumnType("int", nullable=False),
        ColumnType("varchar", length=1020, charset="utf8mb4"),
        ColumnType("float"),
    ),
)
ROW = PRODUCTS.row(111, "scooter", 5.15)
PLACE = Place("s", "b.1", 900, 1589373560, "s:1", 0, 1)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wlf.events.formats.canal.time_ns", lambda: 1589373560798_000000)


def one(event: Any) -> Any:
    return json.loads(encode_canal([event])[0])


def test_an_update_byte_by_byte() -> None:
    old = PRODUCTS.row(UNSET, None, 5.18)
    event = RowUpdate("inventory", "products", "update", 1589373560, data=ROW, old=old)
    put_place((event,), PLACE)
    assert encode_canal([event]) == [
        b'{"data":[{"id":"111","name":"scooter","weight":"5.15"}],"database":"inventory","es":1589373560000,'
        b'"gtid":"s:1","id":900,"isDdl":false,"mysqlType":{"id":"int","name":"varchar(255)","weight":"float"},'
        b'"old":[{"name":null,"weight":"5.18"}],"pkNames":["id"],"sql":"","sqlType":{"id":4,"name":12,"weight":7},'
        b'"table":"products","ts":1589373560798,"type":"UPDATE"}'
    ]


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (RowInsert("inventory", "products", "insert", 1, data=ROW), "INSERT"),
        (RowDelete("inventory", "products", "delete", 1, data=ROW), "DELETE"),
        (RowSnapshot("inventory", "products", "bootstrap-insert", 1, data=ROW), "INSERT"),
        (RowUpdate("inventory", "products", "update", 1, data=ROW, old=PRODUCTS.row(UNSET, UNSET, UNSET)), "UPDATE"),
        (RowUpdate("inventory", "products", "update", 1, data=ROW), "UPDATE"),
    ],
)
def test_one_row_is_one_message_and_old_is_null_where_nothing_is_known_to_have_changed(event: Any, name: str) -> None:
    found = one(event)
    assert (found["type"], found["data"], found["old"]) == (
        name,
        [{"id": "111", "name": "scooter", "weight": "5.15"}],
        None,
    )


@pytest.mark.parametrize(
    ("kind", "stored", "shown"),
    [
        (ColumnType("bigint", unsigned=True), 2**64 - 1, "18446744073709551615"),
        (ColumnType("decimal", length=20, scale=10), Decimal("0E-10"), "0.0000000000"),
        (ColumnType("decimal", length=4, scale=2), Decimal("-1.50"), "-1.50"),
        (ColumnType("bit", length=9), 257, "257"),
        (ColumnType("year"), 0, "0000"),
        (ColumnType("year"), 2024, "2024"),
        (ColumnType("enum", members=("a",)), "a", "a"),
        (ColumnType("set", members=("a", "b")), ("a", "b"), "a,b"),
        (ColumnType("set", members=("a", "b")), (), ""),
        (ColumnType("blob"), b"\0\xffa", "\0\xffa"),
        (ColumnType("datetime", scale=3), "2024-01-01 00:00:00.120", "2024-01-01 00:00:00.120"),
        (ColumnType("date"), "0000-00-00", "0000-00-00"),
        (ColumnType("time"), "-838:59:59", "-838:59:59"),
        (ColumnType("json"), {"a": [1, 2], "b": None}, '{"a": [1, 2], "b": null}'),
        (
            ColumnType("geometry"),
            "SRID=4326;POINT(1 2)",
            bytes.fromhex("e61000000101000000000000000000f03f0000000000000040").decode("latin-1"),
        ),
        (ColumnType("unknown"), (1, 2), "1,2"),
        (ColumnType("unknown"), 1.5, "1.5"),
        (ColumnType("unknown"), Decimal("1.50"), "1.50"),
        (ColumnType("unknown"), b"a", "a"),
        (ColumnType("unknown"), 3, "3"),
    ],
)
def test_values_are_texts(kind: ColumnType, stored: Any, shown: str) -> None:
    version = TableVersion("d", "t", ("c",), types=(kind,))
    assert one(RowInsert("d", "t", "insert", 1, data=version.row(stored)))["data"] == [{"c": shown}]
    assert one(RowInsert("d", "t", "insert", 1, data=version.row(None)))["data"] == [{"c": None}]
    assert one(RowInsert("d", "t", "insert", 1, data=version.row(UNSET)))["data"] == [{}]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-1.5e300, "-1.5E300"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (123456789.5, "1.234567895E8"),
    ],
)
def test_floats_look_as_java_prints_them(value: float, text: str) -> None:
    assert java_number(value) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ColumnType("int", declared="int(10) unsigned", unsigned=True), "int(10) unsigned"),
        (ColumnType("int", unsigned=True), "int unsigned"),
        (ColumnType("decimal", length=10, scale=0), "decimal(10,0)"),
        (ColumnType("datetime", scale=0), "datetime"),
        (ColumnType("time", scale=3), "time(3)"),
        (ColumnType("enum", members=("it's", "b")), "enum('it''s','b')"),
        (ColumnType("varbinary", length=16), "varbinary(16)"),
        (ColumnType("char", length=6, charset="gbk"), "char(3)"),
        (ColumnType("year", unsigned=True), "year"),
    ],
)
def test_types_read_as_in_create_table(kind: ColumnType, text: str) -> None:
    assert mysql_type(kind) == text


def test_text_is_a_clob_and_binary_a_blob() -> None:
    assert [column_of(ColumnType(name)).sql_type for name in ("text", "binary", "bit", "unknown")] == [
        2005,
        2004,
        -7,
        12,
    ]


def test_a_statement() -> None:
    event = SchemaChange("d", "table-rename", 5, 'RENAME "t"', table="t", position="m.1:44", gtid="u:1")
    assert encode_canal([event]) == [
        b'{"data":null,"database":"d","es":5000,"gtid":"u:1","id":44,"isDdl":true,"mysqlType":null,"old":null,'
        b'"pkNames":null,"sql":"RENAME \\"t\\"","sqlType":null,"table":"t","ts":1589373560798,"type":"RENAME"}'
    ]
    kinds = {"table-create": "CREATE", "table-drop": "ERASE", "table-truncate": "TRUNCATE", "database-drop": "QUERY"}
    assert {kind: one(SchemaChange("d", kind, 1, "x"))["type"] for kind in kinds} == kinds


def test_what_canal_does_not_tell_has_no_form_and_mappings_are_encoded_by_what_they_hold() -> None:
    with pytest.raises(NoForm):
        encode_canal([LogLine("a", 1.0, "m")])
    assert one(DeadLetter("n", "no", 1, 1.5, LogLine("a", 1.0, "m")))["event"]["message"] == "m"
    found = one(RowInsert("d", "t", "insert", 1, data={"id": 1}))
    assert (found["data"], found["pkNames"]) == ([{"id": "1"}], None)
