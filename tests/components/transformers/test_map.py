"""Map: removes, renames, sets; rows and lines come out typed, in order, at their places."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from tests.components.rows import delete, insert, row, update
from tests.components.transformers.expressions import ROWS, make, problems
from wlf.components.transformers.filter import Filter
from wlf.components.transformers.map import Map
from wlf.events import LogLine, RowInsert, RowUpdate, SchemaChange
from wlf.events.codec import FORMATS, encode_json
from wlf.events.log import FileLine
from wlf.events.rows import Place, put_place
from wlf.events.table import ColumnType, TableVersion
from wlf.graph.compile import compile_text

LINES = frozenset((FileLine,))


def written(events: Any) -> list[Any]:
    return [json.loads(text) for text in encode_json(events)]


def test_columns_are_removed_renamed_and_set_in_the_tables_order() -> None:
    values = {"data.total": "data.price * data.n", "data.name": "upper(data.name)"}
    step = make(Map, set=values, rename={"data.id": "key"}, remove=["data.secret"])
    (out,) = written(step.transform([insert(id=1, name="pen", secret="x", price=2, n=3)]))
    assert list(out["data"].items()) == [("key", 1), ("name", "PEN"), ("price", 2), ("n", 3), ("total", 6)]


def test_old_values_lose_what_the_row_loses_and_can_be_set_where_they_are() -> None:
    step = make(Map, remove=["data.secret"], rename={"data.n": "m"}, set={"old.mail": '"***"', "data.mail": '"***"'})
    rows = [
        update(old={"secret": "a", "n": 1, "mail": "x@y"}, id=1, secret="b", n=2, mail="z@y"),
        update(old={"n": 1}, id=1, secret="b", n=2, mail="z@y"),
    ]
    first, second = written(step.transform(rows))
    assert (first["data"], first["old"]) == ({"id": 1, "m": 2, "mail": "***"}, {"m": 1, "mail": "***"})
    assert second["old"] == {"m": 1}


def test_a_former_value_can_be_removed_alone() -> None:
    step = make(Map, remove=["old.mail"])
    (out,) = written(step.transform([update(old={"mail": "x", "n": 1}, id=1, mail="y", n=2)]))
    assert (out["data"], out["old"]) == ({"id": 1, "mail": "y", "n": 2}, {"n": 1})
    plain = RowUpdate("d", "t", "update", 1, data={"mail": 1}, old={"mail": 2})
    assert (step.transform([plain])[0].data, step.transform([plain])[0].old) == ({"mail": 1}, {})


def test_null_is_null_in_a_row_and_absent_is_absent() -> None:
    step = make(Map, set={"data.x": "data.nope", "data.y": "data.a"})
    (out,) = written(step.transform([insert(id=1, a=None)]))
    assert out["data"] == {"id": 1, "a": None, "x": None, "y": None}
    image = RowInsert("d", "t", "insert", 1, data=row("d", "t", {"a": 1, "b": UNSET}))
    assert written(make(Map, set={"data.c": "data.a"}).transform([image]))[0]["data"] == {"a": 1, "c": 1}


def test_place_type_and_order_are_kept() -> None:
    rows = [insert(f"t{n % 3}", id=n) for n in range(9)]
    place = Place("uuid", "binlog.1", 4, 1, None, 0, 9)
    put_place(rows, place)
    out = make(Map, set={"data.x": "data.id + 1"}).transform(rows)
    assert [event.data.f0 for event in out] == list(range(9))
    assert all(event.place is place for event in out)
    assert {type(event) for event in out} == {RowInsert}


def test_one_class_for_each_table_and_not_for_each_row() -> None:
    step = make(Map, set={"data.x": "1"})
    out = [step.transform([insert(f"t{n % 3}", id=n) for n in range(30)]) for _ in range(3)]
    assert len({type(event.data) for events in out for event in events}) == 3


def test_the_classes_of_tables_that_come_and_go_are_bounded() -> None:
    step = make(Map, remove=["data.b"])

    def run(count: int) -> None:
        for n in range(count):
            version = TableVersion("d", f"t{n}", ("a", "b"))
            step.transform([RowInsert("d", f"t{n}", "insert", 1, data=version.row(n, n))])

    run(1200)
    gc.collect()
    (maker,) = [m for m in gc.get_objects() if type(m).__name__ == "RowMakers" and m._changes.removed == {"b"} and m]
    assert len(maker) <= 256


def test_keys_types_and_odd_names_follow_their_columns() -> None:
    types = [ColumnType("int", nullable=False), ColumnType("varchar", charset="utf8mb4"), ColumnType("date")]
    version = TableVersion("d", "t", ("id", 'odd "name"', "day"), (0,), types=types)
    event = RowInsert("d", "t", "insert", 1, data=version.row(1, "x", "2026-01-01"))
    step = make(Map, rename={"data.id": "key"}, set={"data.text": 'f"{data.id}"'}, remove=['data["odd \\"name\\""]'])
    (out,) = step.transform([event])
    changed = type(out.data).__table__
    assert (changed.columns, changed.primary_key) == (("key", "day", "text"), (0,))
    assert [kind.type for kind in changed.types] == ["int", "date", "varchar"]
    assert changed.key(out.data) == (1,)
    kept = make(Map, set={"data.n": "1"}).transform([event])[0]
    assert written([kept])[0]["data"] == {"id": 1, 'odd "name"': "x", "day": "2026-01-01", "n": 1}


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_changed_rows_have_every_format(format: str) -> None:
    rows = [insert(id=1, a="x"), update(old={"a": "y"}, id=1, a="x"), delete(id=1, a="x")]
    out = make(Map, set={"data.n": "data.id * 2", "data.t": "lower(data.a)"}, rename={"data.a": "b"}).transform(rows)
    assert len(FORMATS[format](out)) == 3


def test_a_row_that_is_a_mapping_is_changed_too() -> None:
    event = RowUpdate("d", "t", "update", 1, data={"a": 1, "b": 2}, old={"b": 3})
    (out,) = make(Map, set={"data.c": "data.a"}, rename={"data.b": "x"}).transform([event])
    assert (out.data, out.old) == ({"a": 1, "x": 2, "c": 1}, {"x": 3})
    assert event.data == {"a": 1, "b": 2}


def test_lines_get_typed_fields_that_the_next_step_can_check() -> None:
    step = make(Map, LINES, set={"level": 'capture(message, r"^(\\w+)")', "n": "length(message)", "who": "source"})
    out = step.transform([FileLine("s", 1.0, "WARN a", file="f"), FileLine("s", 1.0, "", file="f")])
    assert [(line.get("level"), line["n"], line["who"]) for line in written(out)] == [("WARN", 6, "s"), (None, 0, "s")]
    assert "level" not in written(out)[1]
    kinds = Map.emits(step.config, LINES)
    assert kinds == {type(out[0])}
    assert [kind.__name__ for kind in kinds] == ["FileLine+level+n+who"]
    assert not problems(Filter, kinds, where='level == "WARN" and n > 3')
    assert problems(Filter, kinds, where="level > 3")
    assert make(Filter, kinds, where='level == "WARN" and who == "s"').transform(out) == out[:1]


def test_fields_are_added_to_lines_twice() -> None:
    first = make(Map, LINES, set={"a": "1"})
    kinds = Map.emits(first.config, LINES)
    second = make(Map, kinds, set={"b": "a + 1", "a": "coalesce(a * 10, 0)"})
    out = second.transform(first.transform([FileLine("s", 1.0, "x", file="f")]))
    assert {name: written(out)[0][name] for name in "ab"} == {"a": 10, "b": 2}


def test_attributes_are_set_removed_and_renamed() -> None:
    options = {"remove": ["attributes.secret", "host"], "rename": {"attributes.a": "b"}}
    step = make(Map, LINES, set={"attributes.env": '"prod"'}, **options)
    lines = [FileLine("s", 1.0, "x", attributes={"a": 1, "secret": 2}, host="h"), FileLine("s", 1.0, "y")]
    out = written(step.transform(lines))
    assert [line["attributes"] for line in out] == [{"b": 1, "env": "prod"}, {"env": "prod"}]
    assert "host" not in out[0]
    assert lines[0].attributes == {"a": 1, "secret": 2}


def test_types_that_lack_what_is_changed_pass_untouched() -> None:
    kinds = ROWS | {SchemaChange, LogLine}
    ddl, line = SchemaChange("d", "ddl", 1, "sql"), LogLine("s", 1.0, "m")
    out = make(Map, kinds, set={"data.x": "1"}).transform([ddl, insert(id=1), line])
    assert (out[0], out[2]) == (ddl, line)
    assert out[0] is ddl
    assert out[2] is line
    assert written(out)[1]["data"] == {"id": 1, "x": 1}


def test_only_events_for_which_where_is_true_are_changed_and_the_order_stays() -> None:
    step = make(Map, set={"data.x": "data.id"}, where="data.id % 2 == 1")
    rows = [insert(f"t{n % 3}", id=n) for n in range(6)]
    out = step.transform(rows)
    assert [event.data.f0 for event in out] == list(range(6))
    assert [out[n] is rows[n] for n in range(6)] == [True, False] * 3
    kinds = Map.emits(make(Map, LINES, set={"n": "1"}, where='message == "x"').config, LINES)
    assert sorted(kind.__name__ for kind in kinds) == ["FileLine", "FileLine+n"]
    assert [p.option for p in problems(Map, set={"data.x": "1"}, where="tabel")] == ["where"]


def test_every_expression_sees_the_event_as_it_came() -> None:
    step = make(Map, set={"data.a": "data.b", "data.b": "data.a"}, remove=["data.c"])
    assert written(step.transform([insert(a=1, b=2, c=3)]))[0]["data"] == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("kinds", "options", "option"),
    [
        (ROWS, {"set": {"total": "1"}}, "set.total"),
        (ROWS, {"set": {"table": "data.x"}}, "set.table"),
        (ROWS, {"set": {"data": "1"}}, "set.data"),
        (ROWS, {"set": {"data.x": "tabel"}}, "set.data.x"),
        (ROWS, {"remove": ["database"]}, "remove[0]"),
        (ROWS, {"remove": ["message"]}, "remove[0]"),
        (ROWS, {"rename": {"xid": "x"}}, "rename.xid"),
        (ROWS, {"rename": {"old.x": "y"}}, "rename.old.x"),
        (LINES, {"set": {"message": "length(message)"}}, "set.message"),
        (LINES, {"set": {"data.x": "1"}}, "set.data.x"),
        (LINES, {"remove": ["level"]}, "remove[0]"),
    ],
)
def test_what_no_event_can_take_is_a_problem(kinds: Any, options: Any, option: str) -> None:
    assert [p.option for p in problems(Map, kinds, **options)] == [option]


def test_behind_a_map_that_renames_tables_every_table_is_wanted() -> None:
    text = """
