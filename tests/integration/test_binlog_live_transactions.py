"""Transactions of real servers: compressed, prepared by XA, large, undone in part, encrypted, acknowledged."""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.binlog.build import Reading as Decoding
from tests.components.collectors.reading import Reading, columns
from tests.servers.fixtures import Make
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.binlog import UnsupportedEvent

pytestmark = pytest.mark.servers

FULL = {"binlog-row-metadata": "FULL"}
LARGE: list[dict[str, Any]] = [{}, {"hold_max_bytes": 4096}, {"hold_max_bytes": 4096, "large": "spill"}]


@pytest.fixture(scope="module", params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlServer]:
    """Both servers."""
    request.getfixturevalue(request.param)  # skips or fails where it is not installed
    kind: type[SqlServer] = {"mysql": MySQL, "mariadb": MariaDB}[request.param]
    with kind(tmp_path_factory.mktemp("live") / "server", options=FULL) as started:
        yield started


def made(server: SqlServer, database: str, *tables: str) -> None:
    """A database with tables, in a binlog file of its own."""
    server.execute(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}")
    server.execute(*tables or ("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)",), database=database)
    server.execute("RESET MASTER" if isinstance(server, MariaDB) else "RESET BINARY LOGS AND GTIDS")


def read(server: SqlServer, **options: Any) -> Reading:
    async def run() -> Reading:
        async with Reading.of(server, **options) as reading:
            await reading.to_end_of(server)
        return reading

    return asyncio.run(run())


def ids(events: list[Any]) -> list[int]:
    return [columns(event.data)["id"] for event in events]


# Compression.

NUMBERS = "WITH RECURSIVE s (id) AS (SELECT 10 UNION ALL SELECT id + 1 FROM s WHERE id < 900) SELECT id FROM s"
WORK = (
    "BEGIN",
    "INSERT INTO t VALUES (1, REPEAT('x', 3000)), (2, NULL), (3, 'ü')",
    "UPDATE t SET v = CONCAT(v, '!') WHERE id IN (1, 3)",
    "DELETE FROM t WHERE id = 2",
    "COMMIT",
    f"INSERT INTO t SELECT n.id, REPEAT('y', 100) FROM ({NUMBERS}) AS n",
    "UPDATE t SET v = 'z' WHERE id > 500",
)


def told(events: list[Any]) -> list[tuple[Any, ...]]:
    """What must not differ."""
    return [
        (e.type, e.table, columns(e.data), columns(e.old) if e.type == "update" else None, e.commit) for e in events
    ]


@pytest.mark.parametrize("options", LARGE, ids=["held", "streamed", "spilled"])
def test_compression_changes_nothing_of_the_events(make_mysql: Make[MySQL], options: dict[str, Any]) -> None:
    server = make_mysql()
    seen = {}
    for state in ("OFF", "ON"):
        made(server, "d")
        server.execute("USE d", f"SET SESSION binlog_transaction_compression = {state}", *WORK)
        size = server.binlog_files()[-1].stat().st_size
        seen[state] = (size, told(read(server, **options).events))
    assert seen["ON"][1] == seen["OFF"][1]
    assert len(seen["ON"][1]) == 3 + 2 + 1 + 891 + 400
    assert seen["ON"][0] < seen["OFF"][0] / 5


def test_mariadbs_compressed_events_change_nothing(make_mariadb: Make[MariaDB]) -> None:
    seen = []
    for options in (FULL, {**FULL, "log-bin-compress": "ON", "log-bin-compress-min-len": 10}):
        server = make_mariadb(options=options)
        made(server, "d")
        server.execute("USE d", *WORK)
        seen.append((server.binlog_files()[-1].stat().st_size, told(read(server).events)))
    (plain, expected), (small, found) = seen
    assert found == expected
    assert len(found) == 3 + 2 + 1 + 891 + 400
    assert small < plain / 2


# XA.


def xa(name: str, *statements: str) -> tuple[str, ...]:
    return (f"XA START '{name}'", *statements, f"XA END '{name}'")


