"""Which statements become schema changes."""

from __future__ import annotations

import pytest

from wlf.binlog import Statement
from wlf.components.collectors._binlog.ddl import schema_change
from wlf.components.collectors._binlog.options import OutputOptions


def change(sql: str, kind: str = "ddl") -> object:
    statement = Statement("d", sql, kind, (), None, 1, 1, "binlog.000001", 100)
    return schema_change(statement, lambda database, table: True, OutputOptions())


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
    assert change("CREATE TABLE t (identified INT)", "table-create") is not None