collectors: [{{id: rows, type: Binlog, destination: map, files: [none.000001]}}]
transformers:
  - {{id: map, type: Map, destination: keep, set: {{{0}}}}}
  - {{id: keep, type: Filter, destination: out, where: table == "orders"}}
dispatchers: [{{id: out, type: Stdout}}]
"""
    assert compile_text(text.format("table: lower(table)")).wants("rows", "shop", "ORDERS")
    assert not compile_text(text.format("data.x: lower(table)")).wants("rows", "shop", "ORDERS")


COLUMNS = st.sampled_from("abcde")


@settings(deadline=None)
@given(
    st.sets(COLUMNS),
    st.dictionaries(COLUMNS, st.sampled_from("abcdexy"), max_size=3).filter(lambda d: len({*d.values()}) == len(d)),
    st.dictionaries(st.sampled_from("abxyz"), COLUMNS, max_size=3),
    st.dictionaries(COLUMNS, st.one_of(st.none(), st.integers(0, 5)), min_size=1),
)
@pytest.mark.parametrize("plain", [False, True])
def test_what_is_not_named_stays_and_what_is_named_is_as_it_was_said(
    plain: bool, removed: set[str], renamed: dict[str, str], values: dict[str, str], data: dict[str, Any]
) -> None:
    if not (removed or renamed or values):
        return
    step = make(
        Map,
        remove=[f"data.{name}" for name in sorted(removed)],
        rename={f"data.{name}": new for name, new in renamed.items()},
        set={f"data.{name}": f"data.{source}" for name, source in values.items()},
    )
    event = RowInsert("d1", "t", "insert", 1, data=dict(data) if plain else row("d1", "t", data))
    (out,) = written(step.transform([event]))
    left = {name: value for name, value in data.items() if name not in removed}
    taken = {new for name, new in renamed.items() if name in left}
    expected = {name: value for name, value in left.items() if name not in renamed and name not in taken}
    expected |= {new: left[name] for name, new in renamed.items() if name in left}
    expected |= {name: data.get(source) for name, source in values.items()}
    assert out["data"] == expected