def test_prepared_rows_come_with_the_commit_of_another_session(server: SqlServer) -> None:
    made(server, "xa")
    server.execute("USE xa", *xa("a", "INSERT INTO t VALUES (1, 'a'), (2, 'b')"), "XA PREPARE 'a'")
    server.execute("USE xa", *xa("b", "INSERT INTO t VALUES (3, 'c')"), "XA PREPARE 'b'")
    server.execute("INSERT INTO xa.t VALUES (9, 'between')")
    server.execute("XA COMMIT 'a'", "XA ROLLBACK 'b'")
    server.execute("USE xa", *xa("c", "INSERT INTO t VALUES (4, 'd')"), "XA COMMIT 'c' ONE PHASE")
    reading = read(server)
    assert ids(reading.events) == [9, 1, 2, 4]
    assert [event.commit is True for event in reading.events] == [True, False, True, True]
    assert reading.counted("wlf_dropped_events_total", "rolled_back") == 1
    assert reading.place.prepared == ()


@pytest.mark.parametrize("flush", [False, True], ids=["same file", "later file"])
def test_prepared_rows_survive_a_restart_of_the_reader(server: SqlServer, flush: bool) -> None:
    made(server, "xa")
    server.execute("INSERT INTO xa.t VALUES (8, 'before')")
    server.execute("USE xa", *xa("a", "INSERT INTO t VALUES (1, 'a'), (2, 'b')"), "XA PREPARE 'a'")
    server.execute("INSERT INTO xa.t VALUES (9, 'between')")
    if flush:
        server.flush_logs()
        server.execute("INSERT INTO xa.t VALUES (10, 'between')")
    first = read(server)
    assert ids(first.events) == [8, 9, *[10] * flush]
    (waiting,) = first.place.prepared
    assert waiting.xid == "X'61',X'',1"
    server.execute("INSERT INTO xa.t VALUES (11, 'later')", "XA COMMIT 'a'", "INSERT INTO xa.t VALUES (12, 'last')")

    async def run() -> Reading:
        async with Reading.of(server).at(first.position) as second:
            await second.to_end_of(server)
        return second

    second = asyncio.run(run())
    assert ids(second.events) == [11, 1, 2, 12]
    assert second.place.prepared == ()
    places = [event.place for event in second.events[1:3]]
    assert {place.file for place in places} == {server.binlog_files()[-1].name}


def test_prepared_rows_survive_a_restart_of_the_server(make_mysql: Make[MySQL], make_mariadb: Make[MariaDB]) -> None:
    for make in (make_mysql, make_mariadb):
        server = make(options=FULL)
        made(server, "xa")
        server.execute("USE xa", *xa("a", "INSERT INTO t VALUES (1, 'a')"), "XA PREPARE 'a'")
        server.kill()
        server.start()
        server.execute("INSERT INTO xa.t VALUES (2, 'b')", "XA COMMIT 'a'")
        assert ids(read(server).events) == [2, 1]


def test_reading_that_begins_behind_the_prepare_warns(server: SqlServer, caplog: pytest.LogCaptureFixture) -> None:
    made(server, "xa")
    server.execute("USE xa", *xa("a", "INSERT INTO t VALUES (1, 'a')"), "XA PREPARE 'a'")

    async def run() -> list[Any]:
        async with Reading.of(server, start="latest") as reading:
            server.execute("XA COMMIT 'a'", "INSERT INTO xa.t VALUES (2, 'b')")
            return await reading.until(lambda events: len(events) == 1)

    with caplog.at_level("WARNING"):
        assert ids(asyncio.run(run())) == [2]
    assert "prepared before the place where reading began" in caplog.text


# Kills.


def edges(content: bytes) -> list[int]:
    found, at = [], 4
    while at < len(content):
        found.append(at)
        at += int.from_bytes(content[at + 9 : at + 13], "little")
    return [*found, len(content)]


