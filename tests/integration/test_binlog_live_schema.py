"""Which columns rows have where the binlog does not name them: on real servers, over restarts and changes meanwhile.

MariaDB logs no metadata by default, MySQL is set to MINIMAL here: the columns come from the schema history alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.components.collectors.reading import Reading, columns, plain
from tests.servers.fixtures import Make
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.components.base import MemoryState
from wlf.components.collectors._binlog import schema
from wlf.components.collectors.binlog import BinlogCollector
from wlf.errors import SetupError
from wlf.events import RowChange, SchemaChange

pytestmark = pytest.mark.servers


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    """One whose events name no columns."""
    found: SqlServer
    if request.param == "mysql":
        make: Make[MySQL] = request.getfixturevalue("make_mysql")
        found = make(options={"binlog-row-metadata": "MINIMAL"})
    else:
        found = request.getfixturevalue("make_mariadb")()
    found.execute("CREATE DATABASE d")
    return found


class Pipeline:
    """Readings one after another that share their state, as the lives of one pipeline do."""

    def __init__(self, server: SqlServer, **options: Any) -> None:
        self.server, self.options, self.state = server, {"start": "latest", **options}, MemoryState()

    def reading(self, stored: bytes | None = None, **options: Any) -> Reading:
        reading = Reading.of(self.server, **{**self.options, **options})
        reading.context = replace(reading.context, state=self.state)
        reading.collector = BinlogCollector(reading.collector.config, reading.context)
        return reading if stored is None else reading.at(stored)

    def read(self, stored: bytes | None, meanwhile: Callable[[], None] = lambda: None) -> Reading:
        """One life: opened, then `meanwhile`, then read up to the end."""

        async def live() -> Reading:
            async with self.reading(stored) as reading:
                await asyncio.to_thread(meanwhile)
                await reading.to_end_of(self.server)
                return reading

        return asyncio.run(live())


def rows(reading: Reading) -> list[dict[str, Any]]:
    """What is set of each row: what is left out of rows is no column of theirs."""
    changes = [columns(event.data) for event in reading.events if isinstance(event, RowChange)]
    return [{name: value for name, value in row.items() if value is not msgspec.UNSET} for row in changes]


CHANGES = [
    ("ALTER TABLE t ADD COLUMN z INT FIRST", ["z", "a", "b", "c"]),
    ("ALTER TABLE t DROP COLUMN a", ["b", "c"]),
    ("ALTER TABLE t MODIFY c INT AFTER a", ["a", "c", "b"]),
    ("ALTER TABLE t MODIFY a INT AFTER c", ["b", "c", "a"]),
    ("ALTER TABLE t CHANGE a b INT, CHANGE b a VARCHAR(20)", ["b", "a", "c"]),
    ("ALTER TABLE t RENAME COLUMN A TO Ä", ["Ä", "b", "c"]),
    ("ALTER TABLE t RENAME COLUMN a TO c, RENAME COLUMN c TO a", ["c", "b", "a"]),
    ("ALTER TABLE t ADD d INT AFTER e, RENAME COLUMN a TO e", ["e", "d", "b", "c"]),
    ("ALTER TABLE t ADD COLUMN `列` INT AFTER a, ADD (x INT, y INT)", ["a", "列", "b", "c", "x", "y"]),
    ("RENAME TABLE t TO u, s TO t", ["x", "y", "z"]),
    ("DROP TABLE t; CREATE TABLE t (p INT, q VARCHAR(20), r INT)", ["p", "q", "r"]),
    ("CREATE TABLE n LIKE t; ALTER TABLE n ADD gh INT FIRST; RENAME TABLE t TO o, n TO t", ["gh", "a", "b", "c"]),
]


@pytest.mark.parametrize(("statements", "names"), CHANGES, ids=[change[0][:40] for change in CHANGES])
def test_c23_rows_before_and_after_a_change_while_stopped_have_their_own_columns(
    server: SqlServer, statements: str, names: list[str]
) -> None:
    server.execute(
        "CREATE TABLE d.t (a INT, b VARCHAR(20), c INT)", "CREATE TABLE d.s (x INT, y VARCHAR(20), z INT)", "USE d"
    )
    pipeline = Pipeline(server)
    begun = pipeline.read(None)
    values = ", ".join("'v'" if name in ("q", "y") and len(names) == 3 else "1" for name in names)
    server.execute(
        "USE d", "INSERT INTO t VALUES (1, 'one', 2)", *statements.split("; "), f"INSERT INTO t VALUES ({values})"
    )
    before, after = rows(pipeline.read(begun.position))
    assert before == {"a": 1, "b": "one", "c": 2}
    assert list(after) == names


def test_c25_a_table_made_and_dropped_while_stopped_has_its_rows(server: SqlServer) -> None:
    pipeline = Pipeline(server)
    begun = pipeline.read(None)
    server.execute(
        "CREATE TABLE d.gone (id INT PRIMARY KEY, name VARCHAR(9) CHARACTER SET latin1)",
        "INSERT INTO d.gone VALUES (1, 'é')",
        "DROP TABLE d.gone",
        "CREATE TABLE d.gone (name VARCHAR(9) CHARACTER SET latin1, id INT UNSIGNED)",
        "INSERT INTO d.gone VALUES ('ü', 4294967295)",
        "DROP TABLE d.gone",
    )
    assert rows(pipeline.read(begun.position)) == [{"id": 1, "name": "é"}, {"name": "ü", "id": 4294967295}]


def test_c23_a_lagging_dispatcher_sees_each_row_as_it_was(server: SqlServer) -> None:
    """Every position that was ever handed out finds the columns of then."""
    server.execute("CREATE TABLE d.t (a INT, b INT)")
    pipeline = Pipeline(server)

    def change() -> None:
        server.execute(
            "INSERT INTO d.t VALUES (1, 2)",
            "ALTER TABLE d.t CHANGE a b2 INT, CHANGE b a2 INT",
            "INSERT INTO d.t VALUES (3, 4)",
            "ALTER TABLE d.t ADD c INT FIRST",
            "INSERT INTO d.t VALUES (5, 6, 7)",
            "RENAME TABLE d.t TO d.u",
            "INSERT INTO d.u VALUES (8, 9, 10)",
        )

    whole = pipeline.read(None, change)
    expected = rows(whole)
    assert expected == [
        {"a": 1, "b": 2},
        {"b2": 3, "a2": 4},
        {"c": 5, "b2": 6, "a2": 7},
        {"c": 8, "b2": 9, "a2": 10},
    ]
    for seen, position in reversed(whole.boundaries[:-1]):
        again = pipeline.read(position)
        assert rows(again) == expected[len([e for e in whole.events[:seen] if isinstance(e, RowChange)]) :]
        assert again.position == whole.position, "the others' cursors stay good"


def test_c24_create_if_not_exists_on_an_existing_table_changes_nothing(server: SqlServer) -> None:
    server.execute("CREATE TABLE d.t (a INT, b INT)")

    def change() -> None:
        server.execute("CREATE TABLE IF NOT EXISTS d.t (b INT, a INT)", "INSERT INTO d.t VALUES (1, 2)")

    assert rows(Pipeline(server).read(None, change)) == [{"a": 1, "b": 2}]


def test_c27_renames_of_keys_and_across_databases(server: SqlServer) -> None:
    server.execute("CREATE DATABASE e", "CREATE TABLE d.t (id INT PRIMARY KEY, v INT)")

    def change() -> None:
        server.execute(
            "ALTER TABLE d.t RENAME COLUMN ID TO `主键`",
            "RENAME TABLE d.t TO e.T2",
            "ALTER TABLE e.T2 ADD w INT AFTER `主键`",
            "INSERT INTO e.T2 VALUES (1, 2, 3)",
        )

    reading = Pipeline(server, output={"primary_key_columns": True}).read(None, change)
    assert rows(reading) == [{"主键": 1, "w": 2, "v": 3}]
    assert reading.events[0].primary_key_columns == ("主键",)


MYSQL_STATEMENTS = (
    "ALTER TABLE t ADD INDEX f ((CAST(j->>'$.a' AS CHAR(10))))",
    "ALTER TABLE t ADD CONSTRAINT ch CHECK (a > 0 AND JSON_VALID(j)), ADD g INT GENERATED ALWAYS AS (a + 1) STORED "
    "AFTER a",
)
MARIADB_STATEMENTS = (
    "ALTER TABLE IF EXISTS t ADD COLUMN IF NOT EXISTS g INT AS (a + 1) PERSISTENT AFTER a",
    "ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT, DROP COLUMN IF EXISTS nothing, DROP INDEX IF EXISTS nothing",
    "SET STATEMENT max_statement_time = 10 FOR "
    "ALTER TABLE t MODIFY g INT AS (json_value(j, '$.a') + a) PERSISTENT AFTER a",
    "ALTER TABLE t NOWAIT ENGINE=InnoDB",
)


def test_c28_odd_definitions_neither_stop_nor_mislead(server: SqlServer) -> None:
    server.execute("CREATE TABLE d.t (a INT, j JSON)")
    own = MARIADB_STATEMENTS if isinstance(server, MariaDB) else MYSQL_STATEMENTS

    def change() -> None:
        server.execute(
            "USE d",
            "ALTER DATABASE CHARACTER SET latin1",
            *own,
            "CREATE VIEW v AS SELECT 1",
            "CREATE PROCEDURE p() BEGIN DROP TABLE t; CREATE TABLE t (x INT); END",
            "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.a",
            "ALTER TABLE t ADD COLUMN k INT /*!50000 FIRST */ /*!99999 , ADD COLUMN no INT */",
            "ALTER TABLE t COMMENT='a, DROP COLUMN b' /* ADD COLUMN no INT */",
            "INSERT INTO t (k, a, j) VALUES (1, 2, '{\"a\": 3}')",
        )

    (row,) = rows(Pipeline(server).read(None, change))
    assert list(row) == ["k", "a", "g", "j"]


def test_c29_and_c30_tables_that_are_filtered_out_do_not_matter(make_mariadb: Make[MariaDB]) -> None:
    server = make_mariadb()
    server.execute(
        "CREATE DATABASE d",
        "CREATE TABLE d.odd (u UUID, i INET6)",
        "CREATE TABLE d.t (a INT)",
        "CREATE USER reader IDENTIFIED BY 'p'",
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO reader",
        "GRANT SELECT ON d.t TO reader",
    )

    def change() -> None:
        server.execute("INSERT INTO d.odd VALUES (UUID(), '::1')", "INSERT INTO d.t VALUES (1)")

    options = {"user": "reader", "password": "p", "tables": {"include": ["d.t"]}, "on_schema_mismatch": "stop"}
    assert rows(Pipeline(server, **options).read(None, change)) == [{"a": 1}]


def test_c31_json_of_mariadb_is_text(make_mariadb: Make[MariaDB]) -> None:
    server = make_mariadb()
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (j JSON)")
    reading = Pipeline(server).read(None, lambda: server.execute("INSERT INTO d.t VALUES ('7')"))
    assert rows(reading) == [{"j": "7"}]


def test_system_versioned_tables_have_their_period(make_mariadb: Make[MariaDB]) -> None:
    server = make_mariadb(options={"system-versioning-alter-history": "KEEP"})
    server.execute("CREATE DATABASE d", "CREATE TABLE d.old (a INT) WITH SYSTEM VERSIONING")

    def change() -> None:
        server.execute(
            "CREATE TABLE d.new (a INT WITH SYSTEM VERSIONING, b INT)",
            "INSERT INTO d.old VALUES (1)",
            "INSERT INTO d.new VALUES (2, 3)",
            "ALTER TABLE d.new ADD c INT",
            "INSERT INTO d.new VALUES (4, 5, 6)",
            "ALTER TABLE d.new DROP SYSTEM VERSIONING",
            "INSERT INTO d.new VALUES (7, 8, 9)",
            "ALTER TABLE d.new ADD SYSTEM VERSIONING",
            "INSERT INTO d.new VALUES (10, 11, 12)",
            "CREATE TABLE d.own (a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS "
            "AS ROW END, PERIOD FOR SYSTEM_TIME(s, e)) WITH SYSTEM VERSIONING",
            "INSERT INTO d.own (a) VALUES (13)",
        )

    found = rows(Pipeline(server).read(None, change))
    period = ["row_start", "row_end"]
    assert [list(row) for row in found] == [
        ["a", *period],
        ["a", "b", *period],
        ["a", "b", "c", *period],
        ["a", "b", "c"],
        ["a", "b", "c", *period],
        ["a", "s", "e"],
    ]
    assert [row["a"] for row in found] == [1, 2, 4, 7, 10, 13]


def test_invisible_primary_keys_are_there(make_mysql: Make[MySQL]) -> None:
    server = make_mysql(options={"binlog-row-metadata": "MINIMAL", "sql-generate-invisible-primary-key": "ON"})
    server.execute(
        "SET GLOBAL show_gipk_in_create_table_and_information_schema = OFF",
        "CREATE DATABASE d",
        "CREATE TABLE d.old (a INT)",
    )

    def change() -> None:
        server.execute("CREATE TABLE d.new (b INT)", "INSERT INTO d.old VALUES (1)", "INSERT INTO d.new VALUES (2)")

    reading = Pipeline(server, output={"primary_key_columns": True}).read(None, change)
    assert rows(reading) == [{"my_row_id": 1, "a": 1}, {"my_row_id": 1, "b": 2}]
    assert reading.events[0].primary_key_columns == ("my_row_id",)


def test_names_in_ansi_quotes_and_in_the_clients_character_set(server: SqlServer) -> None:
    def change() -> None:
        with server.connect(charset="latin1") as connection, connection.cursor() as cursor:
            cursor.execute("SET sql_mode = 'ANSI_QUOTES'")
            cursor.execute('CREATE TABLE d."tä" ("größe" INT, "b" INT)')
            cursor.execute('ALTER TABLE d."tä" RENAME COLUMN "b" TO "ß"')
            cursor.execute('INSERT INTO d."tä" VALUES (1, 2)')

    assert rows(Pipeline(server).read(None, change)) == [{"größe": 1, "ß": 2}]


def test_create_table_from_select_has_the_columns_of_the_select(server: SqlServer) -> None:
    def change() -> None:
        server.execute(
            "CREATE TABLE d.t (x INT) AS SELECT 1 AS a, CAST('q' AS CHAR(3)) AS b",
            "INSERT INTO d.t VALUES (2, 3, 'r')",
            "CREATE TEMPORARY TABLE d.tmp (m INT)",
            "CREATE TABLE d.u LIKE d.tmp",
            "INSERT INTO d.u VALUES (4)",
        )

    found = rows(Pipeline(server).read(None, change))
    assert found == [{"x": None, "a": 1, "b": "q"}, {"x": 2, "a": 3, "b": "r"}, {"m": 4}]


def test_from_the_beginning_a_table_that_was_altered_stops_or_is_dropped(
    server: SqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.execute("CREATE TABLE d.t (a INT)", "CREATE TABLE d.u (x INT)")
    file, offset = server.query("SHOW BINARY LOGS")[-1][:2]
    server.execute("INSERT INTO d.t VALUES (1)", "INSERT INTO d.u VALUES (2)", "ALTER TABLE d.t ADD b INT")
    start = {"file": file, "position": offset}
    with pytest.raises(SetupError, match=r"d\.t was altered since this event: expected 1 columns, got 2 on the server"):
        Pipeline(server, start=start).read(None)
    with pytest.raises(SetupError, match=r"d\.t: its columns at this place are not known for sure"):
        Pipeline(server, start=start, on_schema_mismatch="stop").read(None)
    with caplog.at_level(logging.ERROR):
        reading = Pipeline(server, start=start, on_schema_mismatch="drop").read(None)
    assert rows(reading) == []
    assert reading.counted("wlf_dropped_events_total", "schema_mismatch") == 2
    assert "d.t: its columns" in caplog.text
    assert rows(Pipeline(server, start=start, tables={"include": ["d.u"]}).read(None)) == [{"x": 2}]


def test_definitions_tell_the_columns_before_and_after(server: SqlServer) -> None:
    def change() -> None:
        server.execute(
            "CREATE TABLE d.t (id BIGINT UNSIGNED PRIMARY KEY, s VARCHAR(9) CHARACTER SET latin1, ts DATETIME(3))",
            "ALTER TABLE d.t DROP s, ADD e ENUM('a', 'b') FIRST",
            "RENAME TABLE d.t TO d.u",
            "TRUNCATE TABLE d.u",
            "DROP TABLE d.u",
        )

    reading = Pipeline(server, ddl=True).read(None, change)
    events = [event for event in reading.events if isinstance(event, SchemaChange)]
    assert [event.type for event in events] == [
        "table-create",
        "table-alter",
        "table-rename",
        "table-truncate",
        "table-drop",
    ]
    found = [msgspec.json.decode(msgspec.json.encode(event)) for event in events]
    assert found[0]["def"]["columns"] == [
        {"type": "bigint", "name": "id", "signed": False},
        {"type": "varchar", "name": "s", "charset": "latin1"},
        {"type": "datetime", "name": "ts", "column-length": 3},
    ]
    assert [column["name"] for column in found[1]["old"]["columns"]] == ["id", "s", "ts"]
    assert [column["name"] for column in found[1]["def"]["columns"]] == ["e", "id", "ts"]
    assert (found[2]["old"]["table"], found[2]["def"]["table"]) == ("t", "u")
    assert "def" not in found[4]


def test_files_tell_columns_by_the_statements_in_them(server: SqlServer, tmp_path: Path) -> None:
    server.execute(
        "CREATE TABLE d.t (a INT, b VARCHAR(9))",
        "INSERT INTO d.t VALUES (1, 'x')",
        "ALTER TABLE d.t DROP a",
        "INSERT INTO d.t VALUES ('y')",
    )
    copied = tmp_path / "binlog.000001"
    copied.write_bytes(Path(server.flush_logs()).read_bytes())

    async def live() -> Reading:
        async with Reading(files=[str(copied)]) as reading:
            await reading.to_end()
            return reading

    assert plain(asyncio.run(live()).events) == [
        ("insert", "t", {"a": 1, "b": "x"}),
        ("insert", "t", {"b": "y"}),
    ]


def test_c34_a_loop_of_truncates_keeps_the_state_small(server: SqlServer) -> None:
    server.execute("CREATE TABLE d.t (a INT)")
    pipeline = Pipeline(server)
    reading = pipeline.read(None, lambda: server.execute(*["TRUNCATE d.t", "INSERT INTO d.t VALUES (1)"] * 300))
    assert len(rows(reading)) == 300
    assert len(pipeline.state.values) == 1


def test_c32_tables_of_the_servers_own_databases_are_read_when_they_are_wanted(server: SqlServer) -> None:
    """Hosted servers write heartbeats into `mysql`; they are not among the tables that are looked at first."""
    server.execute("CREATE TABLE mysql.rds_heartbeat2 (id INT, value BIGINT)")
    reading = Pipeline(server).read(None, lambda: server.execute("INSERT INTO mysql.rds_heartbeat2 VALUES (1, 2)"))
    assert rows(reading) == [{"id": 1, "value": 2}]


def test_names_in_lower_case_are_the_same_in_any_case(make_mariadb: Make[MariaDB]) -> None:
    server = make_mariadb(options={"lower-case-table-names": 1})
    server.execute("CREATE DATABASE D", "CREATE TABLE D.Old (a INT)")

    def change() -> None:
        server.execute(
            "CREATE TABLE D.New LIKE d.OLD",
            "ALTER TABLE d.NEW ADD B INT",
            "RENAME TABLE D.NEW TO D.Newest",
            "INSERT INTO D.OLD VALUES (1)",
            "INSERT INTO D.NEWEST VALUES (2, 3)",
        )

    reading = Pipeline(server).read(None, change)
    assert plain(reading.events) == [("insert", "old", {"a": 1}), ("insert", "newest", {"a": 2, "B": 3})]


@pytest.mark.parametrize("metadata", ["NO_LOG", "MINIMAL", "FULL"])
def test_hidden_columns_of_the_server_are_none_of_the_rows(make_mariadb: Make[MariaDB], metadata: str) -> None:
    """MariaDB keeps a long unique key in a column that nobody sees."""
    server = make_mariadb(options={"binlog-row-metadata": metadata})
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (a TEXT, b INT, UNIQUE (a))")

    def change() -> None:
        server.execute(
            "INSERT INTO d.t VALUES ('x', 1)",
            "ALTER TABLE d.t ADD c INT",
            "INSERT INTO d.t VALUES ('y', 2, 3)",
            "CREATE SEQUENCE d.s",
            "CREATE TABLE d.u (a TEXT, b INT INVISIBLE DEFAULT 5, UNIQUE (a))",
            "INSERT INTO d.u VALUES ('z')",
        )

    reading = Pipeline(server, tables={"include": ["d.t", "d.u"]}).read(None, change)
    assert rows(reading) == [{"a": "x", "b": 1}, {"a": "y", "b": 2, "c": 3}, {"a": "z", "b": 5}]


def test_sequences_are_tables_of_one_row(make_mariadb: Make[MariaDB]) -> None:
    server = make_mariadb()
    server.execute("CREATE DATABASE d", "CREATE SEQUENCE d.old START WITH 5")
    reading = Pipeline(server).read(
        None, lambda: server.execute("CREATE SEQUENCE d.s", "SELECT NEXTVAL(d.s)", "SELECT NEXTVAL(d.old)")
    )
    found = rows(reading)
    assert found
    assert {next(iter(row)) for row in found} == {"next_not_cached_value"}


def test_a_partition_becomes_a_table_and_back(make_mariadb: Make[MariaDB]) -> None:
    server = make_mariadb()
    server.execute("CREATE DATABASE d")

    def change() -> None:
        server.execute(
            "USE d",
            "CREATE TABLE t (a INT, k INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (9), "
            "PARTITION q VALUES LESS THAN MAXVALUE)",
            "ALTER TABLE t CONVERT PARTITION p TO TABLE alone",
            "INSERT INTO alone VALUES (1, 2)",
            "ALTER TABLE t ADD z INT",
            "INSERT INTO t VALUES (10, 11, 12)",
        )

    assert rows(Pipeline(server).read(None, change)) == [{"a": 1, "k": 2}, {"a": 10, "k": 11, "z": 12}]


def test_a_table_that_changes_while_reading_begins_is_looked_at_once_more(
    server: SqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its rows would be refused, or named by what the server has by the time they are read."""
    server.execute("CREATE TABLE d.t (a INT PRIMARY KEY, b INT)")
    look, looks = schema.read_all, list[int]()

    def read_all(*arguments: Any) -> Any:
        found = look(*arguments)
        looks.append(len(found.tables))
        if len(looks) == 1:
            server.execute("ALTER TABLE d.t CHANGE b c INT", "INSERT INTO d.t VALUES (1, 1)")
        return found

    monkeypatch.setattr(schema, "read_all", read_all)

    def meanwhile() -> None:
        server.execute("INSERT INTO d.t VALUES (2, 2)", "ALTER TABLE d.t CHANGE c x INT, ADD y INT FIRST")

    reading = Pipeline(server, tables={"include": ["d.*"]}, on_schema_mismatch="stop").read(None, meanwhile)
    assert plain(reading.events) == [("insert", "t", {"a": 2, "c": 2})]
    assert len(looks) == 4
