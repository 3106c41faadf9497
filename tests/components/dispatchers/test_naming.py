"""Names a sink accepts: replaced or refused, and never one name for two texts."""

from __future__ import annotations

import re

import pytest

from wlf.components.naming import Namer, NameRefused, NameRule
from wlf.events import Event, LogLine, RowInsert, SchemaChange
from wlf.events.template import Template

TOPIC = NameRule("topic", re.compile(r"[^A-Za-z0-9._-]"), max_bytes=20, reserved=frozenset((".", "..")))
INDEX = NameRule("index", re.compile(r"[^a-z0-9._-]"), lower=True, refused_start="-_")


def row(database: str, table: str) -> Event:
    return RowInsert(database=database, table=table, type="insert", ts=1)


def namer(text: str, rule: NameRule = TOPIC, **options: str) -> Namer:
    return Namer(Template(text), rule, **{"names": "replace", **options})  # type: ignore[arg-type]


def test_a_name_the_sink_takes_stays_as_it_is() -> None:
    assert namer("wlf.%{/database}.%{/table}").name(row("shop", "Orders")) == "wlf.shop.Orders"


@pytest.mark.parametrize(
    ("table", "rule", "name"),
    [
        ("my table", TOPIC, "my_table"),
        ("表", TOPIC, "_"),
        ("t" * 30, TOPIC, "t" * 20),
        ("Orders", INDEX, "orders"),
        ("_My-Table", INDEX, "my-table"),
    ],
)
def test_replace_puts_the_nearest_name_the_sink_takes(table: str, rule: NameRule, name: str) -> None:
    assert namer("%{/table}", rule).name(row("d", table)) == name


def test_reject_refuses_what_replace_would_change() -> None:
    with pytest.raises(NameRefused, match="expected a topic name, got 'my table'"):
        namer("%{/table}", names="reject").name(row("d", "my table"))


@pytest.mark.parametrize("text", [".", "..", ""])
def test_a_name_that_nothing_can_mend_is_refused(text: str) -> None:
    with pytest.raises(NameRefused, match="expected a topic name"):
        namer("%{/table}").name(row("d", text))


@pytest.mark.parametrize(("first", "second"), [("my table", "my_table"), ("my_table", "my table")])
def test_two_tables_never_share_a_replaced_name(first: str, second: str) -> None:
    topics = namer("%{/table}")
    assert topics.name(row("d", first)) == "my_table"
    for _ in range(2):
        with pytest.raises(NameRefused) as refused:
            topics.name(row("d", second))
        assert "'my table'" in str(refused.value)
        assert "'my_table'" in str(refused.value)


def test_tables_share_a_name_where_the_template_says_so() -> None:
    topics = namer("all.%{/database}")
    assert {topics.name(row("d", "a")), topics.name(row("d", "b"))} == {"all.d"}


def test_a_missing_field_refuses_the_event_or_takes_the_literal() -> None:
    ddl = SchemaChange(database="d", type="database-drop", ts=1, sql="DROP DATABASE d")
    with pytest.raises(NameRefused, match="no value at /table in SchemaChange"):
        namer("%{/database}.%{/table}").name(ddl)
    assert namer("%{/database}.%{/table}", on_missing="no table").name(ddl) == "d.no_table"
    line = LogLine(source="s", ts=1.0, message="m")
    assert namer("%{/database}-%{/source}", on_missing="none").name(line) == "none-s"


def test_a_template_without_pointers_is_one_constant_name() -> None:
    assert namer("wasm-log-flex").constant == "wasm-log-flex"
    assert namer("a topic").constant == "a_topic"
    assert namer("%{/table}").constant is None
    with pytest.raises(NameRefused):
        _ = namer("a topic", names="reject").constant


def test_memory_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wlf.components.naming.REMEMBERED", 10)
    topics = namer("%{/table}")
    assert [topics.name(row("d", f"t {n}")) for n in range(100)] == [f"t_{n}" for n in range(100)]
    assert len(topics._names) <= 10
    assert len(topics._texts) <= 10
