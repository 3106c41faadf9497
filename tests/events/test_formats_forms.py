"""What formats compile for a table version goes with it."""

from __future__ import annotations

import gc
import json
import weakref

import msgspec
import pytest

from wlf.events import RowInsert, RowUpdate, SchemaChange
from wlf.events.codec import FORMATS, has_form, is_json
from wlf.events.dead_letter import DeadLetter
from wlf.events.formats import canal, debezium, maxwell
from wlf.events.log import LogLine
from wlf.events.table import ColumnType, TableVersion


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"json", "wlf", "msgpack"}))
def test_a_table_version_is_freed_with_its_forms(format: str) -> None:
    modules = (canal, debezium, maxwell)

    def use() -> weakref.ref[type]:
        version = TableVersion("d", "t", ("id", "at"), (0,), types=(ColumnType("int", False), ColumnType("date")))
        row = version.row(1, "2023-00-01")
        old = version.old_row((1,))(2, "2023-01-01")
        FORMATS[format](
            [RowInsert("d", "t", "insert", 1, data=row), RowUpdate("d", "t", "update", 1, data=row, old=old)]
        )
        return weakref.ref(type(row))

    gc.collect()
    before = [len(module._forms) for module in modules]
    kind = use()
    gc.collect()
    assert kind() is None
    assert [len(module._forms) for module in modules] == before


def test_a_form_is_made_once_for_a_row_class(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    compiled = canal._compile
    monkeypatch.setattr(canal._forms, "_make", lambda version: made.append(version) or compiled(version))
    version = TableVersion("d", "t", ("id",))
    for _ in range(2):
        canal.encode_canal([RowInsert("d", "t", "insert", 1, data=version.row(1))] * 3)
    assert len(made) == 1


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_nothing_makes_no_payload(format: str) -> None:
    assert FORMATS[format]([]) == []


def test_log_lines_have_a_form_in_wlfs_own_formats_alone_and_dead_letters_in_all() -> None:
    assert {format for format in FORMATS if has_form(format, LogLine)} == {"json", "wlf", "msgpack"}
    assert all(has_form(format, kind) for format in FORMATS for kind in (RowInsert, DeadLetter))
    assert {format for format in FORMATS if not is_json(format)} == {"msgpack"}


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"msgpack"}))
def test_rows_without_a_table_version_have_a_form_too(format: str) -> None:
    kind = msgspec.defstruct("Own", [("id", int), ("name", str)], rename={"name": "full name"})
    rows = [RowInsert("d", "t", "insert", 1, data=kind(7, "Anne")), RowInsert("d", "t", "insert", 1, data={"id": 7})]
    first, second = FORMATS[format](rows)
    assert b'"full name":"Anne"' in first
    assert b'"id":' in second
    if format.startswith(("maxwell", "debezium", "canal")):
        with pytest.raises(TypeError, match="expected a row, got int"):
            FORMATS[format]([RowInsert("d", "t", "insert", 1, data=5)])


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"msgpack"}))
def test_an_event_of_1970_is_json_too(format: str) -> None:
    events = [RowInsert("d", "t", "insert", 0, data={"id": 7}), SchemaChange("d", "table-drop", 0, "DROP")]
    assert all(json.loads(payload) for payload in FORMATS[format](events))
