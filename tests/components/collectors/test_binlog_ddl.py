"""Which statements become schema changes, and what these say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.components.collectors.reading import everything
from wlf.binlog import Statement
from wlf.binlog.ddl import Catalogue, Dialect, apply
from wlf.binlog.statements import classify
from wlf.components.collectors._binlog.ddl import schema_changes
from wlf.components.collectors._binlog.options import OutputOptions
from wlf.events import SchemaChange


def changes(sql: str, catalogue: Catalogue | None = None, wants: Any = everything) -> list[SchemaChange]:
    kind, objects = classify(sql, "d")
    statement = Statement("d", sql, kind, objects, None, 1, 1, "binlog.000001", 100)
    effects = apply(catalogue if catalogue is not None else Catalogue(), sql, "d", Dialect())
    return schema_changes(statement, effects, wants, OutputOptions())


def change(sql: str) -> SchemaChange | None:
    return next(iter(changes(sql)), None)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE USER 'a'@'%' IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$...'",
        "  /* from an application */ alter user a identified by 'x'",
        "GRANT ALL ON *.* TO 'a'@'%'",
        "SET PASSWORD FOR a = 'x'",
        "CREATE OR REPLACE ROLE r",
        "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (PASSWORD 'x')",
        "SET STATEMENT max_statement_time=1 FOR CREATE USER a IDENTIFIED BY 'x'",
        "DROP USER a",
    ],
)
def test_statements_about_accounts_reach_no_sink(sql: str) -> None:
    assert change(sql) is None


@pytest.mark.parametrize("sql", ["CREATE INDEX i ON t (a)", "CREATE VIEW user_grants AS SELECT 1", "DROP VIEW v"])
def test_other_definitions_are_schema_changes(sql: str) -> None:
    assert change(sql) is not None


def test_a_table_may_have_a_column_of_that_name() -> None:
    assert change("CREATE TABLE t (identified INT)") is not None


def known(*statements: str) -> Catalogue:
    catalogue = Catalogue()
    for sql in ("CREATE DATABASE d CHARACTER SET utf8mb4", *statements):
        apply(catalogue, sql, "d", Dialect())
    catalogue.complete = True
    return catalogue


def as_json(event: SchemaChange) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event))
    return found


def test_definition_has_the_form_of_maxwell() -> None:
    sql = """CREATE TABLE e (id INTEGER NOT NULL, m DOUBLE, c TIMESTAMP(6) NULL, comment VARCHAR(255) CHARSET latin1,
             n BIGINT UNSIGNED, s ENUM('a', 'b'), t TIME, b BLOB, PRIMARY KEY (ID))"""
    (event,) = changes(sql, known())
    assert as_json(event)["def"] == {
        "database": "d",
        "charset": "utf8mb4",
        "table": "e",
        "columns": [
            {"type": "int", "name": "id", "signed": True},
            {"type": "double", "name": "m"},
            {"type": "timestamp", "name": "c", "column-length": 6},
            {"type": "varchar", "name": "comment", "charset": "latin1"},
            {"type": "bigint", "name": "n", "signed": False},
            {"type": "enum", "name": "s", "enum-values": ["a", "b"]},
            {"type": "time", "name": "t"},
            {"type": "blob", "name": "b"},
        ],
        "primary-key": ["id"],
    }
    assert "old" not in as_json(event)


def columns(definition: Any) -> list[str]:
    return [column.name for column in definition.columns]


def test_alter_has_the_columns_before_and_after() -> None:
    (event,) = changes("ALTER TABLE t ADD c INT FIRST, DROP a", known("CREATE TABLE t (a INT, b INT)"))
    assert (event.type, event.table) == ("table-alter", "t")
    assert (columns(event.old), columns(event.definition)) == (["a", "b"], ["c", "b"])


def test_each_table_of_a_statement_has_an_event_of_its_own() -> None:
    catalogue = known("CREATE TABLE a (x INT)", "CREATE TABLE b (y INT)")
    swapped = changes("RENAME TABLE a TO tmp, b TO a, tmp TO b", catalogue)
    assert [(e.type, e.table, e.old.table, e.definition.table) for e in swapped] == [  # type: ignore[union-attr]
        ("table-rename", "a", "a", "tmp"),
        ("table-rename", "b", "b", "a"),
        ("table-rename", "tmp", "tmp", "b"),
    ]
    assert len({event.sql for event in swapped}) == 1
    dropped = changes("DROP TABLE a, b", catalogue)
    assert [(e.type, e.table, columns(e.old)) for e in dropped] == [
        ("table-drop", "a", ["y"]),
        ("table-drop", "b", ["x"]),
    ]


def test_of_several_tables_only_the_wanted_ones_have_an_event() -> None:
    catalogue = known("CREATE TABLE a (x INT)", "CREATE TABLE b (y INT)")
    assert [e.table for e in changes("DROP TABLE a, b", catalogue, lambda _, table: table == "b")] == ["b"]


def test_a_rename_into_what_is_wanted_has_an_event() -> None:
    (event,) = changes("RENAME TABLE _new TO t", known("CREATE TABLE _new (x INT)"), lambda _, table: table == "t")
    assert (event.table, event.definition.table) == ("_new", "t")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE IF NOT EXISTS t (other INT)",
        "CREATE TABLE IF NOT EXISTS t LIKE u",
        "DROP TABLE IF EXISTS nothing",
        "CREATE DATABASE IF NOT EXISTS d",
        "CREATE TEMPORARY TABLE t (a INT)",
        "DROP TEMPORARY TABLE t",
    ],
)
def test_a_definition_that_changes_nothing_is_no_event(sql: str) -> None:
    catalogue = known("CREATE TABLE t (a INT)", "CREATE TABLE u (b INT)")
    before = dict(catalogue.tables)
    assert changes(sql, catalogue) == []
    assert catalogue.tables == before


def test_create_like_has_the_whole_definition() -> None:
    (event,) = changes("CREATE TABLE u LIKE t", known("CREATE TABLE t (a INT PRIMARY KEY, b TEXT)"))
    assert (columns(event.definition), event.definition.primary_key) == (["a", "b"], ("a",))  # type: ignore[union-attr]


def test_columns_that_are_not_sure_are_not_told() -> None:
    (event,) = changes("ALTER TABLE t ADD b INT", known("CREATE TABLE t AS SELECT 1"))
    assert (event.old, event.definition) == (msgspec.UNSET, msgspec.UNSET)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("CREATE DATABASE x", "database-create"),
        ("ALTER DATABASE d CHARACTER SET latin1", "database-alter"),
        ("DROP DATABASE d", "database-drop"),
        ("TRUNCATE t", "table-truncate"),
        ("CREATE INDEX i ON t (a)", "table-alter"),
        ("CREATE VIEW v AS SELECT 1", "ddl"),
    ],
)
def test_kinds_of_changes(sql: str, kind: str) -> None:
    (event,) = changes(sql, known("CREATE TABLE t (a INT)"))
    assert event.type == kind


def test_bytes_of_no_character_set_do_not_stop_an_encoder() -> None:
    (event,) = changes("CREATE TABLE t (`a\udcff` INT COMMENT '\udcfe')", known())
    assert as_json(event)["def"]["columns"][0]["name"] == "a?"
