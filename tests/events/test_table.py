"""Row classes: one for each table version, built by position, encoded under the columns' names."""

from __future__ import annotations

import json

import msgspec
import pytest
from msgspec import UNSET

from wlf.events import RowInsert
from wlf.events.codec import encode_json, encode_msgpack
from wlf.events.table import TableVersion, TableVersions
from wlf.events.template import MissingField, Template

NAMES = ["id", "name", "select", "a b", "表", "type", "f0", "x" * 64]
ODD_NAMES = ['a"b', "c\\d", "tab\there", "plain"]


def event(row: object) -> RowInsert:
    return RowInsert("d", "t", "insert", 1, data=row)


@pytest.mark.parametrize("columns", [NAMES, ODD_NAMES])
def test_a_row_encodes_as_an_object_in_column_order(columns: list[str]) -> None:
    row = TableVersion("d", "t", columns).row(*range(len(columns)))
    (line,) = encode_json([event(row)])
    assert list(json.loads(line)["data"].items()) == list(zip(columns, range(len(columns)), strict=True))
    (packed,) = encode_msgpack([event(row)])
    assert msgspec.msgpack.decode(packed)["data"] == json.loads(line)["data"]


@pytest.mark.parametrize("columns", [["a", "b", "c"], ['"', "b", "c"]])
def test_absent_columns_are_left_out_and_null_is_kept(columns: list[str]) -> None:
    row = TableVersion("d", "t", columns).row(None, UNSET, 3)
    (line,) = encode_json([event(row)])
    assert json.loads(line)["data"] == {columns[0]: None, "c": 3}
    assert (row.f0, row.f1, row.f2) == (None, UNSET, 3)


@pytest.mark.parametrize("columns", [["a", "b"], ['"', "b"]])
def test_without_nulls_they_are_left_out_of_old_values_too(columns: list[str]) -> None:
    version = TableVersion("d", "t", columns, nulls=False)
    for made in (version.row(None, 3), version.old_row((0,))(None, 3)):
        assert (made.f0, made.f1) == (UNSET, 3)
        assert type(made).__table__ is version
    (line,) = encode_json([event(version.row(None, 3))])
    assert json.loads(line)["data"] == {"b": 3}


@pytest.mark.parametrize("columns", [["id", "n"], ["id", 'n"']])
def test_templates_read_columns_of_both_classes(columns: list[str]) -> None:
    row = TableVersion("d", "t", columns).row(5, UNSET)
    assert Template("x.%{/data/id}").render(event(row)) == "x.5"
    for missing in (columns[1], "nonsense"):
        with pytest.raises(MissingField):
            Template(f"x.%{{/data/{missing}}}").render(event(row))


@pytest.mark.parametrize("columns", [["a", "b", "c"], ["a\\", "b", "c"]])
def test_the_key_is_read_in_key_order(columns: list[str]) -> None:
    row = TableVersion("d", "t", columns, (2, 0)).row(1, 2, 3)
    version = type(row).__table__
    assert version.key(row) == (3, 1)
    assert TableVersion("d", "t", columns, (1,)).key(row) == (2,)
    assert TableVersion("d", "t", columns).key is None


def test_an_odd_row_takes_as_many_values_as_columns() -> None:
    version = TableVersion("d", "t", ODD_NAMES)
    with pytest.raises(ValueError, match="shorter"):
        version.row(1, 2)
    with pytest.raises(AttributeError):
        version.row(1, 2, 3, 4).nonsense  # noqa: B018 - reading it is the test


def test_rows_are_frozen_and_not_tracked_by_the_collector() -> None:
    import gc

    row = TableVersion("d", "t", ["a"]).row([1])
    assert not gc.is_tracked(row)
    with pytest.raises(AttributeError):
        row.f0 = 2


def test_equal_tables_share_a_class_and_others_do_not() -> None:
    versions = TableVersions()
    first = versions.get("d", "t", ["a", "b"], (0,))
    assert versions.get("d", "t", ("a", "b"), [0]) is first
    for other in (("d", "t", ["a", "c"], (0,)), ("d", "u", ["a", "b"], (0,)), ("d", "t", ["a", "b"], (1,))):
        assert versions.get(*other) is not first
    assert versions.get("d", "t", ["a", "b"], (0,), skip=[1]).skip == {1}


def test_versions_unused_for_longest_are_forgotten() -> None:
    versions = TableVersions(max_bytes=10_000)
    first = versions.get("d", "t", ["a"])
    for number in range(20):
        versions.get("d", f"t{number}", ["a"])
        assert versions.get("d", "t", ["a"]) is first
    assert len(versions) < 10


@pytest.mark.parametrize("columns", [("id", "text"), ("id", 'te"xt')])
def test_old_values_tell_which_columns_changed_from_what_is_not_logged(columns: tuple[str, str]) -> None:
    version = TableVersion("d", "t", columns)
    kind = version.old_row((1,))
    old = kind(7, UNSET)
    assert type(old) is kind is version.old_row((1,)) is not version.row
    assert (type(old).__unknown__, type(old).__table__, old.f0, old.f1) == ((1,), version, 7, UNSET)
    assert msgspec.json.encode(old) == msgspec.json.encode(version.row(7, UNSET)) == b'{"id":7}'
    assert not hasattr(version.row, "__unknown__")
    missing = version.old_row((1,), (0,))
    assert (missing.__missing__, kind.__missing__) == ((0,), ())
    assert missing is version.old_row((1,), (0,)) is not kind


def test_classes_of_old_values_are_bounded() -> None:
    version = TableVersion("d", "t", ("id", "text"))
    kinds = {id(version.old_row((number,))) for number in range(100)}
    assert len(kinds) > 1
    assert len(version._old_rows) <= 32
