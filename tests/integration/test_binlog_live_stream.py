"""A live stream that starts, breaks, pauses and goes on: nothing is lost and nothing comes twice."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.components.collectors.reading import Reading, columns, plain
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.errors import Retryable, SetupError

pytestmark = pytest.mark.servers

MakeAny = Callable[..., SqlServer]


@pytest.fixture(params=["mysql", "mariadb"])
def make(request: pytest.FixtureRequest) -> MakeAny:
    """Starts servers of either kind with names in their binlog."""
    factory: MakeAny = request.getfixturevalue(f"make_{request.param}")

    def started(**options: str | int) -> SqlServer:
        return factory(options={"binlog-row-metadata": "FULL", **options})

    return started


@pytest.fixture
def server(make: MakeAny) -> SqlServer:
    found = make()
    found.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(50))")
    return found


@pytest.fixture(params=["mysql", "mariadb"])
def shared(request: pytest.FixtureRequest) -> Iterator[SqlServer]:
    """A server that other tests use too, with a database `stream`."""
    found: SqlServer = request.getfixturevalue(request.param)
    found.execute("DROP DATABASE IF EXISTS stream", "CREATE DATABASE stream")
    found.execute("CREATE TABLE stream.t (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(50))")
    yield found
    found.execute("DROP DATABASE stream")


def of_stream(server: SqlServer, **options: Any) -> Reading:
    return Reading.of(server, **{"start": "latest", "tables": {"include": ["stream.*"]}, **options})


def ids(events: list[Any]) -> list[int]:
    return [columns(event.data)["id"] for event in events]


def test_restart_at_every_boundary_reads_the_rest_once(server: SqlServer) -> None:
    async def run() -> None:
        async with Reading.of(server) as first:
            for number in range(6):
                rows = ", ".join(f"('{number}.{row}')" for row in range(1 + number % 3))
                server.execute("BEGIN", f"INSERT INTO d.t (x) VALUES {rows}", "UPDATE d.t SET x = 'u'", "COMMIT")
                if number == 3:
                    server.query("FLUSH BINARY LOGS")
                await first.to_end_of(server)
        assert len({count for count, _ in first.boundaries}) >= 7
        for count, position in first.boundaries:
            async with Reading.of(server, until_end=True).at(position) as again:
                await again.to_end()
            assert plain(again.events) == plain(first.events[count:])
            assert [e.xid for e in again.events] == [e.xid for e in first.events[count:]]

    asyncio.run(run())


def test_positions_lie_only_between_transactions(server: SqlServer) -> None:
    server.execute("BEGIN", *("INSERT INTO d.t (x) VALUES ('x')" for _ in range(10)), "COMMIT")

    async def run() -> None:
        async with Reading.of(server, until_end=True, hold_max_bytes=0) as reading:
            await reading.to_end()
        assert {count for count, _ in reading.boundaries} == {0, 10}
        assert [event.commit is True for event in reading.events] == [False] * 9 + [True]

    asyncio.run(run())


def test_killed_server_is_retryable_and_reading_goes_on_where_it_was(server: SqlServer) -> None:
    async def run() -> list[Any]:
        async with Reading.of(server) as first:
            server.execute("INSERT INTO d.t (x) VALUES ('a'), ('b')")
            await first.to_end_of(server)
            server.kill()
            with pytest.raises(Retryable):
                await first.until(lambda events: False)
            with pytest.raises(Retryable):
                await Reading.of(server, connect_timeout_ms=500).open(first.position)
        server.start()
        server.execute("INSERT INTO d.t (x) VALUES ('c')")
        async with Reading.of(server).at(first.position) as second:
            await second.to_end_of(server)
        return plain(first.events + second.events)

    assert [row["x"] for _, _, row in asyncio.run(run())] == ["a", "b", "c"]


def test_same_collector_opens_again_after_its_server_was_killed(server: SqlServer) -> None:
    async def run() -> list[Any]:
        async with Reading.of(server) as reading:
            server.execute("INSERT INTO d.t (x) VALUES ('a')")
            await reading.to_end_of(server)
            server.kill()
            with pytest.raises(Retryable):
                await reading.until(lambda events: False)
            await reading.collector.close()
            server.start()
            server.execute("INSERT INTO d.t (x) VALUES ('b')")
            await reading.open(reading.position)
            return plain(await reading.to_end_of(server))

    assert [row["x"] for _, _, row in asyncio.run(run())] == ["a", "b"]


def test_stream_killed_under_load_loses_and_repeats_nothing(server: SqlServer) -> None:
    stop = False

    def load() -> int:
        """Insert one row after the other until told to stop; how many were committed."""
        done = 0
        with server.connect() as connection, connection.cursor() as cursor:
            while not stop:
                done += cursor.execute("INSERT INTO d.t (x) VALUES ('load'), ('load')")
        return done

    def end_streams() -> None:
        for row in server.query("SHOW PROCESSLIST"):
            if str(row[4]).startswith("Binlog Dump"):
                with contextlib.suppress(Exception):
                    server.query(f"KILL {row[0]}")

    async def run() -> None:
        nonlocal stop
        writer = asyncio.create_task(asyncio.to_thread(load))
        reading = Reading.of(server)
        await reading.open()
        for _ in range(5):
            wanted = len(reading.events) + 20
            await reading.until(lambda events, wanted=wanted: len(events) >= wanted)
            await asyncio.to_thread(end_streams)
            with pytest.raises(Retryable):
                await reading.until(lambda events: False)
            await reading.collector.close()
            at, position = reading.boundaries[-1]
            assert at == len(reading.events)
            await reading.open(position)
        stop = True
        done = await writer
        await reading.to_end_of(server)
        await reading.collector.close()
        assert ids(reading.events) == sorted(row[0] for row in server.query("SELECT id FROM d.t"))
        assert len(reading.events) == done

    asyncio.run(run())


def test_silent_server_is_given_up_after_missed_heartbeats(server: SqlServer) -> None:
    async def run() -> None:
        async with Reading.of(server, heartbeat_interval_ms=200) as reading:
            await reading.to_end_of(server)
            server.pause()
            try:
                began = time.monotonic()
                with pytest.raises(Retryable, match="not even a heartbeat"):
                    await reading.until(lambda events: False)
                assert 0.3 < time.monotonic() - began < 5
            finally:
                server.resume()
            await reading.collector.close()
            server.execute("INSERT INTO d.t (x) VALUES ('after')")
            await reading.open(reading.position)
            assert ids(await reading.to_end_of(server)) == [1]

    asyncio.run(run())


def test_idle_stream_lives_on_its_heartbeats(shared: SqlServer) -> None:
    async def run() -> None:
        async with of_stream(shared, heartbeat_interval_ms=100) as reading:
            await reading.to_end_of(shared)
            with pytest.raises(TimeoutError):  # and not Retryable after 0.25 s
                async with asyncio.timeout(1.5):
                    await reading.until(lambda events: False)
            assert reading.collector.lag() == {"seconds": 0.0, "bytes": 0.0}
            shared.execute("INSERT INTO stream.t (x) VALUES ('still here')")
            assert ids(await reading.to_end_of(shared)) == [1]

    asyncio.run(run())


def test_consumer_that_pauses_longer_than_net_write_timeout_keeps_its_stream(make: MakeAny) -> None:
    server = make(**{"net-write-timeout": 2})
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, x LONGTEXT)")
    server.execute(*("INSERT INTO d.t (x) VALUES (REPEAT('x', 1000000))" for _ in range(40)))

    async def run() -> None:
        async with Reading.of(server, read_buffer_bytes=65_536) as reading:
            await reading.until(lambda events: len(events) > 0)
            await asyncio.sleep(6)
            assert ids(await reading.to_end_of(server)) == list(range(1, 41))

    asyncio.run(run())


def test_new_binlog_file_in_mid_stream(shared: SqlServer) -> None:
    async def run() -> None:
        async with of_stream(shared) as reading:
            files = set()
            for number in range(4):
                shared.execute(f"INSERT INTO stream.t (x) VALUES ('{number}')")
                await reading.to_end_of(shared)
                files.add(reading.place.file)
                shared.query("FLUSH BINARY LOGS")
            await reading.to_end_of(shared)
            files.add(reading.place.file)
        assert [row["x"] for _, _, row in plain(reading.events)] == ["0", "1", "2", "3"]
        assert len(files) == 5

    asyncio.run(run())


def test_row_larger_than_a_packet(make: MakeAny) -> None:
    server = make(**{"max-allowed-packet": "64M"})
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, x LONGTEXT)")
    sizes = (17_825_792, 16_777_215 - 60, 16_777_215 - 35, 1)
    server.execute(*(f"INSERT INTO d.t VALUES ({n}, REPEAT('x', {size}))" for n, size in enumerate(sizes)))

    async def run() -> None:
        async with Reading.of(server, hold_max_bytes=1) as reading:
            await reading.to_end_of(server)
        assert [len(columns(event.data)["x"]) for event in reading.events] == list(sizes)

    asyncio.run(run())


def test_start_latest_sees_nothing_old_and_stores_where_it_began(shared: SqlServer) -> None:
    shared.execute("INSERT INTO stream.t (x) VALUES ('old')")

    async def run() -> None:
        async with of_stream(shared) as first:
            await first.step()
            assert first.events == []
            began = first.position
        shared.execute("INSERT INTO stream.t (x) VALUES ('while it was down')")
        async with of_stream(shared).at(began) as second:
            assert [row["x"] for _, _, row in plain(await second.to_end_of(shared))] == ["while it was down"]

    asyncio.run(run())


def test_start_at_a_file_and_position(server: SqlServer) -> None:
    server.execute("INSERT INTO d.t (x) VALUES ('before')")
    file, size = server.query("SHOW BINARY LOGS")[-1][:2]
    server.execute("INSERT INTO d.t (x) VALUES ('after')")

    async def run() -> list[Any]:
        async with Reading.of(server, until_end=True, start={"file": file, "position": size}) as reading:
            return plain(await reading.to_end())

    assert [row["x"] for _, _, row in asyncio.run(run())] == ["after"]


def test_start_behind_a_gtid_set(server: SqlServer) -> None:
    server.execute("INSERT INTO d.t (x) VALUES ('before')")
    name = "gtid_binlog_pos" if isinstance(server, MariaDB) else "gtid_executed"
    ((seen,),) = server.query(f"SELECT @@GLOBAL.{name}")
    server.query("FLUSH BINARY LOGS")
    server.execute("INSERT INTO d.t (x) VALUES ('after')", "INSERT INTO d.t (x) VALUES ('more')")

    async def run() -> None:
        async with Reading.of(server, start={"gtid": seen}) as reading:
            await reading.until(lambda events: len(events) == 2)
            assert [row["x"] for _, _, row in plain(reading.events)] == ["after", "more"]
        async with Reading.of(server, until_end=True).at(reading.boundaries[0][1]) as again:
            await again.to_end()
        assert plain(again.events) == plain(reading.events[reading.boundaries[0][0] :])

    asyncio.run(run())


def test_stored_gtid_set_is_that_of_the_server(server: SqlServer) -> None:
    name = "gtid_binlog_pos" if isinstance(server, MariaDB) else "gtid_executed"

    async def run() -> None:
        for start in ("latest", "earliest"):
            async with Reading.of(server, start=start) as reading:
                server.execute("INSERT INTO d.t (x) VALUES ('a')", "INSERT INTO d.t (x) VALUES ('b')")
                await reading.to_end_of(server)
                assert reading.place.gtid == server.query(f"SELECT @@GLOBAL.{name}")[0][0]

    asyncio.run(run())


@pytest.mark.parametrize("checksum", ["NONE", "CRC32"])
def test_checksums_of_a_stream_can_be_verified(make: MakeAny, checksum: str) -> None:
    server = make(**{"binlog-checksum": checksum})
    server.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1), (2)")
    server.query("FLUSH BINARY LOGS")
    server.execute("INSERT INTO d.t VALUES (3)")

    async def run() -> None:
        async with Reading.of(server, verify_checksum=True) as reading:
            assert ids(await reading.to_end_of(server)) == [1, 2, 3]

    asyncio.run(run())


def test_until_end_stops_at_what_was_the_end_at_open(server: SqlServer) -> None:
    server.execute("INSERT INTO d.t (x) VALUES ('in time')")

    async def run() -> None:
        async with Reading.of(server, until_end=True) as reading:
            server.execute("INSERT INTO d.t (x) VALUES ('late')")
            await reading.to_end()
            xs = [row["x"] for _, _, row in plain(reading.events)]
        assert xs[0] == "in time"
        async with Reading.of(server, until_end=True) as whole:
            await whole.to_end()
        assert [row["x"] for _, _, row in plain(whole.events)] == ["in time", "late"]
        async with Reading.of(server, until_end=True).at(whole.position) as nothing:
            assert await nothing.to_end() == []

    asyncio.run(run())


def test_lag_tells_bytes_and_seconds_behind(server: SqlServer) -> None:
    server.execute(*("INSERT INTO d.t (x) VALUES ('x')" for _ in range(3)))

    async def run() -> None:
        async with Reading.of(server) as reading:
            lag = reading.collector.lag()
            assert lag["bytes"] > 500
            await reading.to_end_of(server)
            assert reading.collector.lag()["bytes"] < lag["bytes"]

    asyncio.run(run())


def test_later_position_covers_earlier_ones(server: SqlServer) -> None:
    async def run() -> None:
        async with Reading.of(server) as reading:
            for _ in range(3):
                server.execute("INSERT INTO d.t (x) VALUES ('x')")
                await reading.to_end_of(server)
                server.query("FLUSH BINARY LOGS")
            positions = [position for _, position in reading.boundaries]
            for index, position in enumerate(positions):
                assert all(reading.collector.covers(position, earlier) for earlier in positions[: index + 1])
                assert not any(
                    reading.collector.covers(position, later) for later in positions[index + 1 :] if later != position
                )

    asyncio.run(run())


def certificate(folder: Path) -> dict[str, str]:
    """Server options with a certificate for 127.0.0.1 that signs itself."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name, *files],
        check=True,
        capture_output=True,
    )
    return {"ssl-cert": str(cert), "ssl-key": str(key)}


