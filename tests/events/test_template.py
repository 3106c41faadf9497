"""Templates: JSON pointers into events, compiled once."""

from __future__ import annotations

import msgspec
import pytest

from wlf.events import LogLine, RowInsert, SchemaChange
from wlf.events.template import MissingField, Template


class Row(msgspec.Struct, frozen=True, gc=False):
    f0: object = msgspec.UNSET
    f1: object = msgspec.UNSET


Row.__columns__ = {"id": 0, "a/b": 1}  # type: ignore[attr-defined]


def insert(database: str = "shop", table: str = "orders", **fields: object) -> RowInsert:
    return RowInsert(database, table, "insert", 1, **fields)  # type: ignore[arg-type]


def test_pointers_are_replaced_by_the_events_fields() -> None:
    assert Template("logFlex.%{/database}.%{/table}").render(insert()) == "logFlex.shop.orders"


def test_text_without_pointer_stays_as_it_is() -> None:
    template = Template("wlf %d {x} 100%")
    assert template.render(insert()) == template.constant == "wlf %d {x} 100%"


def test_cached_texts_do_not_mix_up_tables() -> None:
    template = Template("%{/table}")
    assert [template.render(insert(table=name)) for name in ("a", "b", "a")] == ["a", "b", "a"]


def test_one_pointer_used_twice_is_still_one_field() -> None:
    assert Template("%{/table}-%{/table}").render(insert()) == "orders-orders"


def test_pointer_reaches_into_the_row_by_column_name() -> None:
    event = insert(data=Row(7, "x"))
    assert Template("%{/data/id}").render(event) == "7"
    assert Template("%{/data/a~1b}").render(event) == "x"


def test_pointer_reaches_into_maps_and_lists() -> None:
    event = LogLine("files", 1.0, "hello", attributes={"labels": {"app": "web"}, "tags": ["x", "y"]})
    assert Template("%{/attributes/labels/app}-%{/attributes/tags/1}").render(event) == "web-y"


@pytest.mark.parametrize("text", ["%{/data/none}", "%{/data/id/deeper}", "%{/gtid}", "%{/xid}"])
def test_absent_field_is_missing_and_named(text: str) -> None:
    with pytest.raises(MissingField, match="no value at /"):
        Template(text).render(insert(data=Row(7)))


def test_null_is_missing_too() -> None:
    with pytest.raises(MissingField):
        Template("%{/data/id}").render(insert(data=Row(None)))


def test_event_without_the_field_is_missing_even_on_the_cached_way() -> None:
    with pytest.raises(MissingField, match="no value at /database in LogLine"):
        Template("%{/database}").render(LogLine("files", 1.0, "hello"))


@pytest.mark.parametrize("text", ["a.%{/b", "%{database}", "%{}", "%{/}"])
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Template(text)


def test_unknown_pointers_are_those_no_kind_has() -> None:
    template = Template("%{/database}.%{/tabel}.%{/data/x}")
    assert [p.text for p in template.unknown_pointers([RowInsert])] == ["/tabel"]
    assert [p.text for p in Template("%{/sql}").unknown_pointers([RowInsert, SchemaChange])] == []


def test_booleans_read_as_json_does() -> None:
    assert Template("%{/commit}").render(insert(commit=True)) == "true"


def test_literal_prefix_is_what_stands_before_the_first_pointer() -> None:
    assert Template("wlf-%{/table}").literal_prefix == "wlf-"
    assert Template("%{/table}-wlf").literal_prefix == ""
