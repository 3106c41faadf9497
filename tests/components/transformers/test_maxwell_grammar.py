"""BinlogFilter's `filter`: Maxwell's grammar, its rule order, column rules; only FilterError comes out of any text."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.components import rows
from tests.components.fakes import make_context
from wlf.components.transformers._binlog_filter.grammar import FilterError, Kind, parse
from wlf.components.transformers._binlog_filter.regex import RegexError, compile_java
from wlf.components.transformers.binlog_filter import BinlogFilter, BinlogFilterConfig
from wlf.events import Event, RowChange, RowInsert, SchemaChange
from wlf.events.rows import Place, put_place, row_index


def config(text: str, **options: Any) -> BinlogFilterConfig:
    return msgspec.convert({"id": "f", "destination": "x", "filter": text, **options}, BinlogFilterConfig)


def wants(text: str, database: str, table: str) -> bool:
    return BinlogFilter.wants(config(text), database, table)


def row(database: str = "foo", table: str = "bar", **data: Any) -> RowInsert:
    return rows.insert(table, database=database, primary_key=(), **data)


def passes(text: str, event: Event) -> bool:
    return bool(BinlogFilter(config(text), make_context()).transform([event]))


def patterns(text: str) -> tuple[Kind, str, str]:
    (rule,) = parse(text)
    return rule.kind, rule.database.text, rule.table.text


# What Maxwell's own tests of its filter hold.


def test_a_regex_stays_and_a_word_is_a_whole_name() -> None:
    assert patterns("include:/foo.*/.bar") == (Kind.INCLUDE, "foo.*", "^bar$")


def test_a_blacklist_of_a_database() -> None:
    assert patterns("blacklist:foo.*") == (Kind.BLACKLIST, "^foo$", "")


@pytest.mark.parametrize("quoted", ["`foo`", "'foo'", '"foo"'])
def test_quotes_of_all_three_kinds(quoted: str) -> None:
    assert patterns(f"include:{quoted}.*") == (Kind.INCLUDE, "^foo$", "")


@pytest.mark.parametrize("names", ["1foo.bar", "_foo._bar", "日本.表"])
def test_odd_names_are_words(names: str) -> None:
    database, table = names.split(".")
    assert patterns(f"include: {names}") == (Kind.INCLUDE, f"^{database}$", f"^{table}$")


def test_an_escaped_slash_does_not_end_a_regex() -> None:
    assert patterns(r"include: /\w+ \/[a-z]*1/.*") == (Kind.INCLUDE, r"\w+ \/[a-z]*1", "")
    assert wants(r"exclude: *.*, include: /^a\/b$/.*", "a/b", "t")


def test_a_column_rule_has_a_column_and_a_value() -> None:
    (rule,) = parse("include: 1foo.bar.column=foo")
    assert rule.column is not None
    assert (rule.column.column, rule.column.value.text) == ("column", "^foo$")


def test_exclude_all_and_include_one() -> None:
    text = "exclude: *.*, include: foo.bar"
    assert wants(text, "foo", "bar")
    assert not wants(text, "anything", "else")


def test_a_blacklisted_database_and_its_tables_are_out() -> None:
    text = "blacklist: seria.*"
    assert wants(text, "foo", "bar")
    assert not wants(text, "seria", "var")
    assert not passes(text, SchemaChange("seria", "database-drop", 1, "drop database seria"))
    assert not passes(text, SchemaChange("seria", "table-drop", 1, "drop table anything", table="anything"))


COLUMN = "exclude: *.*, include: foo.bar.col=val"


def test_an_include_with_a_column_does_not_let_all_rows_of_the_table_through() -> None:
    assert not passes(COLUMN, row(col="other"))
    assert not passes(COLUMN, SchemaChange("foo", "table-alter", 1, "alter table bar", table="bar"))


def test_an_include_with_a_column_lets_the_matching_row_through() -> None:
    assert passes(COLUMN, row(col="val"))
    assert wants(COLUMN, "foo", "bar")


def test_a_column_rule_of_another_table_says_nothing() -> None:
    text = "exclude: *.*, include: no.go.col=val"
    assert not wants(text, "foo", "bar")
    assert not passes(text, row(col="val"))


def test_null_is_null_and_the_text_null_and_not_an_absent_column() -> None:
    text = "exclude: *.*, include: foo.bar.col=null"
    assert passes(text, row(col=None))
    assert passes(text, row(col="null"))
    assert passes(text, row(col="NULL"))
    assert not passes(text, row(col="nulls"))
    assert not passes(text, row(other=1))
    assert not passes(text, row(col=msgspec.UNSET))


def test_an_unknown_keyword_is_an_error_with_its_place() -> None:
    with pytest.raises(FilterError, match=r"^filter: at character 15: expected include, exclude or .*, got 'bl'$"):
        parse("exclude: *.*, bl: seria.*")


def test_an_empty_text_has_no_rules() -> None:
    assert parse("") == parse(" \n\t ") == ()
    assert wants("", "any", "table")


# What else section by section of its documentation says.


def test_the_last_match_wins() -> None:
    assert not wants("include: foo.bar, exclude: foo.*", "foo", "bar")
    assert wants("exclude: foo.*, include: foo.bar", "foo", "bar")


def test_the_documented_examples() -> None:
    text = r"exclude: foodb.*, include: foodb.tbl, include: foodb./table_\d+/"
    assert [wants(text, "foodb", table) for table in ("tbl", "table_7", "tbl2", "x")] == [True, True, False, False]
    assert wants(text, "other", "x")
    assert wants("exclude: *.*, include: db1.*", "db1", "t")
    assert not passes("exclude: db.tbl.col = reject", row("db", "tbl", col="reject"))
    assert passes("exclude: db.tbl.col = reject", row("db", "tbl", col="keep"))
    assert not passes("exclude: *.*.col_a = *", row(col_a=None))
    assert passes("exclude: *.*.col_a = *", row(b=1))


def test_a_later_rule_about_rows_overrides_and_an_earlier_one_is_overridden() -> None:
    text = "exclude: foo.bar.col = 1, include: foo.*, exclude: foo.bar.col = 2"
    assert [passes(text, row(col=n)) for n in (1, 2, 3)] == [True, False, True]


def test_rows_that_need_not_be_looked_at_are_decided_by_table() -> None:
    assert config("exclude: a.b.c = 1, include: a.*").verdict("a", "b").tests == ()
    assert config("exclude: a.*, exclude: a.b.c = 1").verdict("a", "b") == (False, ())
    assert not wants("exclude: a.*, exclude: a.b.c = 1", "a", "b")
    assert wants("exclude: a.b.c = 1", "a", "b")


def test_a_blacklist_is_not_lifted_by_a_later_include() -> None:
    assert not wants("blacklist: foo.bar, include: foo.bar", "foo", "bar")
    assert wants("blacklist: foo.bar, include: foo.bar", "foo", "bar2")


def test_ddl_of_a_database_follows_the_last_rule_with_that_database() -> None:
    of_database = SchemaChange("foo", "database-alter", 1, "alter database foo")
    assert passes("exclude: *.*, include: foo.bar", of_database)
    assert not passes("exclude: foo.bar", of_database)
    assert passes("blacklist: foo.bar, include: foo.*", of_database)


def test_a_comma_inside_a_quantifier_does_not_split_the_list() -> None:
    text = "exclude: *.*, include: foo./^a{1,3}$/, include: foo.b"
    assert [wants(text, "foo", table) for table in ("a", "aaa", "aaaa", "b")] == [True, True, False, True]


def test_commas_and_blanks_between_rules_are_free() -> None:
    assert len(parse("EXCLUDE : * . * include:`a`.'b'\n Blacklist: c . d ,")) == 3


def test_a_regex_may_match_anywhere_and_a_word_must_match_the_whole() -> None:
    assert wants("exclude: *.*, include: foo./ar/", "foo", "bars")
    assert not wants("exclude: *.*, include: foo.ar", "foo", "bars")


def test_a_quoted_name_is_a_regular_expression_as_in_maxwell() -> None:
    assert wants("exclude: *.*, include: 'a.b'.*", "axb", "t")
    assert not wants(r"exclude: *.*, include: 'a\\.b'.*", "axb", "t")
    assert wants(r"exclude: *.*, include: 'a\\.b'.*", "a.b", "t")


@pytest.mark.parametrize(
    ("value", "column"), [("5", 5), ("/^1\\.50$/", 1.5), ("'1.50'", "1.50"), ("/b/", ("a", "b")), ("AP8", b"\0\xff")]
)
def test_values_are_compared_as_texts(value: str, column: Any) -> None:
    matched = passes(f"exclude: *.*, include: foo.bar.col = {value}", row(col=column))
    assert matched is (column not in (1.5, b"\0\xff"))


def test_updates_are_judged_by_the_row_after_and_deletes_by_the_row_before() -> None:
    step = BinlogFilter(config("exclude: d1.*.state = 9"), make_context())
    away = rows.update(id=1, state=9, old={"state": 1})
    back = rows.update(id=1, state=1, old={"state": 9})
    assert step.transform([away, back, rows.delete(id=1, state=9)]) == [back]


def _transaction(*states: int, xid: int = 7) -> list[RowInsert]:
    """Rows of one transaction as the collector makes them."""
    made = [
        msgspec.structs.replace(
            row(state=state),
            xid=xid,
            xoffset=index if index + 1 < len(states) else msgspec.UNSET,
            commit=True if index + 1 == len(states) else msgspec.UNSET,
        )
        for index, state in enumerate(states)
    ]
    put_place(made, Place("s", "f", 4, 1, None, 0, len(states)))
    return made


def test_the_last_row_that_is_left_of_a_transaction_commits_it() -> None:
    step = BinlogFilter(config("exclude: foo.*.state = 9"), make_context())
    events = [*_transaction(1, 2, 9, 9), *_transaction(9, 9), *_transaction(9, 3), *_transaction(4, 9)]
    kept: Any = step.transform(events)
    assert [(event.data.f0, event.commit) for event in kept] == [
        (1, msgspec.UNSET),
        (2, True),
        (3, True),
        (4, True),
    ]
    assert [row_index(event) for event in kept] == [0, 1, 1, 0], "its number in its rows event stays"
    assert kept[0] is events[0]


def test_a_transaction_that_ended_before_is_not_committed_again() -> None:
    step = BinlogFilter(config("exclude: foo.*.state = 9"), make_context())
    whole, gone = _transaction(1), _transaction(9)
    ddl = SchemaChange("foo", "table-alter", 1, "alter", table="bar")
    events = [*whole, *gone, ddl, *gone]
    assert list(step.transform(events)) == [*whole, ddl]


def test_rows_without_columns_are_judged_by_their_table() -> None:
    event = RowInsert("foo", "bar", "insert", 1)
    assert passes("exclude: foo.bar.col = 1", event)
    assert not passes("exclude: foo.bar.col = 1", RowInsert("foo", "bar", "insert", 1, data={"col": 1}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("include foo.bar", r"at character 9: expected ':' .* got 'f'"),
        ("include: foo", r"at character 13: expected '\.' .* got the end"),
        ("include: foo.", r"at character 14: expected a table .* got the end"),
        ("include: .bar", r"at character 10: expected a database .* got '\.'"),
        ("include: foo-bar.*", r"at character 13: .* got '-': quote the name"),
        ("include: $foo.*", r"at character 10: .* got '\$': a name with it needs quotes"),
        ("include: a.b.c", r"at character 15: expected '=' .* got the end"),
        ("include: a.b.`c` = 1", r"at character 14: expected the name of a column \(letters"),
        ("include: /abc", r"at character 10: expected '/' at the end of a regular expression"),
        ("include: 'abc", r"at character 10: expected ' at the end of a quoted name"),
        ("include: /a(/.*", r"at character 10: a database is no regular expression: missing \)"),
        ("include: a.'b['", r"at character 12: a table is no regular expression: unterminated"),
        ("include: a./x{99999999999}/", r"no regular expression: the repetition number is too large"),
        ("include: a./[a-z&&[^b]]/", r"'&&' inside '\[\.\.\.\]' is an intersection in Java"),
        ("include: a./[a[b]]/", r"is a union in Java"),
        (r"include: a./\p{IsGreek}/", r"is known here only as \\p\{Lower\|"),
    ],
)
def test_a_mistake_is_an_error_with_its_place(text: str, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        parse(text)
    with pytest.raises(msgspec.ValidationError, match=message):
        config(text)


@given(st.text(alphabet=st.sampled_from("icnlude:xb.*,/'\"`\\=_ -$a1[](){}&?+^\nQEpzk<>|") | st.characters()))
@example("include: /(?<n>a)\\k<n>/.*")
@example("exclude: a.b.c = " + "(" * 2_000)
@example("exclude: /" + "(" * 5_000 + "/.*")
@example("include: /(?u)a/.*")
@example("include: /a(?i)b/.*")
@example("include: '\\")
def test_nothing_but_a_filter_error_comes_out(text: str) -> None:
    for tried in (text, f"include: /{text}/.*", f"include: a.b.c='{text}'"):
        try:
            rules = parse(tried)
        except FilterError:
            continue
        for rule in rules:
            assert rule.about("a", "b") in (True, False)


NAMES = st.sampled_from(["a", "b", "*"])
RULES = st.lists(
    st.tuples(
        st.sampled_from(["include", "exclude"]), NAMES, NAMES, st.none() | st.sampled_from(["c=1", "c=*", "d=null"])
    ),
    max_size=6,
)


@given(RULES, st.sampled_from("ab"), st.sampled_from("ab"), st.sampled_from([1, 2, None, msgspec.UNSET]))
def test_push_down_and_rows_agree_with_the_two_levels_of_maxwell(
    rules: list[tuple[str, str, str, str | None]], database: str, table: str, value: Any
) -> None:
    text = ", ".join(f"{kind}: {d}.{t}" + (f".{test}" if test else "") for kind, d, t, test in rules)
    event = row(database, table, c=value, d=value)

    def told(with_columns: bool) -> bool:
        verdict = True
        for kind, d, t, test in rules:
            if d not in ("*", database) or t not in ("*", table) or (test and not with_columns):
                continue
            if test == "c=1" and value != 1:
                continue
            if test == "d=null" and value is not None:
                continue
            if test and value is msgspec.UNSET:
                continue
            verdict = kind == "include"
        return verdict

    rescued = any(k == "include" and test and d in ("*", database) and t in ("*", table) for k, d, t, test in rules)
    expected = told(True) if told(False) or rescued else False
    assert passes(text, event) is expected
    if expected:
        assert wants(text, database, table), "a row that passes must have been decoded"
    if not told(False) and not rescued:
        assert not wants(text, database, table), "rows that never pass need not be decoded"


@pytest.mark.parametrize(
    ("java", "matching", "other"),
    [
        (r"^\p{Alpha}+$", "abc", "ab1"),
        (r"^\P{Digit}$", "x", "1"),
        (r"^[\p{Upper}_]+$", "A_B", "a"),
        (r"^\Qa.b\E$", "a.b", "axb"),
        (r"^a\Q.+", "a.+", "aaa"),
        (r"^(?<x>a)\k<x>$", "aa", "ab"),
        (r"a\z", "a", "ab"),
        (r"^\h$", " ", "x"),
        (r"^\w$", "w", "é"),
        (r"^a++b$", "aab", "b"),
        (r"^(?>a+)b$", "aab", "a"),
        (r"^[]a]$", "]", "b"),
        (r"^[^]]$", "b", "]"),
        (r"^[&|~-]$", "&", "x"),
        (r"^\x41A\0101$".replace(r"\0101", r"\101"), "AAA", "AAB"),
    ],
)
def test_regular_expressions_mean_what_they_mean_in_java(java: str, matching: str, other: str) -> None:
    assert compile_java(java).search(matching)
    assert not compile_java(java).search(other)


@pytest.mark.parametrize("java", [r"\G", r"\X", r"\x{41}", r"[\P{Alpha}]", r"\p", "a{2,1}", "*", r"\k<a"])
def test_a_regular_expression_that_cannot_be_had_is_refused(java: str) -> None:
    with pytest.raises(RegexError):
        compile_java(java)


def test_rules_and_filter_exclude_each_other() -> None:
    with pytest.raises(msgspec.ValidationError, match="expected one of `rules` and `filter`, got both"):
        config("include: a.b", rules=[{"include": {"database": "a"}}])


def test_only_leaves_the_other_kind_out_and_says_so_to_the_graph() -> None:
    change, ddl = row(id=1), SchemaChange("foo", "table-alter", 1, "alter", table="bar")
    both = frozenset((RowChange, SchemaChange))
    for only, kept in (("rows", [change]), ("ddl", [ddl]), (None, [change, ddl])):
        made = config("", only=only)
        assert list(BinlogFilter(made, make_context()).transform([change, ddl])) == kept
        assert BinlogFilter.emits(made, both) == frozenset(RowChange if e is change else SchemaChange for e in kept)
        assert BinlogFilter.wants(made, "foo", "bar") is (change in kept)