def test_account_that_demands_tls_is_read_over_tls(make: MakeAny, tmp_path: Path) -> None:
    options = certificate(tmp_path)
    server = make(**options)
    server.execute(
        "CREATE DATABASE stream",
        "CREATE TABLE stream.t (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(50))",
        "CREATE USER careful IDENTIFIED BY 'secret' REQUIRE SSL",
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO careful",
    )
    account = {"user": "careful", "password": "secret"}
    ca = options["ssl-cert"]

    async def run() -> None:
        for mode in ("required", "verify_ca", "verify_identity", "preferred"):
            async with of_stream(server, tls={"mode": mode, "ca": ca}, **account) as reading:
                server.execute("INSERT INTO stream.t (x) VALUES ('secret')")
                await reading.to_end_of(server)
                assert len(reading.events) == 1
        with pytest.raises(SetupError, match="Access denied"):
            await of_stream(server, tls={"mode": "disabled"}, **account).open()

    asyncio.run(run())


def test_new_account_logs_in_without_tls(shared: SqlServer) -> None:
    shared.execute(
        "DROP USER IF EXISTS plain",
        "CREATE USER plain IDENTIFIED BY 'pässword'",  # never logged in: caching_sha2_password asks for RSA
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO plain",
    )

    async def run() -> None:
        async with of_stream(shared, tls={"mode": "disabled"}, user="plain", password="pässword") as reading:
            await reading.to_end_of(shared)

    asyncio.run(run())


