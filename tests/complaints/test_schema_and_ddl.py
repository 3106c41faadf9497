"""What users of other tools suffered from statements and definitions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.complaints.pipelines import to_one_file, written
from tests.components.collectors.reading import Reading, columns
from tests.servers.fixtures import Make
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer

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


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_tables_that_changed_while_the_run_was_dead_have_their_rows(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
) -> None:
    """python-mysql-replication 118, go-mysql 856, Canal 425, 4637: wrong names, shifted values, rows lost for good."""
    metadata = {"mysql": "MINIMAL", "mariadb": "NO_LOG"}[kind]
    server: SqlServer = request.getfixturevalue(f"make_{kind}")(options={"binlog-row-metadata": metadata})
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (a INT, b VARCHAR(9))")
    run = to_one_file(tmp_path, server, heartbeat_interval_ms=200)

    def rows() -> list[tuple[str, dict[str, Any]]]:
        return [(event["table"], event["data"]) for event in written(tmp_path)]

    with run:
        server.execute("INSERT INTO d.t VALUES (1, 'one')")
        run.wait_for(lambda: len(rows()) == 1, "deliver the first row")
    server.execute(
        "USE d",
        "INSERT INTO t VALUES (2, 'two')",
        "ALTER TABLE t ADD c INT FIRST, RENAME COLUMN a TO z",
        "INSERT INTO t VALUES (30, 3, 'three')",
        "CREATE TABLE IF NOT EXISTS t (nothing INT)",
        "CREATE TABLE gone (x INT UNSIGNED, y TIME)",
        "INSERT INTO gone VALUES (4294967295, '-01:00:00')",
        "DROP TABLE gone",
        "CREATE TABLE gone (y VARCHAR(9), x INT)",
        "INSERT INTO gone VALUES ('again', -1)",
        "DROP TABLE gone",
        "ALTER TABLE t DROP z",
    )
    # Killed once more in the middle of catching up: what it knows of the tables is no newer than its place.
    run.launch()
    run.wait_for(lambda: len(rows()) > 1, "begin")
    run.kill()
    with run:
        server.execute("INSERT INTO d.t VALUES (5, 'five')")
        run.wait_for(lambda: ("t", {"c": 5, "b": "five"}) in rows(), "catch up")
        assert run.terminate() == 0
    found = rows()
    expected = [
        ("t", {"a": 1, "b": "one"}),
        ("t", {"a": 2, "b": "two"}),
        ("t", {"c": 30, "z": 3, "b": "three"}),
        ("gone", {"x": 4294967295, "y": "-01:00:00"}),
        ("gone", {"y": "again", "x": -1}),
        ("t", {"c": 5, "b": "five"}),
    ]
    # A kill may repeat rows, never change them.
    assert [row for number, row in enumerate(found) if row not in found[:number]] == expected
