"""Filter: what is true goes on, in order and by identity; tables that cannot pass are not decoded."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from tests.components.rows import delete, insert, update
from tests.components.transformers.expressions import ROWS, make, problems
from wlf.components.transformers.filter import Filter, FilterConfig
from wlf.events import LogLine, RowInsert, RowUpdate, SchemaChange
from wlf.events.expressions import Expression
from wlf.events.log import ContainerLine, FileLine, Pod, PodLine


def test_what_is_true_goes_on_in_order_and_by_identity() -> None:
    events = [insert("t1", id=n) for n in range(5)]
    kept = make(Filter, where="data.id % 2 == 0").transform(events)
    assert [id(event) for event in kept] == [id(events[n]) for n in (0, 2, 4)]


def test_the_same_sequence_comes_back_where_all_pass() -> None:
    events = (insert(id=1), delete(id=2))
    assert make(Filter, where='database == "d1"').transform(events) is events


def test_null_is_not_true_and_neither_is_its_comparison() -> None:
    events = [insert(id=1, n=None), insert(id=2, n=5), insert(id=3)]
    assert make(Filter, where="data.n > 1").transform(events) == [events[1]]
    assert make(Filter, where="data.n").transform(events) == []
    assert make(Filter, where="data.n == null").transform(events) == [events[0], events[2]]
    assert make(Filter, where="exists(data.n)").transform(events) == events[:2]


def test_a_field_of_some_of_the_event_types_is_null_in_the_others() -> None:
    events = [insert(id=1), update(old={"id": 0}, id=1), delete(id=1)]
    assert make(Filter, where="old.id == 0").transform(events) == [events[1]]


def test_rows_of_tables_that_cannot_pass_are_not_wanted() -> None:
    def wants(where: str, database: str, table: str) -> bool:
        return Filter.wants(FilterConfig(id="f", destination="x", where=Expression(where)), database, table)

    assert not wants('database == "shop" and data.amount > 5', "other", "orders")
    assert wants('database == "shop" and data.amount > 5', "shop", "orders")
    assert not wants('not startswith(table, "t")', "d", "tmp")
    assert wants("data.amount > 5", "d", "t")
    assert not wants('table in ["a", "b"] or f"{database}.{table}" == "d.c"', "d", "d")
    assert wants("now() > 5", "d", "t")


def test_commit_goes_to_the_last_row_that_is_left_of_a_transaction() -> None:
    rows = [RowInsert("d", "t", "insert", 1, xid=7, commit=True if n == 2 else UNSET, data={"n": n}) for n in range(3)]
    kept = make(Filter, where="data.n < 2").transform(rows)
    assert [(row.data["n"], row.commit) for row in kept] == [(0, UNSET), (1, True)]


def test_lines_are_filtered_by_what_is_known_of_their_container() -> None:
    pod = Pod("shop", "api-1", "u", "api", 0, labels={"app": "api"})
    events = [PodLine("k", 1.0, "a", kubernetes=pod), PodLine("k", 1.0, "b")]
    where = 'kubernetes.namespace == "shop" and kubernetes.labels["app"] == "api"'
    assert make(Filter, frozenset((PodLine,)), where=where).transform(events) == events[:1]
    mixed = [*events, FileLine("f", 1.0, "c", file="/a"), ContainerLine("d", 1.0, "x")]
    lines = frozenset((PodLine, FileLine, ContainerLine))
    assert make(Filter, lines, where='file == "/a" or stream == "stderr"').transform(mixed) == [mixed[2]]


@pytest.mark.parametrize(
    ("where", "fault", "at"),
    [
        ("tabel == 'x'", "field", 0),
        ("database == 5", "type", 0),
        ("database", "type", 0),
        ("1 < 2 and ts < 'x'", "type", 10),
        ("old.id == 1 and message == 'x'", "field", 16),
        ("length(ts) > 1", "type", 7),
        ("database == null", "type", 0),
        ("ts in 'abc'", "type", 0),
        ("ts in ['a']", "type", 7),
        ("contains(table, 'a', 'b')", "type", 0),
        ("in_cidr(data.ip, '10.0.0.0/99')", "type", 17),
        ("matches(table, table)", "type", 15),
        ("exists(1)", "type", 7),
        ("ts.x == 1", "type", 0),
        ("table[0] == 'a'", "type", 0),
        ("'a' + 1 == null", "type", 0),
    ],
)
def test_what_can_never_make_sense_is_a_problem_at_its_place(where: str, fault: str, at: int) -> None:
    assert [(p.option, p.fault, p.at) for p in problems(Filter, where=where)] == [("where", fault, at)]


def test_where_the_event_types_are_not_known_every_name_may_be_a_field() -> None:
    assert not problems(Filter, frozenset(), where="anything.at.all == 5")
    events = [LogLine("s", 1.0, "x"), insert(id=1), SchemaChange("d", "ddl", 1, "sql")]
    assert make(Filter, frozenset(), where='message == "x" or data.id == 1').transform(events) == events[:2]


def test_every_error_of_an_expression_is_reported_at_once() -> None:
    assert len(problems(Filter, where='tabel == "x" or databas == "y" or ts == "z"')) == 3


def test_what_the_user_wrote_never_reaches_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    from wlf.events.expressions import codegen

    sources = []
    compiled = codegen.compiled
    monkeypatch.setattr(codegen, "compiled", lambda lines, scope: sources.extend(lines) or compiled(lines, scope))
    where = """table == "__import__('os')" and data["evil'x"].worse == 'x' and matches(table, "evil")"""
    where += """ and f"evil{ts}" in ["evil"] and exists(data.evil)"""
    make(Filter, ROWS | {RowUpdate}, where=where).transform([insert(id=1)])
    assert sources
    assert not any(word in line for line in sources for word in ("evil", "import", "worse", "'", '"'))