def test_certificate_that_cannot_be_trusted_is_refused(mysql: MySQL, tmp_path: Path) -> None:
    async def run() -> None:
        with pytest.raises(SetupError, match=r"certificate|self-signed") as caught:
            await Reading.of(mysql, tls={"mode": "verify_ca"}).open()
        assert "tls.ca" in caught.value.hint
        with pytest.raises(SetupError, match=r"[Hh]ostname|IP address"):
            await Reading.of(mysql, tls={"mode": "verify_identity", "ca": str(mysql.data / "ca.pem")}).open()
        with pytest.raises(SetupError, match="cannot load the certificates"):
            await Reading.of(mysql, tls={"mode": "verify_ca", "ca": str(tmp_path / "none.pem")}).open()

    asyncio.run(run())


def test_tls_that_the_server_does_not_offer_is_refused_where_it_is_required(mariadb: MariaDB) -> None:
    if mariadb.query("SELECT @@have_ssl") == [("YES",)]:
        pytest.skip("this MariaDB makes a certificate for itself")

    async def run() -> None:
        with pytest.raises(SetupError, match=r"TLS|SSL"):
            await Reading.of(mariadb, tls={"mode": "required"}).open()

    asyncio.run(run())


def test_unix_socket(shared: SqlServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = Path("/tmp") / f"wlf-{shared.port}.sock"  # a socket's path has at most 107 bytes
    link.unlink(missing_ok=True)
    link.symlink_to(shared.socket)

    async def run() -> None:
        async with of_stream(shared, unix_socket=str(link)) as reading:
            shared.execute("INSERT INTO stream.t (x) VALUES ('socket')")
            assert ids(await reading.to_end_of(shared)) == [1]

    try:
        asyncio.run(run())
    finally:
        link.unlink()


def test_idle_side_connection_that_the_server_dropped_is_made_again(mariadb: MariaDB) -> None:
    mariadb.execute("DROP DATABASE IF EXISTS side", "CREATE DATABASE side")

    async def run() -> None:
        async with Reading.of(mariadb, start="latest", tables={"include": ["side.*"]}) as reading:
            for number in range(2):
                mariadb.execute(f"CREATE TABLE side.t{number} (id INT)", f"INSERT INTO side.t{number} VALUES (1)")
                await reading.to_end_of(mariadb)
                for row in mariadb.query("SHOW PROCESSLIST"):
                    if row[4] == "Sleep":
                        mariadb.query(f"KILL {row[0]}")
            assert [event.table for event in reading.events] == ["t0", "t1"]

    try:
        asyncio.run(run())
    finally:
        mariadb.execute("DROP DATABASE side")
