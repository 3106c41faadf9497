"""What whole servers do: missing metadata, compression, checksums, rotation, and a second decoder's opinion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peer_mysql_replication import PeerEvents
from tests.binlog.build import Reading, as_dict
from tests.binlog.type_cases import schema_of
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.binlog import NeedSchema, Transaction

pytestmark = pytest.mark.servers

TABLE = """CREATE TABLE t (id int unsigned, k tinyint, name varchar(20) CHARACTER SET latin1, b varbinary(9),
 e enum('a','it''s','c,d','\\\\','é'), s set('x','y z'), ts timestamp(2) NULL, `odd"name` int, PRIMARY KEY (k, id))"""
ROWS = [
    "(4294967295, -1, 'é', X'00FF', 'it''s', 'y z', '2024-01-01 00:00:00.25', 5)",
    "(2, 127, 'x', X'', 'é', '', NULL, -5)",
    "(3, 5, '', NULL, '\\\\', 'x,y z', NULL, NULL)",
]


def recorded(server: SqlServer, metadata: str, database: str) -> bytes:
    """The binlog of the table's inserts under one setting of binlog_row_metadata."""
    server.execute(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
    ((former,),) = server.query("SELECT @@GLOBAL.binlog_row_metadata")
    with server.connect(database=database, charset="utf8mb4") as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute(TABLE)
        cursor.execute(f"SET GLOBAL binlog_row_metadata = {metadata}")
        server.flush_logs()
        cursor.execute(f"INSERT INTO t VALUES {', '.join(ROWS)}")
        cursor.execute(f"SET GLOBAL binlog_row_metadata = {former}")
    return server.flush_logs().read_bytes()


def assert_schema_completes(server: SqlServer, metadata: str) -> None:
    full = Reading().file(recorded(server, "FULL", "live_full"))
    content = recorded(server, metadata, f"live_{metadata.lower()}")
    reading = Reading()
    reading.decoder.open_file("f", content)
    items = reading.decoder.feed(content[4:])
    need = items[-1]
    assert isinstance(need, NeedSchema)
    reading.decoder.provide(schema_of(server, need))
    reading.chunks([b""])
    assert reading.rows == full.rows
    assert reading.rows[0]["id"] == 4294967295
    assert [row["e"] for row in reading.rows] == ["it's", "é", "\\"]
    assert [row["s"] for row in reading.rows] == [("y z",), (), ("x", "y z")]
    assert reading.maps[0].primary_key == full.maps[0].primary_key == (1, 0)


def test_mysql_with_minimal_metadata_reads_as_with_full(mysql: MySQL) -> None:
    assert_schema_completes(mysql, "MINIMAL")


@pytest.mark.parametrize("metadata", ["NO_LOG", "MINIMAL"])
def test_mariadb_without_full_metadata_reads_as_with_it(mariadb: MariaDB, metadata: str) -> None:
    assert_schema_completes(mariadb, metadata)


def test_mariadb_network_types_by_the_schema(mariadb: MariaDB) -> None:
    mariadb.execute("DROP DATABASE IF EXISTS live_net", "CREATE DATABASE live_net")
    mariadb.execute("CREATE TABLE t (u uuid, i6 inet6, i4 inet4)", database="live_net")
    mariadb.flush_logs()
    shown = [
        ("6ccd780c-baba-1026-9564-5b8c65602400", "::", "0.0.0.0"),
        ("00000000-0000-0000-0000-000000000000", "2001:db8::ff00:0", "1.2.3.0"),
    ]
    mariadb.execute(f"INSERT INTO t VALUES {shown[0]}, {shown[1]}", database="live_net")
    content = mariadb.flush_logs().read_bytes()
    reading = Reading()
    reading.decoder.open_file("f", content)
    need = reading.decoder.feed(content[4:])[-1]
    assert isinstance(need, NeedSchema)
    reading.decoder.provide(schema_of(mariadb, need))
    reading.chunks([b""])
    assert [tuple(row.values()) for row in reading.rows] == shown


def test_mariadb_compressed_binlogs_read_as_others(make_mariadb: Callable[..., MariaDB]) -> None:
    server = make_mariadb(
        options={"log-bin-compress": "ON", "log-bin-compress-min-len": 10, "binlog-row-metadata": "FULL"}
    )
    server.execute("CREATE DATABASE d", f"CREATE TABLE d.t (id int primary key, v varchar(999)) COMMENT '{'x' * 300}'")
    values = ", ".join(f"({n}, '{'v' * 300}')" for n in range(50))
    server.execute(f"INSERT INTO d.t VALUES {values}", "UPDATE d.t SET v = 'w' WHERE id < 20", "DELETE FROM d.t")
    reading = Reading().file(server.flush_logs().read_bytes())
    kinds = [change.kind for item in reading.transactions for change in item.changes for _ in change.rows]
    assert [kinds.count(kind) for kind in ("insert", "update", "delete")] == [50, 20, 50]
    assert reading.rows[0] == {"id": 0, "v": "v" * 300}
    assert reading.olds[0] == {"v": "v" * 300}


@pytest.mark.parametrize("checksum", ["NONE", "CRC32"])
def test_checksums_are_trimmed_as_the_format_event_says(make_mysql: Callable[..., MySQL], checksum: str) -> None:
    server = make_mysql(options={"binlog-checksum": checksum})
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (id int primary key)", "INSERT INTO d.t VALUES (1), (2)")
    server.execute("ALTER TABLE d.t ADD COLUMN v varchar(9) FIRST", "INSERT INTO d.t VALUES ('x', 3)")
    server.execute("RENAME TABLE d.t TO d.u", "DELETE FROM d.u")
    reading = Reading().file(server.flush_logs().read_bytes())
    assert reading.rows[:3] == [{"id": 1}, {"id": 2}, {"v": "x", "id": 3}]
    assert len(reading.rows) == 6
    assert str(reading.decoder.gtids) == server.query("SELECT @@gtid_executed")[0][0].replace("\n", "")


def test_the_live_end_of_a_file_in_use(make_mysql: Callable[..., MySQL]) -> None:
    server = make_mysql()
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (id int primary key)", "INSERT INTO d.t VALUES (1)")
    content = server.binlog_files()[-1].read_bytes()
    reading = Reading().file(content[:-5])
    assert reading.rows == []
    assert Reading().file(content, position=reading.decoder.boundary.position).rows == [{"id": 1}]


def test_mysql_replication_reads_the_same_rows(mysql: MySQL) -> None:
    """Over what it decodes rightly: it is wrong on much that the tests of types hold."""
    mysql.execute("DROP DATABASE IF EXISTS live_peer", "CREATE DATABASE live_peer")
    mysql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, u bigint unsigned, s varchar(50), d decimal(12,3), x double,"
        " e enum('a','b'))",
        database="live_peer",
    )
    mysql.flush_logs()
    values = ", ".join(f"({n}, {n * 10**15}, 'text {n} é', {n}.125, {n} / 7, '{'ab'[n % 2]}')" for n in range(500))
    update = "UPDATE t SET s = NULL, d = d * 2 WHERE id % 3 = 0"
    statements = [f"INSERT INTO t VALUES {values}", update, "DELETE FROM t"]
    mysql.execute(*statements, database="live_peer")
    path = mysql.flush_logs()
    changes = [c for i in Reading().file(path.read_bytes()).items if isinstance(i, Transaction) for c in i.changes]
    ours = [as_dict(row) for change in changes for row in change.rows]
    assert ours == peer_rows(path)
    assert len(ours) == 500 + 167 + 500


def peer_rows(path: Path) -> list[dict[str, Any]]:
    rows = (row for event in PeerEvents(path, checksum=True) for row in getattr(event, "rows", ()))
    return [row.get("after_values", row.get("values")) for row in rows]
