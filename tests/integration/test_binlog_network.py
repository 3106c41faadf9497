"""The network breaks, falls silent or brings a stranger: nothing is lost, nothing comes twice, nothing hangs."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.components.certificates import certificate
from tests.components.collectors.reading import Reading, columns
from tests.servers.fixtures import Make
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.proxy import Proxy
from tests.servers.sql import SqlServer
from wlf.components.collectors._binlog.dump import Identity
from wlf.errors import ComponentError, Retryable, SetupError

pytestmark = pytest.mark.servers


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[SqlServer]:
    """A server that other tests use too, with a database `net`."""
    found: SqlServer = request.getfixturevalue(request.param)
    with _with_table(found):
        yield found


@pytest.fixture(params=["mysql", "mariadb"])
def encrypting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlServer]:
    """A server that speaks TLS."""
    cert, key = certificate(tmp_path)
    make = request.getfixturevalue(f"make_{request.param}")
    found: SqlServer = make(options={"binlog-row-metadata": "FULL", "ssl-cert": str(cert), "ssl-key": str(key)})
    with _with_table(found):
        yield found


@contextmanager
def _with_table(server: SqlServer) -> Iterator[None]:
    server.execute("DROP DATABASE IF EXISTS net", "CREATE DATABASE net")
    server.execute("CREATE TABLE net.t (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(60))")
    yield
    server.execute("DROP DATABASE net")


def of(server: SqlServer, **options: Any) -> Reading:
    return Reading.of(server, **{"start": "latest", "tables": {"include": ["net.*"]}, **options})


def ids(reading: Reading) -> list[int]:
    return [columns(event.data)["id"] for event in reading.events]


def began(server: SqlServer) -> bytes:
    """The end of the binlog, as a stored position."""

    async def run() -> bytes:
        async with of(server) as reading:
            await reading.step()
            return reading.position

    return asyncio.run(run())


async def lives(reading: Reading, position: bytes, last: int) -> list[int]:
    """Ids by as many connections as it takes, each begun at the last position that came."""
    found: list[int] = []
    while not found or found[-1] != last:
        with suppress(Retryable):
            await reading.open(position)
            while not ids(reading) or ids(reading)[-1] != last or reading.boundaries[-1][0] != len(reading.events):
                await reading.step()
        await reading.collector.close()
        if reading.boundaries:
            count, position = reading.boundaries[-1]
            found += ids(reading)[:count]
        reading.events.clear()
        reading.boundaries.clear()
    return found


def test_cut_at_every_event_boundary_loses_and_repeats_nothing(server: SqlServer) -> None:
    position = began(server)
    server.execute(
        "INSERT INTO net.t (x) VALUES ('a'), ('b')",
        "BEGIN",
        "INSERT INTO net.t (x) VALUES ('c')",
        "UPDATE net.t SET x = 'd' WHERE id = 3",
        "INSERT INTO net.t (x) VALUES ('e')",
        "COMMIT",
        "FLUSH BINARY LOGS",
        "CREATE TABLE net.other (id INT)",
        "INSERT INTO net.t (x) VALUES ('f')",
    )
    plain = {"tls": {"mode": "disabled"}, "heartbeat_interval_ms": 30_000}

    async def run() -> None:
        with Proxy(server.port) as proxy:
            assert await lives(of(server, port=proxy.port, **plain), position, 5) == [1, 2, 3, 3, 4, 5]
            # The collector's second connection is the stream.
            ends = packet_ends(bytes(proxy.sent[1]))
        assert len(ends) > 25
        for end in ends[3:]:
            with Proxy(server.port, lambda number, end=end: end if number == 1 else None) as proxy:
                assert await lives(of(server, port=proxy.port, **plain), position, 5) == [1, 2, 3, 3, 4, 5], end

    asyncio.run(run())


def packet_ends(sent: bytes) -> list[int]:
    """Where each packet ends."""
    ends = [0]
    while ends[-1] + 4 <= len(sent):
        ends.append(ends[-1] + 4 + int.from_bytes(sent[ends[-1] : ends[-1] + 3], "little"))
    return [end for end in ends[1:] if end <= len(sent)]


@pytest.mark.parametrize(("mode", "limits"), [("disabled", (4_000, 10_000)), ("required", (15_000, 25_000))])
def test_network_that_breaks_anywhere_loses_and_repeats_nothing(
    encrypting: SqlServer, mode: str, limits: tuple[int, int]
) -> None:
    position = began(encrypting)
    long = "x" * 50
    encrypting.execute(*(f"INSERT INTO net.t (x) VALUES ('{n}'), ('{long}'), ('{long}')" for n in range(200)))
    dice = random.Random(4)

    async def run() -> None:
        with Proxy(encrypting.port, lambda _: dice.randint(*limits)) as proxy:
            reading = of(encrypting, port=proxy.port, tls={"mode": mode})
            assert await lives(reading, position, 600) == list(range(1, 601))
            assert proxy.cuts > 2
            assert reading.counted("wlf_binlog_reconnects_total") > 2

    asyncio.run(run())


@pytest.mark.parametrize("mode", ["disabled", "required"])
def test_half_open_connection_is_found_within_two_heartbeats(encrypting: SqlServer, mode: str) -> None:
    async def run() -> None:
        with Proxy(encrypting.port) as proxy:
            async with of(encrypting, port=proxy.port, tls={"mode": mode}, heartbeat_interval_ms=2000) as reading:
                await reading.to_end_of(encrypting)
                proxy.silence()
                since = time.monotonic()
                with pytest.raises(Retryable, match="not even a heartbeat"):
                    await reading.until(lambda events: False)
                # Silence began with the last heartbeat; the rest is what a busy machine takes to notice.
                assert time.monotonic() - since < 4.0 + 1.0
                encrypting.execute("INSERT INTO net.t (x) VALUES ('meanwhile')")
                await reading.collector.close()
                proxy.heal()
                await reading.open(reading.position)
                await reading.to_end_of(encrypting)
                assert ids(reading) == [1]

    asyncio.run(run())


def test_slow_network_is_not_taken_for_a_dead_one(server: SqlServer) -> None:
    position = began(server)
    server.execute(*("INSERT INTO net.t (x) VALUES ('slow')" for _ in range(20)))

    async def run() -> None:
        with Proxy(server.port) as proxy:
            proxy.delay_s = 0.1
            async with of(server, port=proxy.port, heartbeat_interval_ms=100).at(position) as reading:
                await reading.until(lambda events: len(events) == 20)

    asyncio.run(run())


# Others with the same name.


def test_second_replica_with_the_same_id_ends_the_first_for_good(server: SqlServer) -> None:
    async def run() -> ComponentError:
        async with of(server, server_id=4242) as first:
            await first.to_end_of(server)
            async with of(server, server_id=4242) as second:
                with pytest.raises(ComponentError) as caught:
                    await first.until(lambda events: False)
                server.execute("INSERT INTO net.t (x) VALUES ('only one reads')")
                await second.to_end_of(server)
                assert ids(second) == [1]
        return caught.value

    error = asyncio.run(run())
    assert isinstance(error, SetupError)
    assert "another replica uses this `server_id`" in error.hint


def test_drawn_id_that_another_replica_has_is_drawn_again(server: SqlServer) -> None:
    async def run() -> None:
        async with of(server) as first:
            await first.to_end_of(server)
            mine = first.collector._identity
            assert mine is not None
            before = mine.server_id
            second = of(server)
            twin = second.collector._identity = Identity(before)
            twin.uuid = mine.uuid
            async with second:
                with pytest.raises(Retryable, match="another server_id is drawn"):
                    await first.until(lambda events: False)
                assert mine.server_id != before
                await first.collector.close()
                await first.open(first.position)
                server.execute("INSERT INTO net.t (x) VALUES ('both read')")
                for reading in (first, second):
                    await reading.to_end_of(server)
                    assert ids(reading) == [1]

    asyncio.run(run())


# Semi-synchronous replication.


@contextmanager
def waiting(server: SqlServer) -> Iterator[None]:
    """The server waits for an acknowledgement of each transaction before it commits it."""
    name = "rpl_semi_sync_source" if isinstance(server, MySQL) else "rpl_semi_sync_master"
    if isinstance(server, MySQL):
        server.execute("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
    server.execute(f"SET GLOBAL {name}_wait_point = 'AFTER_SYNC'", f"SET GLOBAL {name}_timeout = 20000")
    server.query(f"SET GLOBAL {name}_enabled = ON")
    yield
    server.query(f"SET GLOBAL {name}_enabled = OFF")


@pytest.mark.parametrize("mode", ["disabled", "required"])
def test_commit_waits_until_its_transaction_is_stored(encrypting: SqlServer, mode: str) -> None:
    async def run() -> None:
        async with of(encrypting, semi_sync=True, tls={"mode": mode}) as reading:
            await reading.to_end_of(encrypting)
            for number in (1, 2, 3):
                insert = f"INSERT INTO net.t (x) VALUES ('{number}')"
                writing = asyncio.create_task(asyncio.to_thread(encrypting.execute, insert))
                await reading.until(lambda events, number=number: len(events) == number)
                # Read, and not stored: the writer waits, and nobody else sees the row.
                await asyncio.sleep(0.2)
                assert not writing.done()
                assert encrypting.query("SELECT COUNT(*) FROM net.t") == [(number - 1,)]
                await reading.collector.commit({"binlog": reading.position})
                await asyncio.wait_for(writing, 5)
        assert [count for _, count in encrypting.query("SHOW STATUS LIKE 'Rpl_semi_sync_%_no_tx'")] == ["0"]

    with waiting(encrypting):
        asyncio.run(run())


def test_transaction_that_waits_for_its_acknowledgement_does_not_stop_a_restart(make_mysql: Make[MySQL]) -> None:
    """It was read and stored, and is in no gtid_executed yet: the server is not taken for one that was reset."""
    server = make_mysql()

    async def run() -> None:
        async with of(server, semi_sync=True) as first:
            await first.to_end_of(server)
            insert = "INSERT INTO net.t (x) VALUES ('waits')"
            writing = asyncio.create_task(asyncio.to_thread(server.execute, insert))
            await first.until(lambda events: len(events) == 1)
        assert first.place.offset == server.query("SHOW BINARY LOGS")[-1][1]
        assert server.query("SELECT COUNT(*) FROM net.t") == [(0,)]
        assert not writing.done()
        async with of(server, semi_sync=True).at(first.position):
            # Whoever begins behind a transaction has it: the server takes that for an acknowledgement.
            await asyncio.wait_for(writing, 5)

    with _with_table(server), waiting(server):
        asyncio.run(run())


def test_semi_sync_that_the_server_does_not_do_is_warned_about(
    server: SqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with of(server, semi_sync=True) as reading:
            server.execute("INSERT INTO net.t (x) VALUES ('read all the same')")
            await reading.to_end_of(server)
            assert ids(reading) == [1]

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert "the server does not wait for acknowledgements" in caplog.text


# Accounts.

ACCOUNTS = [
    ("mysql", "caching_sha2_password", "IDENTIFIED WITH caching_sha2_password BY 'pässword'"),
    ("mysql", "sha256_password", "IDENTIFIED WITH sha256_password BY 'pässword'"),
    ("mariadb", "mysql_native_password", "IDENTIFIED VIA mysql_native_password USING PASSWORD('pässword')"),
    ("mariadb", "ed25519", "IDENTIFIED VIA ed25519 USING PASSWORD('pässword')"),
]


@pytest.mark.parametrize("mode", ["disabled", "preferred"])
@pytest.mark.parametrize(("kind", "method", "identified"), ACCOUNTS, ids=[method for _, method, _ in ACCOUNTS])
def test_account_logs_in_by_its_method(
    request: pytest.FixtureRequest, kind: str, method: str, identified: str, mode: str
) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    if method == "ed25519":
        with suppress(Exception):
            server.execute("INSTALL SONAME 'auth_ed25519'")
    server.execute(
        "DROP USER IF EXISTS methodical",
        f"CREATE USER methodical {identified}",
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO methodical",
    )

    async def run() -> None:
        account = {"user": "methodical", "password": "pässword", "tls": {"mode": mode}}
        async with Reading.of(server, start="latest", **account) as reading:
            await reading.to_end_of(server)
        with pytest.raises(SetupError, match="Access denied"):
            await Reading.of(server, **{**account, "password": "wrong"}).open()

    asyncio.run(run())


def test_missing_library_of_ed25519_is_named(mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    with suppress(Exception):
        mariadb.execute("INSTALL SONAME 'auth_ed25519'")
    mariadb.execute("CREATE OR REPLACE USER edward IDENTIFIED VIA ed25519 USING PASSWORD('secret')")
    monkeypatch.setattr("pymysql._auth._nacl_bindings", None)
    monkeypatch.setitem(__import__("sys").modules, "nacl", None)
    with pytest.raises(SetupError, match="pynacl") as caught:
        asyncio.run(Reading.of(mariadb, user="edward", password="secret").open())
    assert 'pip install "wlf[mysql]"' in caught.value.hint


def test_account_of_the_unix_socket_is_told_so(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE OR REPLACE USER socketeer IDENTIFIED VIA unix_socket")
    with pytest.raises(SetupError, match="Access denied") as caught:
        asyncio.run(Reading.of(mariadb, user="socketeer", password="secret").open())
    assert "logs in over the Unix socket only: set `unix_socket`" in caught.value.hint


def test_certificate_is_checked_as_far_as_the_mode_says(encrypting: SqlServer, tmp_path: Path) -> None:
    """On both makes of server; the certificate is its own authority, and is for 127.0.0.1."""
    mine = str(tmp_path / "cert.pem")
    other = tmp_path / "other"
    other.mkdir()
    wrong = str(certificate(other)[0])

    async def opens(mode: str, **tls: str) -> None:
        async with of(encrypting, tls={"mode": mode, **tls}) as reading:
            await reading.to_end_of(encrypting)

    async def run() -> None:
        for mode in ("disabled", "preferred", "required"):
            await opens(mode)
        for mode in ("verify_ca", "verify_identity"):
            await opens(mode, ca=mine)
            for bad in ({}, {"ca": wrong}):
                with pytest.raises(SetupError, match=r"certificate|self-signed") as caught:
                    await opens(mode, **bad)
                assert "tls.ca" in caught.value.hint

    asyncio.run(run())


# What it says of itself.


def test_place_and_host_are_metrics_with_one_series_each(server: SqlServer) -> None:
    async def run() -> None:
        async with of(server) as reading:
            server.execute("INSERT INTO net.t (x) VALUES ('x')")
            await reading.to_end_of(server)
            reading.collector.lag()
            assert reading.counted("wlf_binlog_file_number") == int(reading.place.file.rpartition(".")[2])
            assert reading.counted("wlf_binlog_offset_bytes") == reading.place.offset
            assert reading.counted("wlf_binlog_connected", f"127.0.0.1:{server.port}") == 1
        assert reading.counted("wlf_binlog_connected", f"127.0.0.1:{server.port}") == 0

    asyncio.run(run())


def test_seconds_behind_do_not_grow_while_idle(server: SqlServer) -> None:
    async def run() -> None:
        async with of(server, heartbeat_interval_ms=30_000) as reading:
            server.execute("INSERT INTO net.t (x) VALUES ('x')")
            await reading.to_end_of(server)
            waiting = asyncio.create_task(reading.collector.collect())
            # Longer than the second that timestamps count in.
            await asyncio.sleep(1.2)
            assert reading.collector.lag() == {"seconds": 0.0, "bytes": 0.0}
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting

    asyncio.run(run())