def assert_every_kill_point_resumes(content: bytes, name: str) -> int:
    """A reading dies in front of each event; the next goes on at its boundary: nothing is lost or comes twice."""
    whole = Decoding().file(content, name=name).rows
    places = edges(content)
    for at in places:
        first = Decoding(make_file=io.BytesIO)
        first.decoder.open_file(name, content[:1024])
        first.chunks([content[4:at]] if at > 4 else [])
        boundary, waiting = first.decoder.boundary, first.decoder.prepared
        assert boundary.position in places
        begin = min((boundary.position, *(found.offset for found in waiting)))
        second = Decoding(quiet_until=(name, boundary.position) if waiting else None)
        second.file(content, name=name, position=begin)
        assert first.rows + second.rows == whole
    return len(places)


def test_a_kill_at_every_event_of_ten_rows_and_of_xa_loses_nothing(server: SqlServer) -> None:
    made(server, "kills")
    inserts = [f"INSERT INTO t VALUES ({n}, 'row')" for n in range(10)]
    server.execute("USE kills", "BEGIN", *inserts, "COMMIT", "INSERT INTO t VALUES (50, 'x')")
    server.execute(
        "USE kills", *xa("a", "INSERT INTO t VALUES (60, 'a')", "DELETE FROM t WHERE id = 3"), "XA PREPARE 'a'"
    )
    server.execute("INSERT INTO kills.t VALUES (70, 'x')", "XA COMMIT 'a'", "INSERT INTO kills.t VALUES (80, 'x')")
    path = server.flush_logs()
    assert assert_every_kill_point_resumes(path.read_bytes(), path.name) > 45


def test_a_kill_at_every_event_of_compressed_transactions_loses_nothing(make_mysql: Make[MySQL]) -> None:
    server = make_mysql()
    made(server, "kills")
    server.execute("USE kills", "SET SESSION binlog_transaction_compression = ON", *WORK)
    xa_work = xa("a", "INSERT INTO t VALUES (6000, REPEAT('a', 900))")
    server.execute("USE kills", "SET SESSION binlog_transaction_compression = ON", *xa_work, "XA PREPARE 'a'")
    server.execute("INSERT INTO kills.t VALUES (7000, 'x')", "XA COMMIT 'a'")
    path = server.flush_logs()
    assert_every_kill_point_resumes(path.read_bytes(), path.name)


# What is undone.


def test_only_what_survives_a_rollback_comes(make_mysql: Make[MySQL], make_mariadb: Make[MariaDB]) -> None:
    without_gtids = {**FULL, "gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"}
    for server in (make_mysql(options=without_gtids), make_mariadb(options=FULL)):
        made(
            server,
            "undone",
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM",
            "CREATE TABLE u (id INT PRIMARY KEY)",
            "CREATE TRIGGER g AFTER INSERT ON u FOR EACH ROW INSERT INTO m VALUES (NEW.id)",
        )
        server.execute(
            "USE undone",
            *("BEGIN", "INSERT INTO t VALUES (1)", "INSERT INTO m VALUES (2)", "INSERT INTO t VALUES (3)", "ROLLBACK"),
            *(
                "BEGIN",
                "INSERT INTO t VALUES (4)",
                "SAVEPOINT s",
                "INSERT INTO u VALUES (5)",
                "INSERT INTO t VALUES (6)",
            ),
            *("ROLLBACK TO s", "INSERT INTO t VALUES (7)", "COMMIT"),
            *("BEGIN", "INSERT INTO t VALUES (8)", "CREATE TEMPORARY TABLE x (a INT)", "INSERT INTO t VALUES (9)"),
            *("ROLLBACK", "INSERT INTO t VALUES (10)"),
        )
        events = read(server).events
        for table in ("t", "m", "u"):
            found = sorted(columns(event.data)["id"] for event in events if event.table == table)
            assert [(each,) for each in found] == list(server.query(f"SELECT id FROM undone.{table} ORDER BY id"))


