"""BinlogFilter: last match wins, no match includes, database rules carry DDL, table rules only their own."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.components.fakes import make_context
from wlf.components.transformers import binlog_filter
from wlf.components.transformers.binlog_filter import BinlogFilter, BinlogFilterConfig
from wlf.events import RowChange, RowDelete, RowInsert, SchemaChange

SEED_RULES = [{"exclude": {"database": "d1"}}, {"include": {"database": "d1", "table": "t1"}}]


def configure(rules):
    return msgspec.convert({"id": "f", "destination": "x", "rules": rules}, BinlogFilterConfig)


def make(rules):
    return BinlogFilter(configure(rules), make_context())


def row(database, table):
    return RowInsert(database, table, "insert", 1)


def passes(rules, database, table):
    return BinlogFilter.wants(configure(rules), database, table)


def test_the_original_rules_keep_one_table_of_the_database_and_all_other_databases():
    kept = [row("d1", "t1"), row("d2", "t1"), row("d2", "t2")]
    events = [row("d1", "t2"), *kept, row("d1", "t3")]
    assert make(SEED_RULES).transform(events) == kept


def test_filter_last_match_wins():
    first_in = [{"include": {"database": "d", "table": "t"}}, {"exclude": {"database": "d"}}]
    assert not passes(first_in, "d", "t")
    assert passes(first_in[::-1], "d", "t")


@pytest.mark.parametrize(
    "rules", [[], [{"exclude": {"database": "other"}}], [{"exclude": {"database": "d", "table": "u"}}]]
)
def test_no_match_means_include(rules):
    assert passes(rules, "d", "t")


def test_no_table_and_a_star_mean_the_whole_database():
    assert configure([{"exclude": {"database": "d"}}]) == configure([{"exclude": {"database": "d", "table": "*"}}])
    assert not passes([{"exclude": {"database": "d", "table": "*"}}], "d", "t")


def test_database_star_still_looks_at_the_table():
    rules = [{"exclude": {"database": "*"}}, {"include": {"database": "*", "table": "t"}}]
    assert passes(rules, "any", "t")
    assert not passes(rules, "any", "u")


def test_names_are_compared_exactly():
    assert passes([{"exclude": {"database": "Orders"}}], "orders", "t")
    assert not passes([{"exclude": {"database": "表", "table": 'a"b'}}], "表", 'a"b')


def test_ddl_of_the_database_follows_database_rules_and_ddl_of_a_table_its_own():
    of_database = SchemaChange("d", "database-drop", 1, "drop database d")
    of_t = SchemaChange("d", "table-alter", 1, "alter table t", table="t")
    of_u = SchemaChange("d", "table-alter", 1, "alter table u", table="u")
    everything = [of_database, of_t, of_u]
    assert make([{"exclude": {"database": "d"}}]).transform(everything) == []
    assert make([{"exclude": {"database": "d", "table": "t"}}]).transform(everything) == [of_database, of_u]
    only_t = [{"exclude": {"database": "d"}}, {"include": {"database": "d", "table": "t"}}]
    assert make(only_t).transform(everything) == [of_t]


def test_the_same_sequence_comes_back_when_nothing_is_dropped():
    events = (row("d2", "t"), RowDelete("d3", "t", "delete", 1))
    assert make(SEED_RULES).transform(events) is events


def test_events_are_handed_on_by_identity_and_in_order():
    events = [row("d2", "t"), row("d1", "t9"), row("d1", "t1")]
    kept = make(SEED_RULES).transform(events)
    assert [id(event) for event in kept] == [id(events[0]), id(events[2])]


def test_an_empty_list_is_handed_back():
    events = []
    assert make(SEED_RULES).transform(events) is events


def test_decisions_are_remembered_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(binlog_filter, "_CACHE_LIMIT", 8)
    step = make([{"exclude": {"database": "d", "table": "t5"}}])
    events = [row("d", f"t{n}") for n in range(100)]
    assert step.transform(events) == [event for event in events if event.table != "t5"]
    assert len(step._decided) <= 8


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{}], r"expected one of `include` and `exclude` in a rule, got neither - at `\$.rules\[0\]`"),
        ([{"include": {"database": "d"}, "exclude": {"database": "e"}}], "got both"),
        ([{"include": None}], "got neither"),
        ([{"include": {"table": "t"}}], r"missing required field `database` - at `\$.rules\[0\].include`"),
        ([{"include": {"database": "d", "tabel": "t"}}], "unknown field `tabel`"),
        ([{"includes": {"database": "d"}}], "unknown field `includes`"),
        ([{"include": {"database": ""}}], "length >= 1"),
    ],
)
def test_a_rule_is_exactly_one_pattern(rules, message):
    with pytest.raises(msgspec.ValidationError, match=message):
        configure(rules)


NAMES = st.sampled_from(["a", "b", "*"])
RULES = st.lists(
    st.builds(
        lambda kind, database, table: {kind: {"database": database, "table": table}},
        st.sampled_from(["include", "exclude"]),
        NAMES,
        NAMES,
    )
)


@given(RULES, st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"))))
def test_push_down_and_filter_agree_with_the_rules_read_in_order(rules, tables):
    def told(database, table):
        verdict = True
        for rule in rules:
            ((kind, pattern),) = rule.items()
            if pattern["database"] in ("*", database) and pattern["table"] in ("*", table):
                verdict = kind == "include"
        return verdict

    events = [row(*names) for names in tables]
    expected = [event for event in events if told(event.database, event.table)]
    assert list(make(rules).transform(events)) == expected
    assert [event for event in events if passes(rules, event.database, event.table)] == expected


def test_only_row_and_schema_changes_are_accepted():
    assert BinlogFilter.accepts == {RowChange, SchemaChange}
