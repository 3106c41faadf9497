"""Encoding: Maxwell's names in Maxwell's order, one call for a list."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from wlf.events import DeadLetter, LogLine, Place, RowDelete, RowInsert, RowUpdate, SchemaChange
from wlf.events.codec import encode_json, encode_msgpack
from wlf.events.rows import put_place, row_index


def test_row_change_has_maxwells_fields_in_maxwells_order() -> None:
    event = RowUpdate(
        database="test",
        table="e",
        type="update",
        ts=1477053234,
        xid=23397,
        xoffset=0,
        position="binlog.000001:120",
        gtid="u:1",
        server_id=1,
        primary_key=(1,),
        data={"id": 1, "m": Decimal("5.4440")},
        old={"m": Decimal("4.2341")},
    )
    assert encode_json([event]) == [
        b'{"database":"test","table":"e","type":"update","ts":1477053234,"xid":23397,"xoffset":0,'
        b'"position":"binlog.000001:120","gtid":"u:1","server_id":1,"primary_key":[1],'
        b'"data":{"id":1,"m":5.4440},"old":{"m":4.2341}}'
    ]


def test_what_is_unset_is_left_out() -> None:
    event = RowInsert("d", "t", "insert", 1, commit=True, data={"id": 1})
    assert encode_json([event]) == [
        b'{"database":"d","table":"t","type":"insert","ts":1,"commit":true,"data":{"id":1}}'
    ]


def test_no_event_is_no_line() -> None:
    assert encode_json([]) == []


def test_place_is_carried_but_never_encoded() -> None:
    events = [RowDelete("d", "t", "delete", 1, xoffset=4), RowDelete("d", "t", "delete", 1, commit=True)]
    put_place(events, Place("uuid", "binlog.000001", 400, 1, None, 4, 2))
    assert [event.place.offset for event in events] == [400, 400]
    assert [row_index(event) for event in events] == [0, 1]
    assert b"binlog" not in b"".join(encode_json(events))


text = st.text(alphabet=st.characters(codec="utf-8"))


@given(st.lists(st.tuples(text, text)))
def test_every_event_is_one_line_whatever_its_text_holds(pairs: list[tuple[str, str]]) -> None:
    lines = encode_json([LogLine(source, 1.0, message) for source, message in pairs])
    assert [(json.loads(line)["source"], json.loads(line)["message"]) for line in lines] == pairs


def test_schema_change_calls_its_definition_def() -> None:
    line = encode_json([SchemaChange("d", "table-create", 1, "create ...", table="t", definition={"columns": []})])[0]
    assert json.loads(line)["def"] == {"columns": []}


def test_dead_letter_holds_the_event_and_the_reason() -> None:
    event = RowInsert("d", "t", "insert", 1)
    line = encode_json([DeadLetter("kafka", "too large", 1, 2.5, event)])[0]
    assert json.loads(line)["event"]["table"] == "t"
    assert json.loads(line)["error"] == "too large"


def test_messagepack_holds_the_same_map() -> None:
    event = RowInsert("d", "t", "insert", 1, data={"id": 1})
    assert msgspec.msgpack.decode(encode_msgpack([event])[0]) == json.loads(encode_json([event])[0])