def test_create_table_select_comes_as_a_statement_and_its_rows(server: SqlServer) -> None:
    made(server, "ctas")
    server.execute("INSERT INTO ctas.t VALUES (1, 'a'), (2, 'b')", "CREATE TABLE ctas.c AS SELECT * FROM ctas.t")
    reading = read(server, ddl=True)
    assert [(event.type, event.table) for event in reading.events] == [
        ("insert", "t"), ("insert", "t"), ("table-create", "c"), ("insert", "c"), ("insert", "c"),
    ]  # fmt: skip
    assert [number for number, _ in reading.boundaries if number in (3, 4)] == []


# What events tell beside rows.


def test_statement_and_session_come_where_they_are_asked_for(make_mysql: Make[MySQL], mariadb: MariaDB) -> None:
    mysql = make_mysql(options={"binlog-rows-query-log-events": "ON"})
    for server in (mysql, mariadb):
        made(server, "told")
        text = "INSERT INTO told.t VALUES (1, 'ä'), (2, 'b')"
        with server.connect(charset="utf8mb4") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID()")
            (session,) = cursor.fetchone() or (None,)
            cursor.execute(text)
            connection.commit()
        shown = read(server, output={"query": True, "thread_id": True, "primary_key_columns": True}).events
        assert [event.query for event in shown] == [text] * 2
        assert [event.primary_key_columns for event in shown] == [("id",)] * 2
        if server is mysql:
            assert [event.thread_id for event in shown] == [session] * 2


# Large packets.


def test_rows_of_16_mib_and_more_come_whole(make_mysql: Make[MySQL], make_mariadb: Make[MariaDB]) -> None:
    for make in (make_mysql, make_mariadb):
        server = make(options={**FULL, "max-allowed-packet": "64M", "binlog-checksum": "NONE"})
        made(server, "big", "CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB)")
        server.execute("INSERT INTO big.t VALUES (0, '')")
        # The row of an empty value tells how much an event has beside it.
        (size,) = [found for kind, found in kinds_and_sizes(server.binlog_files()[-1]) if kind in (23, 30)]
        exact = 0xFFFFFF - 1 - size
        lengths = [20 << 20, exact - 1, exact, exact + 1]
        for number, length in enumerate(lengths, 1):
            server.execute(f"INSERT INTO big.t VALUES ({number}, REPEAT('x', {length}))")
        server.execute("INSERT INTO big.t VALUES (99, 'end')")
        sizes = [found for kind, found in kinds_and_sizes(server.binlog_files()[-1]) if kind in (23, 30)]
        assert 0xFFFFFF - 1 in sizes
        events = read(server).events
        assert [len(columns(event.data)["v"]) for event in events] == [0, *lengths, 3]


def kinds_and_sizes(path: Path) -> list[tuple[int, int]]:
    content = path.read_bytes()
    return [(content[at + 4], int.from_bytes(content[at + 9 : at + 13], "little")) for at in edges(content)[:-1]]


# The stream's own matters.


class Stream:
    """A dump command by hand, and what comes behind it; the answers to semi-synchronous questions too."""

    def __init__(self, server: SqlServer, *, semi_sync: bool) -> None:
        self.connection = server.connect(read_timeout=20)
        with self.connection.cursor() as cursor:
            cursor.execute("SET @master_binlog_checksum = @@GLOBAL.binlog_checksum")
            cursor.execute("SET @mariadb_slave_capability = 4, @slave_uuid = UUID(), @replica_uuid = UUID()")
            if semi_sync:
                cursor.execute("SET @rpl_semi_sync_slave = 1, @rpl_semi_sync_replica = 1")
            cursor.execute("SELECT @@GLOBAL.binlog_checksum")
            ((checksum,),) = cursor.fetchall()
        command = struct.pack("<BIHI", 0x12, 4, 2 if isinstance(server, MariaDB) else 0, 4711) + b"binlog.000001"
        self.socket: Any = self.connection._sock  # type: ignore[attr-defined]
        self.socket.sendall(struct.pack("<I", len(command)) + command)
        self.reading = Decoding(mode="stream", semi_sync=semi_sync, declared_checksum=checksum == "CRC32")

    def until(self, enough: Callable[[Decoding], bool]) -> Decoding:
        while not enough(self.reading):
            chunk = self.socket.recv(1 << 16)
            assert chunk, "the server closed the stream"
            self.reading.chunks([chunk])
        return self.reading

    def answer(self) -> None:
        asked = self.reading.decoder.wants_ack
        assert asked is not None
        payload = b"\xef" + asked[1].to_bytes(8, "little") + asked[0].encode()
        self.socket.sendall(struct.pack("<I", len(payload)) + payload)

    def close(self) -> None:
        self.connection._force_close()  # type: ignore[attr-defined]


