"""Debezium's envelopes, schemas, keys and tombstones, against its documentation."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from wlf import __version__
from wlf.events import DeadLetter, LogLine, Origin, Place, RowDelete, RowInsert, RowSnapshot, RowUpdate, SchemaChange
from wlf.events.codec import NoForm
from wlf.events.ddl import ColumnDefinition, TableDefinition
from wlf.events.formats.debezium import Message, encode_debezium, encode_debezium_schema, expand, keys_of
from wlf.events.formats.debezium_columns import column_of, unscaled
from wlf.events.rows import put_place
from wlf.events.table import ColumnType, TableVersion

NOW_NS = 1_700_000_001_234_567_890
KINDS = (
    ColumnType("int", nullable=False),
    ColumnType("varchar", nullable=False),
    ColumnType("decimal", length=5, scale=2),
)
CUSTOMERS = TableVersion("inventory", "customers", ("id", "name", "debt"), (0,), types=KINDS)
ANNE = CUSTOMERS.row(1004, "Anne", Decimal("1.20"))
PLACE = Place("37072cfd-e75a", "mysql-bin.000003", 484, 1465581029, "37072cfd-e75a:5", 0, 1)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wlf.events.formats.debezium.time_ns", lambda: NOW_NS)


def placed(event: Any, place: Place = PLACE) -> Any:
    put_place((event,), place)
    return event


def one(event: Any) -> Any:
    return json.loads(encode_debezium([event])[0])


def updated(row: Any, *old: Any, version: TableVersion = CUSTOMERS) -> Any:
    return placed(RowUpdate(version.database, version.table, "update", 1465581029, data=row, old=version.row(*old)))


def test_an_insert_byte_by_byte() -> None:
    event = placed(RowInsert("inventory", "customers", "insert", 1465581029, xid=9, commit=True, data=ANNE))
    assert encode_debezium([event]) == [
        b'{"before":null,"after":{"id":1004,"name":"Anne","debt":"eA=="},"source":{"version":"'
        + __version__.encode()
        + b'","connector":"mysql","name":"wlf","ts_ms":1465581029000,"snapshot":"false","db":"inventory",'
        b'"sequence":null,"ts_us":1465581029000000,"ts_ns":1465581029000000000,"table":"customers","server_id":0,'
        b'"gtid":"37072cfd-e75a:5","file":"mysql-bin.000003","pos":484,"row":0,"thread":null,"query":null},'
        b'"transaction":null,"op":"c","ts_ms":1700000001234,"ts_us":1700000001234567,"ts_ns":1700000001234567890}'
    ]


def test_an_update_has_the_whole_row_before() -> None:
    found = one(updated(ANNE, UNSET, "Ann", None))
    assert (found["op"], found["after"]) == ("u", {"id": 1004, "name": "Anne", "debt": "eA=="})
    assert found["before"] == {"id": 1004, "name": "Ann", "debt": None}


def test_deletes_and_snapshots() -> None:
    gone = one(placed(RowDelete("inventory", "customers", "delete", 1, data=ANNE)))
    assert (gone["op"], gone["after"], gone["before"]["name"]) == ("d", None, "Anne")
    read = one(placed(RowSnapshot("inventory", "customers", "bootstrap-insert", 1, data=ANNE)))
    assert (read["op"], read["before"], read["source"]["snapshot"]) == ("r", None, "incremental")


def test_what_was_not_logged_is_absent_and_not_taken_from_the_new_row() -> None:
    # binlog_row_image=MINIMAL: the key before, the changed column after.
    event = RowUpdate("inventory", "customers", "update", 1, data=CUSTOMERS.row(1, "new", UNSET))
    event = placed(RowUpdate(**{**fields(event), "old": CUSTOMERS.old_row((1,))(UNSET, UNSET, UNSET)}))
    assert (one(event)["before"], one(event)["after"]) == ({"id": 1}, {"id": 1, "name": "new"})


def fields(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_an_update_without_any_old_values_has_no_before() -> None:
    event = placed(RowUpdate("inventory", "customers", "update", 1, data=ANNE))
    assert (one(event)["before"], one(event)["after"]["id"]) == (None, 1004)


def test_the_source_tells_all_that_is_known() -> None:
    origin = Origin(223344, 7, None, 1465581029523456, 9)
    event = RowInsert("inventory", "customers", "insert", 1, query='INSERT "x"', data=ANNE)
    source = one(placed(event, PLACE._replace(origin=origin)))["source"]
    assert (source["ts_ms"], source["ts_us"], source["ts_ns"]) == (1465581029523, 1465581029523456, 1465581029523456000)
    assert (source["server_id"], source["thread"], source["query"]) == (223344, 7, 'INSERT "x"')


def test_a_statement_that_nobody_asked_for_is_not_shown_for_it_may_hold_what_is_masked() -> None:
    origin = Origin(1, 7, "INSERT INTO customers VALUES (1, 'secret')", None, 9)
    event = placed(RowInsert("inventory", "customers", "insert", 1, data=ANNE), PLACE._replace(origin=origin))
    assert b"secret" not in encode_debezium([event])[0]


def test_rows_are_numbered_within_their_event() -> None:
    events = [RowInsert("inventory", "customers", "insert", 1, xoffset=5 + n, data=ANNE) for n in range(2)]
    events.append(RowInsert("inventory", "customers", "insert", 1, commit=True, data=ANNE))
    put_place(events, PLACE._replace(first=5, rows=3))
    other = placed(RowInsert("inventory", "customers", "insert", 1, commit=True, data=ANNE), PLACE._replace(offset=900))
    sources = [json.loads(payload)["source"] for payload in encode_debezium([*events, other])]
    assert [(source["pos"], source["row"]) for source in sources] == [(484, 0), (484, 1), (484, 2), (900, 0)]


@pytest.mark.parametrize(
    ("server", "gtid", "connector"),
    [("server_id:1", None, "mariadb"), ("", "0-1-7", "mariadb"), ("", "a-b:1", "mysql"), ("", None, "mysql")],
)
def test_the_connector_is_told_by_server_and_gtid(server: str, gtid: str | None, connector: str) -> None:
    rows = [placed(RowInsert("d", "t", "insert", 1, data=ANNE), PLACE)]
    rows.append(placed(RowInsert("d", "t", "insert", 1, data=ANNE), PLACE._replace(server=server, gtid=gtid)))
    assert json.loads(encode_debezium(rows)[1])["source"]["connector"] == connector


NULLABLE = [
    (ColumnType("tinyint", length=None), -1, -1),
    (ColumnType("bigint", unsigned=True), 2**64 - 1, 2**64 - 1),
    (ColumnType("float"), 1.5, 1.5),
    (ColumnType("bit", length=1), 1, True),
    (ColumnType("bit", length=1), 0, False),
    (ColumnType("bit", length=10), 0x201, base64.b64encode(b"\1\2").decode()),
    (ColumnType("enum", members=("a", "b")), "b", "b"),
    (ColumnType("enum", members=("a", "b")), "", ""),
    (ColumnType("set", members=("a", "b")), ("a", "b"), "a,b"),
    (ColumnType("set", members=("a", "b")), (), ""),
    (ColumnType("json"), {"a": [1, "é"]}, '{"a":[1,"é"]}'),
    (ColumnType("json"), "text", '"text"'),
    (ColumnType("year"), 2024, 2024),
    (ColumnType("date"), "2024-02-29", 19782),
    (ColumnType("date"), "1969-12-31", -1),
    (ColumnType("date"), "0000-00-00", None),
    (ColumnType("date"), "2023-02-31", None),
    (ColumnType("time"), "00:00:01", 1_000_000),
    (ColumnType("time", scale=6), "-838:59:58.999999", -3020398999999),
    (ColumnType("time", scale=1), "-00:00:00.5", -500000),
    (ColumnType("datetime"), "2018-06-20 06:37:03", 1529476623000),
    (ColumnType("datetime", scale=3), "1969-12-31 23:59:59.999", -1),
    (ColumnType("datetime", scale=6), "9999-12-31 23:59:59.999999", 253402300799999999),
    (ColumnType("datetime", scale=4), "1970-01-01 00:00:00.1234", 123400),
    (ColumnType("datetime"), "2023-00-10 01:02:03", None),
    (ColumnType("timestamp"), "2018-06-20 13:37:03", "2018-06-20T13:37:03Z"),
    (ColumnType("timestamp", scale=2), "2018-06-20 13:37:03.10", "2018-06-20T13:37:03.10Z"),
    (ColumnType("timestamp"), "0000-00-00 00:00:00", None),
    (ColumnType("blob"), b"\0\xff", "AP8="),
    (ColumnType("binary", length=3), b"a\0\0", "YQAA"),
    (ColumnType("vector"), [1.0, -0.5], [1.0, -0.5]),
    (ColumnType("uuid"), "6ccd780c-baba-1026-9564-5b8c656024db", "6ccd780c-baba-1026-9564-5b8c656024db"),
    (ColumnType("unknown"), 5, 5),
    (ColumnType("unknown"), ("a", "b"), "a,b"),
]


def value(kind: ColumnType, stored: Any) -> Any:
    version = TableVersion("d", "t", ("c",), types=(kind,))
    return one(placed(RowInsert("d", "t", "insert", 1, data=version.row(stored))))["after"]["c"]


@pytest.mark.parametrize(("kind", "stored", "shown"), NULLABLE)
def test_values_have_debeziums_forms(kind: ColumnType, stored: Any, shown: Any) -> None:
    assert value(kind, stored) == shown
    assert value(kind, None) is None


@pytest.mark.parametrize(
    ("name", "stored", "shown"),
    [
        ("date", "0000-00-00", 0),
        ("datetime", "0000-00-00 00:00:00", 0),
        ("timestamp", "0000-00-00 00:00:00", "1970-01-01T00:00:00Z"),
    ],
)
def test_a_date_that_is_none_is_the_epoch_where_null_may_not_be(name: str, stored: str, shown: Any) -> None:
    assert value(ColumnType(name, nullable=False), stored) == shown


@given(st.integers(0, 30).flatmap(lambda scale: st.tuples(st.just(scale), st.integers(-(10**65), 10**65))))
def test_decimals_are_the_shortest_twos_complement(case: tuple[int, int]) -> None:
    scale, number = case
    raw = unscaled(scale)(Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale)))
    assert int.from_bytes(raw, "big", signed=True) == number
    assert len(raw) == 1 or raw[:2] not in (b"\0\0", b"\xff\xff")
    assert len(raw) == 1 or (not (raw[0] == 0 and raw[1] < 128) and not (raw[0] == 255 and raw[1] >= 128))


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_the_fast_way_for_short_decimals_gives_the_same(number: int) -> None:
    value = Decimal(number).scaleb(-2)
    assert unscaled(2, 18)(value) == unscaled(2)(value)


def test_geometries_are_structs_with_their_srid() -> None:
    raw = base64.b64encode(bytes.fromhex("0101000000000000000000f03f0000000000000440")).decode()
    assert value(ColumnType("geometry"), "POINT(1 2.5)") == {"wkb": raw, "srid": None}
    assert value(ColumnType("geometry"), "SRID=4326;POINT(1 2.5)") == {"wkb": raw, "srid": 4326}
    assert value(ColumnType("point"), "POINT(1 2.5)") == {"x": 1.0, "y": 2.5, "wkb": raw, "srid": None}


def test_the_schema_describes_each_field_of_the_payload() -> None:
    version = TableVersion("d", "t", [f"c{n}" for n in range(len(NULLABLE))], types=[kind for kind, _, _ in NULLABLE])
    row = version.row(*(stored for _, stored, _ in NULLABLE))
    events = [RowInsert("d", "t", "insert", 1, data=row), updated(row, 5, version=version)]
    for payload in encode_debezium_schema([placed(event) for event in events]):
        message = json.loads(payload)
        assert list(message) == ["schema", "payload"]
        check(message["schema"], message["payload"])
        assert message["schema"]["name"] == "wlf.d.t.Envelope"


JSON_TYPES = {
    **dict.fromkeys(("int16", "int32", "int64"), int),
    **dict.fromkeys(("float", "double"), float),
    **dict.fromkeys(("string", "bytes"), str),
    "boolean": bool,
    "array": list,
    "struct": dict,
}


def check(schema: Any, value: Any) -> None:
    """The value is what a converter makes of it by this schema."""
    if value is None:
        assert schema["optional"]
    elif schema["type"] == "struct":
        assert [field["field"] for field in schema["fields"]] == list(value)
        for field in schema["fields"]:
            check(field, value[field["field"]])
    elif schema["type"] == "array":
        for item in value:
            check(schema["items"], item)
    elif not (schema["type"] == "string" and schema.get("name") is None):
        assert isinstance(value, JSON_TYPES[schema["type"]]), (schema, value)


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (ColumnType("int", False), {"type": "int32", "optional": False}),
        (ColumnType("int", unsigned=True), {"type": "int64", "optional": True}),
        (ColumnType("smallint", unsigned=True), {"type": "int32", "optional": True}),
        (
            ColumnType("decimal", length=10, scale=2),
            {
                "type": "bytes",
                "optional": True,
                "name": "org.apache.kafka.connect.data.Decimal",
                "version": 1,
                "parameters": {"scale": "2", "connect.decimal.precision": "10"},
            },
        ),
        (
            ColumnType("enum", members=("a", "b")),
            {
                "type": "string",
                "optional": True,
                "name": "io.debezium.data.Enum",
                "version": 1,
                "parameters": {"allowed": "a,b"},
            },
        ),
        (
            ColumnType("datetime", scale=6),
            {"type": "int64", "optional": True, "name": "io.debezium.time.MicroTimestamp", "version": 1},
        ),
    ],
)
def test_columns_have_the_documented_schemas(kind: ColumnType, schema: dict[str, Any]) -> None:
    assert column_of(kind).schema == schema


def test_keys() -> None:
    two = TableVersion("d", "t", ("a", "b"), (1, 0), types=(ColumnType("date", False), ColumnType("int", False)))
    bare = TableVersion("d", "t", ("a",))
    events = [
        RowInsert("inventory", "customers", "insert", 1, data=ANNE),
        RowDelete("d", "t", "delete", 1, data=two.row("2024-02-29", 3)),
        RowInsert("d", "t", "insert", 1, data=bare.row(1)),
        RowInsert("d", "t", "insert", 1, data={"a": 1}),
        SchemaChange("inventory", "table-create", 1, "CREATE"),
        LogLine("a", 1.0, "m"),
    ]
    assert keys_of(events, schema=False) == [
        b'{"id":1004}',
        b'{"b":3,"a":19782}',
        None,
        None,
        b'{"databaseName":"inventory"}',
        None,
    ]
    assert keys_of(events[:1], schema=True) == [
        b'{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":false,'
        b'"name":"wlf.inventory.customers.Key"},"payload":{"id":1004}}'
    ]
    for key in keys_of(events, schema=True):
        if key is not None:
            check(json.loads(key)["schema"], json.loads(key)["payload"])


def test_a_delete_is_followed_by_a_tombstone() -> None:
    gone = placed(RowDelete("inventory", "customers", "delete", 1, data=ANNE))
    new = placed(RowInsert("inventory", "customers", "insert", 1, data=ANNE))
    payloads = encode_debezium([gone, new])
    messages, indices = expand([gone, new], payloads, schema=False)
    assert messages == [
        Message(b'{"id":1004}', payloads[0]),
        Message(b'{"id":1004}', None),
        Message(b'{"id":1004}', payloads[1]),
    ]
    assert indices == [0, 0, 1]
    assert expand([gone], payloads[:1], schema=False, tombstones=False) == ([Message(b'{"id":1004}', payloads[0])], [0])


@pytest.mark.parametrize("schema", [False, True])
def test_a_change_of_the_key_is_a_delete_a_tombstone_and_a_create(schema: bool) -> None:
    event = updated(ANNE, 7, "Ann", UNSET)
    encode = encode_debezium_schema if schema else encode_debezium
    (old, tombstone, new), indices = expand([event], encode([event]), schema=schema)
    assert indices == [0, 0, 0]
    assert (tombstone.key, tombstone.value, tombstone.headers) == (old.key, None, ())
    assert old.headers == (("__debezium.newkey", new.key),)
    assert new.headers == (("__debezium.oldkey", old.key),)

    def payload(text: bytes | None) -> Any:
        return json.loads(text or b"")["payload"] if schema else json.loads(text or b"")

    assert (payload(old.key), payload(new.key)) == ({"id": 7}, {"id": 1004})
    gone, made = payload(old.value), payload(new.value)
    assert (gone["op"], gone["after"], gone["before"]) == ("d", None, {"id": 7, "name": "Ann", "debt": "eA=="})
    assert (made["op"], made["before"], made["after"]["id"]) == ("c", None, 1004)
    assert gone["source"] == made["source"]


def test_an_update_that_keeps_the_key_or_has_none_is_one_message() -> None:
    bare = TableVersion("d", "t", ("a",), types=(ColumnType("int"),))
    events = [updated(ANNE, UNSET, "x"), updated(bare.row(1), 2, version=bare)]
    payloads = encode_debezium(events)
    assert expand(events, payloads, schema=False) == (
        [Message(b'{"id":1004}', payloads[0]), Message(None, payloads[1])],
        [0, 1],
    )


def test_a_statement_is_a_message_of_the_schema_change_topic() -> None:
    columns = (ColumnDefinition("int", "id", signed=False), ColumnDefinition("enum", "e", enum_values=("a",)))
    table = TableDefinition("d", "utf8mb4", "t", columns, ("id",))
    event = SchemaChange("d", "table-alter", 5, "ALTER", table="t", position="m.1:44", gtid="u:1", definition=table)
    found = one(event)
    assert list(found) == ["source", "ts_ms", "ts_us", "ts_ns", "databaseName", "schemaName", "ddl", "tableChanges"]
    assert (found["databaseName"], found["ddl"], found["source"]["pos"]) == ("d", "ALTER", 44)
    change = found["tableChanges"][0]
    assert (change["type"], change["id"], change["table"]["primaryKeyColumnNames"]) == ("ALTER", '"d"."t"', ["id"])
    assert [column["typeName"] for column in change["table"]["columns"]] == ["INT UNSIGNED", "ENUM"]
    for statement in (event, SchemaChange("d", "table-drop", 1, "DROP", table="t"), SchemaChange("d", "ddl", 1, "X")):
        message = json.loads(encode_debezium_schema([statement])[0])
        check(message["schema"], message["payload"])


def test_what_debezium_does_not_tell_has_no_form_and_a_dead_letter_is_json() -> None:
    with pytest.raises(NoForm):
        encode_debezium([LogLine("a", 1.0, "m")])
    assert one(DeadLetter("n", "no", 1, 1.5, LogLine("a", 1.0, "m")))["event"]["message"] == "m"


def test_mappings_without_a_table_version_are_encoded_by_what_they_hold() -> None:
    event = RowUpdate("d", "t", "update", 1, data={"id": 1, "d": Decimal("1.50")}, old={"id": 2})
    assert (one(event)["before"], one(event)["after"]) == ({"id": 2, "d": "1.50"}, {"id": 1, "d": "1.50"})
