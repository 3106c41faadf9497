"""What users of other tools suffered from statements and definitions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.components.collectors.reading import Reading, columns
from tests.servers.fixtures import Make
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL

pytestmark = pytest.mark.servers


def test_each_row_of_a_statement_has_its_text(make_mysql: Make[MySQL], mariadb: MariaDB) -> None:
    """Maxwell 1973, 1974: the text was forgotten before all rows of a statement of many rows had come."""
    mysql = make_mysql(options={"binlog-rows-query-log-events": "ON"})
    for server in (mysql, mariadb):
        server.execute(
            "DROP DATABASE IF EXISTS texts",
            "CREATE DATABASE texts",
            "USE texts",
            *("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)", "CREATE TABLE u (id INT PRIMARY KEY, v INT)"),
            "CREATE TABLE log (id INT)",
            "CREATE TRIGGER g AFTER UPDATE ON t FOR EACH ROW INSERT INTO log VALUES (NEW.id)",
        )
        # Rows events are cut at 8 KiB: the first statement makes several, the last ones of two tables.
        values = ", ".join(f"({n}, REPEAT('x', 1000))" for n in range(50))
        statements = [
            f"INSERT INTO t VALUES {values}",
            "INSERT INTO u SELECT id, 1 FROM t",
            "UPDATE t JOIN u USING (id) SET t.v = 'y', u.v = 2",
            "DELETE t, u FROM t JOIN u USING (id)",
        ]

        async def run(server: Any = server, statements: list[str] = statements) -> list[Any]:
            tables = {"include": ["texts.*"]}
            async with Reading.of(server, start="latest", tables=tables, output={"query": True}) as reading:
                server.execute("USE texts", "BEGIN", *statements, "COMMIT")
                return await reading.to_end_of(server)

        events = asyncio.run(run())
        for statement, count in zip(statements, (50, 50, 150, 100), strict=True):
            rows = [event for event in events if event.query == statement]
            assert len(rows) == count, statement
            assert len({(event.table, columns(event.data)["id"]) for event in rows}) == count
        assert len(events) == 350
        assert len({event.place.offset for event in events[:50]}) > 3