def has_rows(number: int) -> Callable[[Decoding], bool]:
    return lambda reading: len(reading.rows) == number


def waiting_server(make: Make[Any]) -> SqlServer:
    """A server that waits for acknowledgements from here on, for 20 s each."""
    server: SqlServer = make(options=FULL)
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    name = "master" if isinstance(server, MariaDB) else "source"
    if name == "source":
        server.execute("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
    for variable, value in (("timeout", 20_000), ("enabled", "ON")):
        server.execute(f"SET GLOBAL rpl_semi_sync_{name}_{variable} = {value}")
    return server


@pytest.mark.parametrize("kind", ["make_mysql", "make_mariadb"])
def test_a_server_waits_for_the_answer_that_the_decoder_tells(request: pytest.FixtureRequest, kind: str) -> None:
    server = waiting_server(request.getfixturevalue(kind))
    stream = Stream(server, semi_sync=True)
    stream.until(lambda reading: reading.decoder.boundary.position > 400)

    async def run() -> None:
        for number in (1, 2):
            commit = asyncio.create_task(asyncio.to_thread(server.execute, f"INSERT INTO d.t VALUES ({number})"))
            await asyncio.to_thread(stream.until, has_rows(number))
            boundary = stream.reading.decoder.boundary
            assert stream.reading.decoder.wants_ack == (boundary.file, boundary.position)
            assert not commit.done()
            stream.answer()
            await commit

    asyncio.run(run())
    acknowledged = dict(server.query("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_%_tx'"))
    assert [value for name, value in acknowledged.items() if name.endswith(("yes_tx", "no_tx"))] == ["0", "2"]
    stream.close()


def test_semi_sync_asked_of_a_server_without_it_changes_nothing(server: SqlServer) -> None:
    made(server, "nosync")
    server.execute("INSERT INTO nosync.t VALUES (1, 'a')")
    stream = Stream(server, semi_sync=True)
    reading = stream.until(has_rows(1))
    assert reading.rows == [{"id": 1, "v": "a"}]
    stream.close()


def test_an_encrypted_binlog_is_refused_as_a_file_and_read_as_a_stream(
    make_mariadb: Make[MariaDB], tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text("1;770A8A65DA156D24EE2A093277530142\n")
    encrypted = {
        "plugin-load-add": "file_key_management",
        "file-key-management-filename": str(keys),
        "encrypt-binlog": "ON",
    }
    server = make_mariadb(options={**FULL, **encrypted})
    made(server, "secret")
    server.execute("INSERT INTO secret.t VALUES (1, 'a'), (2, 'b')", "INSERT INTO secret.t VALUES (3, 'c')")
    reading = read(server)
    assert ids(reading.events) == [1, 2, 3]
    file, size = server.query("SHOW BINARY LOGS")[-1][:2]
    assert (reading.place.file, reading.place.offset) == (file, size)
    resumed = read_from(server, reading.boundaries[0][1])
    assert ids(resumed.events) == ids(reading.events)[reading.boundaries[0][0] :]
    content = server.flush_logs().read_bytes()
    with pytest.raises(UnsupportedEvent, match=r"START_ENCRYPTION.*encrypt_binlog"):
        Decoding().file(content)


def read_from(server: SqlServer, position: bytes) -> Reading:
    async def run() -> Reading:
        async with Reading.of(server).at(position) as reading:
            await reading.to_end_of(server)
        return reading

    return asyncio.run(run())
