"""Whatever text comes, the reader neither raises nor takes longer than its length."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.binlog.ddl.grammar import Grammar
from wlf.binlog.ddl import Catalogue, Dialect, apply
from wlf.binlog.ddl.tokens import tokenise

PIECES = (
    "CREATE TABLE t",
    "ALTER TABLE t",
    "DROP TABLE",
    "RENAME TABLE a TO",
    "TRUNCATE",
    "ADD COLUMN",
    "(",
    ")",
    ",",
    ";",
    "'",
    '"',
    "`",
    "``",
    "/*",
    "*/",
    "/*!50100 ",
    "/*M!",
    "-- ",
    "#",
    "\n",
    "\\",
    "a",
    "INT",
    "ENUM('a",
    "PRIMARY KEY",
    "AFTER",
    "LIKE",
    "SET STATEMENT",
    "FOR",
    ".",
    "CHARACTER SET",
    "COLLATE",
    "=",
    "IF NOT EXISTS",
    "0x",
    "é",
    "\0",
    "CREATE DATABASE",
    "CONVERT TO",
    "PARTITION",
    "1e",
    "x'4",
    "WITH SYSTEM VERSIONING",
)
DIALECTS = [Dialect(), Dialect(mariadb=True), Dialect(sql_mode=4), Dialect(sql_mode=1 << 20), Dialect(version=50_000)]


@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=25),
    st.sampled_from(DIALECTS),
    st.sampled_from(["", " "]),
)
@settings(max_examples=1_500, deadline=None)
def test_no_text_raises(pieces: list[str], dialect: Dialect, between: str) -> None:
    catalogue = Catalogue()
    apply(catalogue, "CREATE TABLE t (a INT, b ENUM('x') CHARSET latin1, PRIMARY KEY (a))", "d", dialect)
    apply(catalogue, between.join(pieces), "d", dialect)


def test_damaged_statements_do_not_raise() -> None:
    random = Random(1)
    for mariadb in (False, True):
        grammar = Grammar(random, mariadb=mariadb)
        for _ in range(300):
            catalogue = Catalogue()
            sql = grammar.create("t")
            apply(catalogue, sql, "d", Dialect(mariadb))
            cut = random.randrange(len(sql))
            apply(catalogue, sql[:cut], "d", Dialect(mariadb))
            apply(catalogue, f"ALTER TABLE t {grammar.change(['a', 'b'], [])}"[:cut], "d", Dialect(mariadb))


@pytest.mark.parametrize(
    "unit",
    [
        "(",
        ")",
        "'",
        "''",
        '"',
        "`",
        "/*",
        "/*!",
        "/*!99999 ",
        "*/",
        "a,",
        "a INT,",
        "\\'",
        "-- ",
        "#",
        "(a,",
        "1.",
        "x ",
        "=",
        "'a' ",
    ],
)
@pytest.mark.parametrize(
    "head", ["CREATE TABLE t (a INT, ", "ALTER TABLE t ADD a ENUM(", "ALTER TABLE t ", "DROP TABLE a", "SET STATEMENT "]
)
def test_time_is_linear_in_the_length(head: str, unit: str) -> None:
    def seconds(size: int) -> float:
        text = head + unit * (size // len(unit))
        begin = time.process_time()  # what else runs here does not count
        apply(Catalogue(), text, "d", Dialect())
        return time.process_time() - begin

    # 16 times the length may take 16 times as long; a square would take 256 times.
    small = max(min(seconds(4_000) for _ in range(5)), 0.0002)
    assert min(seconds(64_000) for _ in range(3)) < 64 * small


def test_a_name_in_double_quotes_needs_the_sql_mode() -> None:
    assert [token.kind for token in tokenise('"a"', Dialect())] == ["string"]
    assert [token.kind for token in tokenise('"a"', Dialect(sql_mode=4))] == ["name"]


def test_a_backslash_is_plain_where_the_sql_mode_says_so() -> None:
    assert [token.text for token in tokenise(r"'a\'b'", Dialect())] == ["a'b"]
    assert [token.text for token in tokenise(r"'a\' b", Dialect(sql_mode=1 << 20))] == ["a\\", "b"]
