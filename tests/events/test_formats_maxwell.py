"""Maxwell's messages, against the examples of its documentation and its own expectations."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from wlf.events import DeadLetter, LogLine, RowDelete, RowInsert, RowSnapshot, RowUpdate, SchemaChange
from wlf.events.codec import NoForm
from wlf.events.ddl import ColumnDefinition, TableDefinition
from wlf.events.formats.maxwell import encode_maxwell
from wlf.events.table import ColumnType, TableVersion

TABLE = TableVersion(
    "test",
    "e",
    ("id", "m", "c", "comment"),
    (0,),
    types=(
        ColumnType("int", nullable=False),
        ColumnType("decimal", length=6, scale=4),
        ColumnType("datetime", scale=6),
        ColumnType("varchar"),
    ),
)
TEXT = "I am a creature of light."
NEW = TABLE.row(1, Decimal("4.2341"), "2016-10-21 05:33:37.523000", TEXT)
NOW = TABLE.row(1, Decimal("5.444"), "2016-10-21 05:33:54.631000", TEXT)
OLD = TABLE.row(UNSET, Decimal("4.2341"), "2016-10-21 05:33:37.523000", UNSET)


def version_of(*kinds: ColumnType, key: tuple[int, ...] = ()) -> TableVersion:
    return TableVersion("d", "t", [f"c{index}" for index in range(len(kinds))], key, types=kinds)


def one(event: Any) -> Any:
    return json.loads(encode_maxwell([event])[0])


def value(kind: ColumnType, value: Any) -> Any:
    """The value of such a column as Maxwell writes it."""
    return one(RowInsert("d", "t", "insert", 1, data=version_of(kind).row(value)))["data"]["c0"]


def test_the_documented_insert_update_and_delete() -> None:
    assert encode_maxwell(
        [
            RowInsert("test", "e", "insert", 1477053217, xid=23396, commit=True, data=NEW),
            RowUpdate("test", "e", "update", 1477053234, xid=23397, xoffset=0, data=NOW, old=OLD),
            RowDelete("test", "e", "delete", 1477053240, xid=23398, commit=True, data=NOW),
        ]
    ) == [
        b'{"database":"test","table":"e","type":"insert","ts":1477053217,"xid":23396,"commit":true,"data":{"id":1,'
        b'"m":4.2341,"c":"2016-10-21 05:33:37.523000","comment":"I am a creature of light."}}',
        b'{"database":"test","table":"e","type":"update","ts":1477053234,"xid":23397,"xoffset":0,"data":{"id":1,'
        b'"m":5.444,"c":"2016-10-21 05:33:54.631000","comment":"I am a creature of light."},"old":{"m":4.2341,'
        b'"c":"2016-10-21 05:33:37.523000"}}',
        b'{"database":"test","table":"e","type":"delete","ts":1477053240,"xid":23398,"commit":true,"data":{"id":1,'
        b'"m":5.444,"c":"2016-10-21 05:33:54.631000","comment":"I am a creature of light."}}',
    ]


def test_the_documented_bootstrap_row() -> None:
    row = TableVersion("fooDB", "barTable", ("txt",)).row("hello")
    assert encode_maxwell([RowSnapshot("fooDB", "barTable", "bootstrap-insert", 1450557744, data=row)]) == [
        b'{"database":"fooDB","table":"barTable","type":"bootstrap-insert","ts":1450557744,"data":{"txt":"hello"}}'
    ]


def test_all_fields_stand_in_maxwells_order() -> None:
    event = RowUpdate(
        "test",
        "e",
        "update",
        1,
        query="UPDATE e",
        xid=2,
        xoffset=3,
        commit=True,
        position="m.1:4",
        gtid="u:5",
        server_id=6,
        thread_id=7,
        push_ts=8.5,
        comment="c",
        primary_key=(1,),
        primary_key_columns=("id",),
        data=NOW,
        old=OLD,
    )
    names = "database table query type ts xid xoffset commit position gtid server_id thread_id push_ts comment"
    assert list(one(event)) == [*names.split(), "primary_key", "primary_key_columns", "data", "old"]


@pytest.mark.parametrize(
    ("kind", "stored", "shown"),
    [
        (ColumnType("enum", members=("a", "b")), "", None),
        (ColumnType("enum", members=("a", "")), "", ""),
        (ColumnType("enum", members=("a", "b")), "b", "b"),
        (ColumnType("set", members=("a", "b")), (), []),
        (ColumnType("set", members=("a", "b")), ("a", "b"), ["a", "b"]),
        (ColumnType("binary", length=10), b"\0\1\2\3" + b"\0" * 6, "AAECAw=="),
        (ColumnType("binary", length=2), b"\0\0", ""),
        (ColumnType("varbinary", length=10), b"\1\0", "AQA="),
        (ColumnType("blob"), b"\1\0", "AQA="),
        (ColumnType("date"), "0000-00-00", "0000-00-00"),
        (ColumnType("date"), "2023-00-10", "0000-00-00"),
        (ColumnType("date"), "0000-05-10", "0000-00-00"),
        (ColumnType("date"), "2023-02-31", "2023-02-31"),
        (ColumnType("datetime", scale=3), "2023-05-00 01:02:03.456", "0000-00-00 00:00:00.000"),
        (ColumnType("datetime"), "2023-05-00 01:02:03", "0000-00-00 00:00:00"),
        (ColumnType("datetime"), "2023-05-01 00:00:00", "2023-05-01 00:00:00"),
        (ColumnType("timestamp"), "0000-00-00 00:00:00", "0000-00-00 00:00:00"),
        (ColumnType("time", scale=1), "-838:59:58.9", "-838:59:58.9"),
        (ColumnType("geometry"), "POINT(3 2)", "POINT (3 2)"),
        (ColumnType("point"), "SRID=4326;POINT(3 2.5)", "POINT (3 2.5)"),
        (
            ColumnType("geometry"),
            "GEOMETRYCOLLECTION(POINT(1 2),POLYGON((0 0,1 0,1 1,0 0)),MULTIPOINT((1 1),(2 2)))",
            "GEOMETRYCOLLECTION (POINT (1 2), POLYGON ((0 0, 1 0, 1 1, 0 0)), MULTIPOINT ((1 1), (2 2)))",
        ),
        (ColumnType("bit", length=33), 1 << 32, 1 << 32),
        (ColumnType("bigint", unsigned=True), 2**64 - 1, 2**64 - 1),
        (ColumnType("json"), {"a": [1, None]}, {"a": [1, None]}),
        (ColumnType("varchar"), "", ""),
        (ColumnType("varchar"), "0000-00-00", "0000-00-00"),
    ],
)
def test_values_have_maxwells_forms(kind: ColumnType, stored: Any, shown: Any) -> None:
    assert value(kind, stored) == shown
    assert value(kind, None) is None


def test_a_masked_column_is_text_whatever_its_type() -> None:
    version = TableVersion("d", "t", ("c",), types=(ColumnType("enum", members=("a",)),), convert={0: lambda _: ""})
    assert one(RowInsert("d", "t", "insert", 1, data=version.row("")))["data"] == {"c": ""}


def test_old_is_there_only_if_something_visible_changed() -> None:
    version = version_of(ColumnType("date"), ColumnType("enum", members=("a",)), ColumnType("int"))
    row = version.row("2023-00-01", "", 5)

    def old(*values: Any) -> Any:
        return one(RowUpdate("d", "t", "update", 1, data=row, old=version.row(*values))).get("old")

    assert old(UNSET, UNSET, UNSET) is None
    assert old("2023-01-00", UNSET, UNSET) is None
    assert old(UNSET, None, UNSET) is None
    assert old("2023-01-00", "a", 4) == {"c1": "a", "c2": 4}
    assert old(UNSET, UNSET, None) == {"c2": None}


def test_columns_that_are_not_in_the_image_are_left_out() -> None:
    row = TABLE.row(1, UNSET, UNSET, TEXT)
    event = RowUpdate("test", "e", "update", 1, data=row, old=TABLE.old_row((3,))(UNSET, UNSET, UNSET, UNSET))
    assert one(event) == {
        "database": "test",
        "table": "e",
        "type": "update",
        "ts": 1,
        "data": {"id": 1, "comment": TEXT},
    }


def test_the_values_of_the_key_have_the_same_form_as_in_the_row() -> None:
    version = version_of(ColumnType("binary", length=4), ColumnType("int"), key=(1, 0))
    event = RowInsert("d", "t", "insert", 1, primary_key=(7, b"a\0\0\0"), data=version.row(b"a\0\0\0", 7))
    assert one(event)["primary_key"] == [7, "YQ=="]


def test_a_batch_of_several_tables_keeps_its_order() -> None:
    zero = version_of(ColumnType("date"))
    events = [
        RowInsert("d", "t", "insert", number, data=row)
        for number, row in enumerate((NEW, zero.row("2023-00-01"), NEW, zero.row("2023-01-01"), NEW))
    ]
    assert [json.loads(line)["ts"] for line in encode_maxwell(events)] == [0, 1, 2, 3, 4]
    assert json.loads(encode_maxwell(events)[1])["data"] == {"c0": "0000-00-00"}


def test_names_that_no_struct_can_have_and_plain_mappings_work_too() -> None:
    odd = TableVersion("d", "t", ('a"b', "c"), types=(ColumnType("date"), ColumnType("int")))
    event = RowUpdate("d", "t", "update", 1, data=odd.row("2023-00-01", 2), old=odd.row(UNSET, UNSET))
    assert one(event)["data"] == {'a"b': "0000-00-00", "c": 2}
    assert "old" not in one(event)
    assert one(RowUpdate("d", "t", "update", 1, query="q", data={"id": 1}, old={"id": 2}))["old"] == {"id": 2}


COLUMNS = (
    ColumnDefinition("int", "id", signed=True),
    ColumnDefinition("double", "m"),
    ColumnDefinition("timestamp", "c", column_length=6),
    ColumnDefinition("varchar", "comment", charset="latin1"),
)
DEFINITION = TableDefinition("test", "utf8mb4", "e", COLUMNS, ("id",))


def test_the_documented_table_create() -> None:
    event = SchemaChange(
        "test",
        "table-create",
        1477053126,
        "create table test.e (...)",
        table="e",
        position="master.000006:800050",
        definition=DEFINITION,
    )
    assert encode_maxwell([event]) == [
        b'{"type":"table-create","database":"test","table":"e","def":{"database":"test","charset":"utf8mb4",'
        b'"table":"e","columns":[{"type":"int","name":"id","signed":true},{"type":"double","name":"m"},'
        b'{"type":"timestamp","name":"c","column-length":6},{"type":"varchar","name":"comment","charset":"latin1"}],'
        b'"primary-key":["id"]},"ts":1477053126000,"sql":"create table test.e (...)",'
        b'"position":"master.000006:800050"}'
    ]


def test_a_rename_is_an_alter_and_a_drop_has_no_definitions() -> None:
    new = TableDefinition("test", "utf8mb4", "f", COLUMNS, ("id",))
    renamed = one(SchemaChange("test", "table-rename", 1, "r", table="e", old=DEFINITION, definition=new))
    assert list(renamed) == ["type", "database", "table", "old", "def", "ts", "sql"]
    assert (renamed["type"], renamed["old"]["table"], renamed["def"]["table"]) == ("table-alter", "e", "f")
    dropped = one(SchemaChange("test", "table-drop", 1, "d", table="e", old=DEFINITION))
    assert dropped == {"type": "table-drop", "database": "test", "table": "e", "ts": 1000, "sql": "d"}


@pytest.mark.parametrize(
    "event",
    [SchemaChange("d", "table-truncate", 1, "t", table="t"), SchemaChange("d", "ddl", 1, "x"), LogLine("a", 1.0, "m")],
)
def test_what_maxwell_does_not_tell_has_no_form(event: Any) -> None:
    with pytest.raises(NoForm, match="maxwell has no message for"):
        encode_maxwell([event])


def test_a_dead_letter_is_always_wlfs_own_json() -> None:
    assert one(DeadLetter("n", "no", 1, 1.5, LogLine("a", 1.0, "m")))["event"]["message"] == "m"
