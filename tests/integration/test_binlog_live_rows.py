"""Rows of real servers, as events, are what SELECT shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.components.collectors.reading import Reading, columns, plain
from tests.servers.fixtures import Make
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.events import RowUpdate, SchemaChange
from wlf.events.codec import encode_json

pytestmark = pytest.mark.servers

COLUMNS = {
    "id": "BIGINT UNSIGNED PRIMARY KEY",
    "tiny": "TINYINT",
    "tiny_u": "TINYINT UNSIGNED",
    "small_u": "SMALLINT UNSIGNED",
    "medium": "MEDIUMINT",
    "medium_u": "MEDIUMINT UNSIGNED",
    "int_u": "INT UNSIGNED",
    "big": "BIGINT",
    "f": "FLOAT",
    "d": "DOUBLE",
    "n": "DECIMAL(30,5)",
    "bits": "BIT(10)",
    "y": "YEAR",
    "day": "DATE",
    "at": "TIME(3)",
    "moment": "DATETIME(6)",
    "stamp": "TIMESTAMP(3) NULL",
    "chars": "CHAR(10)",
    "latin": "VARCHAR(300) CHARACTER SET latin1",
    "words": "TEXT",
    "bin": "BINARY(5)",
    "varbin": "VARBINARY(20)",
    "blobby": "BLOB",
    "pick": "ENUM('a','ü','c''d','e,f')",
    "picks": "SET('x','y','z')",
    "doc": "JSON",
}
AS_TEXT = ("y", "day", "at", "moment", "stamp", "doc")

FULL_ROW = (
    "18446744073709551615, -128, 255, 65535, -8388608, 16777215, 4294967295, -9223372036854775808, 1.1, -2.5e300, "
    "-1234567890123456789012345.00001, b'1000000011', 2155, '9999-12-31', '-838:59:59.000', "
    "'2024-02-29 23:59:59.000001', '2038-01-19 03:14:07.999', 'ünï', 'Füße', '表 😀', 'ab', x'00ff0001', x'80', "
    """'c''d', 'x,z', '{"a": [1, 2.5, "ü", null, true]}'"""
)
ROWS = (
    FULL_ROW,
    "1" + ", NULL" * 25,
    "2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'0', 2000, '1000-01-01', '00:00:00', '1000-01-01 00:00:00', "
    "'1970-01-01 00:00:01', '', '', '', '', '', '', 'a', '', '{}'",
)


@pytest.fixture(scope="module", params=["mysql-FULL", "mysql-MINIMAL", "mariadb-FULL", "mariadb-NO_LOG"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlServer]:
    """Both servers, with names in the binlog and without."""
    name, _, metadata = request.param.partition("-")
    request.getfixturevalue(name)  # skips or fails where it is not installed
    kind: type[SqlServer] = {"mysql": MySQL, "mariadb": MariaDB}[name]
    directory = tmp_path_factory.mktemp("live") / "server"
    with kind(directory, options={"binlog-row-metadata": metadata}) as started:
        yield started


def selected(server: SqlServer, table: str) -> list[dict[str, Any]]:
    """The rows of the table of all types, as events have them."""
    expressions = {
        name: f"CAST(`{name}` AS CHAR)" if name in AS_TEXT else f"`{name}` + 0" if name == "bits" else f"`{name}`"
        for name in COLUMNS
    }
    with server.connect(init_command="SET time_zone = '+00:00'") as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(expressions.values())} FROM {table} ORDER BY id")
        return [_as_event(dict(zip(COLUMNS, row, strict=True)), server) for row in cursor.fetchall()]


def _as_event(row: dict[str, Any], server: SqlServer) -> dict[str, Any]:
    if row["picks"] is not None:
        row["picks"] = tuple(filter(None, row["picks"].split(",")))
    if row["doc"] is not None and isinstance(server, MySQL):
        row["doc"] = json.loads(row["doc"])
    if row["y"] is not None:
        row["y"] = int(row["y"])
    return row


def read(server: SqlServer, *statements: str, database: str, **options: Any) -> list[Any]:
    """Run statements in a new database while they are read; the events of that database."""

    async def run() -> list[Any]:
        tables = {"include": [f"{database}.*"]}
        async with Reading.of(server, start="latest", tables=tables, **options) as reading:
            server.execute(f"CREATE DATABASE `{database}`", f"USE `{database}`", *statements)
            return await reading.to_end_of(server)

    try:
        return asyncio.run(run())
    finally:
        server.execute(f"DROP DATABASE IF EXISTS `{database}`")


CREATE = f"CREATE TABLE t ({', '.join(f'`{name}` {kind}' for name, kind in COLUMNS.items())})"
INSERT = f"INSERT INTO t VALUES {', '.join(f'({row})' for row in ROWS)}"


def test_inserted_rows_of_all_types_are_what_select_shows(server: SqlServer) -> None:
    async def run() -> None:
        async with Reading.of(server, start="latest") as reading:
            server.execute("CREATE DATABASE types", "USE types", "SET time_zone = '+00:00'", CREATE, INSERT)
            events = await reading.to_end_of(server)
        wanted = selected(server, "types.t")
        assert sorted((columns(event.data) for event in events), key=lambda row: row["id"]) == wanted
        assert isinstance(columns(events[0].data)["n"], Decimal)

    try:
        asyncio.run(run())
    finally:
        server.execute("DROP DATABASE types")


def test_deleted_and_updated_rows_of_all_types_are_what_they_were(server: SqlServer) -> None:
    async def run() -> None:
        server.execute("CREATE DATABASE types", "USE types", "SET time_zone = '+00:00'", CREATE, INSERT)
        before = selected(server, "types.t")
        async with Reading.of(server, start="latest") as reading:
            changed = ", ".join(f"`{name}` = NULL" for name in COLUMNS if name != "id")
            server.execute(f"UPDATE types.t SET {changed}", "DELETE FROM types.t")
            events = await reading.to_end_of(server)
        updates = [event for event in events if isinstance(event, RowUpdate)]
        olds = [{"id": columns(e.data)["id"], **json.loads(encode_json([e])[0])["old"]} for e in updates]
        by_id = {row["id"]: row for row in before}
        assert {old["id"] for old in olds} == {2, 18446744073709551615}
        for old in olds:
            was = {name: value for name, value in by_id[old["id"]].items() if value is not None}
            assert set(old) == set(was)
            assert old["chars"] == was["chars"]
        deleted = [columns(event.data) for event in events if event.type == "delete"]
        assert [row["id"] for row in deleted] == [row["id"] for row in before]
        assert all(value is None for row in deleted for name, value in row.items() if name != "id")

    try:
        asyncio.run(run())
    finally:
        server.execute("DROP DATABASE types")


def test_json_of_a_change_has_maxwells_fields(server: SqlServer) -> None:
    events = read(
        server,
        "CREATE TABLE t (id INT UNSIGNED PRIMARY KEY, name VARCHAR(20))",
        "BEGIN",
        "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
        "UPDATE t SET name = 'deux' WHERE id = 2",
        "COMMIT",
        database="maxwell",
    )
    lines = [json.loads(line) for line in encode_json(events)]
    assert [list(line) for line in lines] == [
        ["database", "table", "type", "ts", "xid", "xoffset", "data"],
        ["database", "table", "type", "ts", "xid", "xoffset", "data"],
        ["database", "table", "type", "ts", "xid", "commit", "data", "old"],
    ]
    assert [line["data"] for line in lines] == [
        {"id": 1, "name": "one"},
        {"id": 2, "name": "two"},
        {"id": 2, "name": "deux"},
    ]
    assert lines[2]["old"] == {"name": "two"}
    assert len({line["xid"] for line in lines}) == 1


def test_output_switches_add_their_fields(server: SqlServer) -> None:
    names = ("position", "gtid", "server_id", "primary_key")
    events = read(
        server,
        "CREATE TABLE t (a INT, id INT, PRIMARY KEY (id, a))",
        "INSERT INTO t VALUES (7, 1)",
        database="switched",
        output=dict.fromkeys(names, True),
    )
    (event,) = events
    file, _, offset = event.position.rpartition(":")
    assert file.startswith("binlog.")
    assert offset.isdecimal()
    assert event.server_id == 1
    assert event.primary_key == (1, 7)
    assert event.gtid.startswith("0-1-" if isinstance(server, MariaDB) else server.query("SELECT @@server_uuid")[0][0])


def test_odd_names_of_tables_and_columns(server: SqlServer) -> None:
    events = read(
        server,
        'CREATE TABLE `Orders` (`a"b` INT PRIMARY KEY, `back\\slash` INT)',
        "CREATE TABLE `my table` (`my column` INT PRIMARY KEY)",
        "CREATE TABLE `表` (`列` INT PRIMARY KEY)",
        "INSERT INTO `Orders` VALUES (1, 2)",
        "INSERT INTO `my table` VALUES (3)",
        "INSERT INTO `表` VALUES (4)",
        database="odd names",
    )
    assert plain(events) == [
        ("insert", "Orders", {'a"b': 1, "back\\slash": 2}),
        ("insert", "my table", {"my column": 3}),
        ("insert", "表", {"列": 4}),
    ]
    assert [json.loads(line)["data"] for line in encode_json(events)] == [
        {'a"b': 1, "back\\slash": 2},
        {"my column": 3},
        {"列": 4},
    ]


def test_rows_have_the_columns_of_their_time_when_ddl_is_read_as_it_comes(server: SqlServer) -> None:
    async def run() -> list[Any]:
        async with Reading.of(server, start="latest") as reading:
            server.execute("CREATE DATABASE alters", "CREATE TABLE alters.t (id INT PRIMARY KEY, a INT)")
            for number, ddl in enumerate(
                (
                    "ALTER TABLE alters.t CHANGE a b INT",
                    "ALTER TABLE alters.t ADD c VARCHAR(5) FIRST",
                    "ALTER TABLE alters.t DROP b",
                    "RENAME TABLE alters.t TO alters.u",
                )
            ):
                table = "alters.t"
                server.execute(f"INSERT INTO {table} (id) VALUES ({number})")
                await reading.to_end_of(server)
                server.execute(ddl)
            server.execute("INSERT INTO alters.u (id) VALUES (9)")
            return await reading.to_end_of(server)

    try:
        assert plain(asyncio.run(run())) == [
            ("insert", "t", {"id": 0, "a": None}),
            ("insert", "t", {"id": 1, "b": None}),
            ("insert", "t", {"c": None, "id": 2, "b": None}),
            ("insert", "t", {"c": None, "id": 3}),
            ("insert", "u", {"c": None, "id": 9}),
        ]
    finally:
        server.execute("DROP DATABASE alters")


def test_myisam_rows_come_without_xid_and_with_commit(server: SqlServer) -> None:
    events = read(
        server,
        "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=MyISAM",
        "INSERT INTO t VALUES (1), (2)",
        "DELETE FROM t WHERE id = 1",
        database="myisam",
    )
    assert [(event.type, event.commit is True) for event in events] == [
        ("insert", False),
        ("insert", True),
        ("delete", True),
    ]


def test_rolled_back_work_never_comes(server: SqlServer) -> None:
    events = read(
        server,
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "BEGIN",
        "INSERT INTO t VALUES (1)",
        "ROLLBACK",
        "BEGIN",
        "INSERT INTO t VALUES (2)",
        "SAVEPOINT s",
        "INSERT INTO t VALUES (3)",
        "ROLLBACK TO s",
        "INSERT INTO t VALUES (4)",
        "COMMIT",
        database="rollbacks",
    )
    assert [columns(event.data)["id"] for event in events] == [2, 4]
    assert events[-1].commit is True


def test_minimal_row_image_has_only_what_was_logged(make_mysql: Make[MySQL], make_mariadb: Make[MariaDB]) -> None:
    for make in (make_mysql, make_mariadb):
        server = make(options={"binlog-row-image": "MINIMAL", "binlog-row-metadata": "FULL"})
        events = read(
            server,
            "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)",
            "INSERT INTO t VALUES (1, 2, 3)",
            "UPDATE t SET b = 4",
            "DELETE FROM t",
            database="minimal",
        )
        lines = [json.loads(line) for line in encode_json(events)]
        assert [line["data"] for line in lines] == [{"id": 1, "a": 2, "b": 3}, {"id": 1, "b": 4}, {"id": 1}]


def test_schema_changes_come_where_they_are_asked_for(server: SqlServer) -> None:
    create = ("CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE u (id INT PRIMARY KEY)")
    statements = (*create, "INSERT INTO t VALUES (1)", "ALTER TABLE u ADD x INT")
    events = read(server, *statements, database="ddl_on", ddl=True)
    assert [event.type for event in events] == [
        "database-create",
        "table-create",
        "table-create",
        "insert",
        "table-alter",
    ]
    change = events[4]
    assert isinstance(change, SchemaChange)
    assert (change.database, change.table, change.sql) == ("ddl_on", "u", "ALTER TABLE u ADD x INT")
    assert [event.type for event in read(server, *statements, database="ddl_off")] == ["insert"]


def test_columns_are_masked_hashed_and_left_out(server: SqlServer) -> None:
    events = read(
        server,
        "CREATE TABLE t (id INT PRIMARY KEY, card VARCHAR(20), email VARCHAR(20), note TEXT)",
        "INSERT INTO t VALUES (1, '4242', 'a@b', 'x'), (2, NULL, NULL, NULL)",
        database="private",
        columns={"mask": ["private.t.card"], "hash": ["private.*.email"], "exclude": ["*.t.note"]},
    )
    assert [json.loads(line)["data"] for line in encode_json(events)] == [
        {"id": 1, "card": "***", "email": "7508d8b5018ea640b85269861a101203f0c26900555268e930025dac844b0f35"},
        {"id": 2, "card": None, "email": None},
    ]


def test_tables_that_are_not_wanted_are_counted_and_the_position_moves(server: SqlServer) -> None:
    async def run() -> None:
        reading = Reading.of(server, start="latest", wants=lambda database, table: table == "yes")
        async with reading:
            server.execute(
                "CREATE DATABASE wanted",
                "USE wanted",
                "CREATE TABLE yes (id INT)",
                "CREATE TABLE no (id INT)",
                "INSERT INTO no VALUES (1), (2), (3)",
            )
            await reading.to_end_of(server)
            assert reading.events == []
            # Rows events are counted: how many rows are in one is known only by decoding it.
            assert reading.counted("wlf_dropped_events_total", "filtered") == 1
            server.execute("INSERT INTO wanted.yes VALUES (1)")
            await reading.to_end_of(server)
            assert plain(reading.events) == [("insert", "yes", {"id": 1})]

    try:
        asyncio.run(run())
    finally:
        server.execute("DROP DATABASE wanted")


def test_mysql_replication_decodes_all_types_but_for_its_known_faults(server: SqlServer) -> None:
    async def run() -> list[Any]:
        async with Reading.of(server, start="latest", decoder="mysql-replication") as reading:
            server.execute("CREATE DATABASE types", "USE types", "SET time_zone = '+00:00'", CREATE, INSERT)
            return await reading.to_end_of(server)

    try:
        rows = sorted((columns(event.data) for event in asyncio.run(run())), key=lambda row: row["id"])
        wanted = selected(server, "types.t")
    finally:
        server.execute("DROP DATABASE types")
    for row, want in zip(rows, wanted, strict=True):
        if want["picks"] == ():
            want["picks"] = None
        if want["bin"] is not None:
            want["bin"] = want["bin"].rstrip(b"\0")
        assert {name: _loose(value) for name, value in row.items()} == {n: _loose(value) for n, value in want.items()}


def _loose(value: Any) -> Any:
    """The library has text and bytes of some columns the other way round."""
    return value.encode() if isinstance(value, str) else value
