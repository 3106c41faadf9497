"""Another server takes over: reading goes on by GTID, and where that cannot be, it is said why."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.components.collectors.reading import Reading, columns
from tests.servers.mariadb import MariaDB
from tests.servers.proxy import Proxy
from tests.servers.sql import SqlServer
from wlf.components.collectors._binlog.place import decode_position
from wlf.errors import ComponentError, Retryable, SetupError

pytestmark = pytest.mark.servers

Topology = Callable[..., SqlServer]


class Pair:
    """A primary and its replica, which has its own binlog of what it replicates."""

    def __init__(self, make: Topology, **replica_options: str) -> None:
        self.primary = make(options={"binlog-row-metadata": "FULL", "server-id": 1})
        logs = "log-slave-updates" if isinstance(self.primary, MariaDB) else "log-replica-updates"
        self.replica = make(options={"binlog-row-metadata": "FULL", "server-id": 2, logs: "ON", **replica_options})
        self.is_mariadb = isinstance(self.primary, MariaDB)
        # Files and offsets of one server mean nothing in the binlog of the other.
        self.replica.query("FLUSH BINARY LOGS")
        follow(self.replica, self.primary)

    def promote(self) -> None:
        """Make the replica a primary once it has got all."""
        promote(self.replica)

    def catch_up(self) -> None:
        """Wait until the replica has all that the primary has."""
        ((gtids,),) = self.primary.query(f"SELECT @@GLOBAL.{'gtid_binlog_pos' if self.is_mariadb else 'gtid_executed'}")
        wait = "MASTER_GTID_WAIT" if self.is_mariadb else "WAIT_FOR_EXECUTED_GTID_SET"
        assert self.replica.query(f"SELECT {wait}(%s, 20)", (gtids,)) == [(0,)]


def follow(replica: SqlServer, primary: SqlServer) -> None:
    if isinstance(replica, MariaDB):
        replica.execute(
            f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary.port}, MASTER_USER='root', "
            "MASTER_PASSWORD='password', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1",
            "START SLAVE",
        )
    else:
        replica.execute(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={primary.port}, SOURCE_USER='root', "
            "SOURCE_PASSWORD='password', GET_SOURCE_PUBLIC_KEY=1, SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1",
            "START REPLICA",
        )


def promote(server: SqlServer) -> None:
    if isinstance(server, MariaDB):
        server.execute("STOP SLAVE", "RESET SLAVE ALL")
    else:
        server.execute("STOP REPLICA", "RESET REPLICA ALL")


@pytest.fixture(params=["mysql", "mariadb"])
def make(request: pytest.FixtureRequest) -> Topology:
    factory: Topology = request.getfixturevalue(f"make_{request.param}")
    return factory


@pytest.fixture
def pair(make: Topology) -> Pair:
    found = Pair(make)
    found.primary.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(50))")
    return found


def insert(server: SqlServer, *texts: str) -> None:
    server.execute(*(f"INSERT INTO d.t (x) VALUES ('{text}')" for text in texts))


def of(*servers: SqlServer, **options: Any) -> Reading:
    """A reading of the first server that is there."""
    hosts = [f"127.0.0.1:{server.port}" for server in servers]
    return Reading.of(
        servers[0], **{"hosts": hosts, "tables": {"include": ["d.*"]}, "connect_timeout_ms": 3000, **options}
    )


def xs(reading: Reading) -> list[str]:
    return [columns(event.data)["x"] for event in reading.events]


async def until_rows(reading: Reading, count: int) -> None:
    """Collect that many rows and the position behind them; opens again when the source is lost, as a run does."""
    while len(reading.events) < count or reading.boundaries[-1][0] < count:
        try:
            await reading.step()
        except Retryable:
            await open_again(reading)


async def open_again(reading: Reading) -> None:
    """At the last position that came; what came behind it comes again."""
    await reading.collector.close()
    at = reading.boundaries[-1][0] if reading.boundaries else 0
    del reading.events[at:]
    while True:
        try:
            await reading.open(reading.position if reading.boundaries else None)
        except Retryable:
            await asyncio.sleep(0.05)
        else:
            return


def refused(reading: Reading, position: bytes) -> ComponentError:
    async def run() -> None:
        async with reading.at(position):
            pass

    with pytest.raises(ComponentError) as caught:
        asyncio.run(run())
    return caught.value


def test_promoted_replica_is_gone_on_from_by_gtid(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with of(pair.primary, pair.replica) as reading:
            insert(pair.primary, "a", "b")
            await until_rows(reading, 2)
            before = reading.position
            assert connected(reading) == [pair.primary.port]
            insert(pair.primary, "c")
            pair.catch_up()
            pair.primary.kill()
            pair.promote()
            insert(pair.replica, "d")
            await until_rows(reading, 4)
            assert xs(reading) == ["a", "b", "c", "d"]
            assert connected(reading) == [pair.replica.port]
            assert reading.counted("wlf_binlog_reconnects_total") == 1
            assert reading.collector.covers(reading.position, before)
            assert not reading.collector.covers(before, reading.position)
            # Now the place of the new server is stored, and good for a restart without the old one.
            insert(pair.replica, "e")
            async with of(pair.replica).at(reading.position) as again:
                await until_rows(again, 1)
                assert xs(again) == ["e"]

    with caplog.at_level(logging.INFO):
        asyncio.run(run())
    assert f"trying 127.0.0.1:{pair.replica.port}" in caplog.text or "reads from" in caplog.text


def connected(reading: Reading) -> list[int]:
    """The ports of the servers that the metrics say are in use."""
    found = reading.context.metrics.found  # type: ignore[attr-defined]
    in_use = [key[1] for key, number in found.items() if key[0] == "wlf_binlog_connected" and number.value]
    return [int(host.rpartition(":")[2]) for host in in_use]


def test_failover_while_it_was_stopped(pair: Pair) -> None:
    async def run() -> None:
        async with of(pair.primary) as first:
            insert(pair.primary, "a")
            await until_rows(first, 1)
        insert(pair.primary, "b")
        pair.catch_up()
        pair.primary.kill()
        pair.promote()
        insert(pair.replica, "c")
        async with of(pair.replica).at(first.position) as second:
            assert second.collector.doing() == f"seeking on 127.0.0.1:{pair.replica.port}"
            assert second.collector.lag() == {}
            await until_rows(second, 2)
            assert second.collector.doing() == ""
        assert xs(second) == ["b", "c"]

    asyncio.run(run())


def test_until_end_on_another_server_ends_at_its_end(pair: Pair) -> None:
    async def run() -> None:
        async with of(pair.primary) as first:
            insert(pair.primary, "a")
            await until_rows(first, 1)
            pair.catch_up()
        for texts in ([], ["b"]):
            insert(pair.primary, *texts)
            pair.catch_up()
            async with of(pair.replica, until_end=True).at(first.position) as second:
                assert [columns(event.data)["x"] for event in await second.to_end()] == texts

    asyncio.run(run())


def test_server_that_does_not_log_column_names_is_gone_on_from_too(make_mariadb: Topology) -> None:
    pair = Pair(make_mariadb, **{"binlog-row-metadata": "NO_LOG"})
    pair.primary.query("SET GLOBAL binlog_row_metadata = NO_LOG")
    pair.primary.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(50))")

    async def run() -> None:
        async with of(pair.primary, pair.replica) as reading:
            insert(pair.primary, "a")
            await until_rows(reading, 1)
            pair.primary.query("ALTER TABLE d.t ADD y INT FIRST")
            insert(pair.primary, "b")
            pair.catch_up()
            pair.primary.kill()
            pair.promote()
            insert(pair.replica, "c")
            await until_rows(reading, 3)
            assert xs(reading) == ["a", "b", "c"]
            assert list(columns(reading.events[-1].data)) == ["y", "id", "x"]

    asyncio.run(run())


def test_network_that_breaks_anywhere_changes_between_the_servers_and_loses_nothing(pair: Pair) -> None:
    """Every connection dies after some kilobytes, and the next one is to the other server."""
    dice = random.Random(7)
    texts = [f"{number}" for number in range(500)]
    insert(pair.primary, *texts)
    pair.catch_up()

    async def run() -> None:
        with (
            Proxy(pair.primary.port, lambda _: dice.randint(6_000, 30_000)) as one,
            Proxy(pair.replica.port, lambda _: dice.randint(6_000, 30_000)) as two,
        ):
            hosts = [f"127.0.0.1:{proxy.port}" for proxy in (one, two)]
            reading = of(pair.primary, hosts=hosts, tls={"mode": "disabled"}, start="earliest")
            await open_again(reading)
            await until_rows(reading, len(texts))
            await reading.collector.close()
            assert min(one.cuts, two.cuts) > 0
            assert one.cuts + two.cuts > 3
        assert xs(reading) == texts

    asyncio.run(run())


def test_replica_that_is_behind_is_waited_for(pair: Pair) -> None:
    async def run() -> None:
        async with of(pair.primary) as first:
            insert(pair.primary, "a")
            pair.catch_up()
            pair.replica.execute("STOP SLAVE SQL_THREAD" if pair.is_mariadb else "STOP REPLICA SQL_THREAD")
            insert(pair.primary, "b")
            await until_rows(first, 2)
        with pytest.raises(Retryable, match=r"delivered already: .*: is this replica behind"):
            await of(pair.replica).open(first.position)
        pair.replica.execute("START SLAVE SQL_THREAD" if pair.is_mariadb else "START REPLICA SQL_THREAD")
        insert(pair.primary, "c")
        pair.catch_up()
        async with of(pair.replica).at(first.position) as second:
            await until_rows(second, 1)
            assert xs(second) == ["c"]

    asyncio.run(run())


def test_server_that_never_got_what_was_delivered_is_refused(pair: Pair) -> None:
    async def run() -> bytes:
        async with of(pair.primary) as first:
            insert(pair.primary, "a")
            pair.catch_up()
            pair.promote()
            insert(pair.primary, "lost with the primary")
            await until_rows(first, 2)
            return first.position

    position = asyncio.run(run())
    error = refused(of(pair.replica), position)
    assert isinstance(error, SetupError)
    assert "the server lacks transactions that were delivered already" in error.message
    # The other host of the list may have them once it is back: that is worth waiting for.
    pair.primary.kill()
    error = refused(of(pair.replica, pair.primary), position)
    assert isinstance(error, Retryable)
    assert "none of `hosts` can be read" in error.message
    assert "delivered already" in error.message
    assert "cannot connect" in error.message


def test_replica_without_the_binlog_of_what_it_replicates_is_refused(make: Topology) -> None:
    name = "log-slave-updates" if isinstance(make(start=False), MariaDB) else "log-replica-updates"
    pair = Pair(make, **{name: "OFF"})
    error = refused(of(pair.replica), b'{"file":"binlog.000001","offset":4}')
    assert isinstance(error, SetupError)
    assert f"is a replica with {name.replace('-', '_')}=OFF" in error.message
    assert f"--{name}" in error.hint


def stored_and_missed(pair: Pair) -> bytes:
    """A position on the primary; on the replica, what came behind it is purged but for one row."""

    async def run() -> bytes:
        async with of(pair.primary) as first:
            insert(pair.primary, "a")
            await until_rows(first, 1)
            return first.position

    position = asyncio.run(run())
    insert(pair.primary, "missed")
    pair.catch_up()
    pair.replica.flush_logs()
    insert(pair.primary, "left")
    pair.catch_up()
    last = pair.replica.binlog_files()[-1].name
    while pair.replica.query("SHOW BINARY LOGS")[0][0] != last:
        pair.replica.query(f"PURGE BINARY LOGS TO '{last}'")
    return position


def test_gtids_that_are_purged_stop_or_leave_a_gap(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    position = stored_and_missed(pair)
    error = refused(of(pair.replica), position)
    assert isinstance(error, SetupError)
    assert "are purged" in error.message
    assert "on_purged: earliest" in error.hint

    async def run() -> None:
        async with of(pair.replica, on_purged="earliest").at(position) as reading:
            await until_rows(reading, 1)
            assert xs(reading) == ["left"]
            assert reading.counted("wlf_gaps_total", "purged") == 1
        async with of(pair.replica, on_purged="snapshot").at(position) as copied:
            rows: list[Any] = []
            while len(rows) < 3:
                collected = await asyncio.wait_for(copied.collector.collect(), 20)
                assert collected is not None
                rows += collected.events
            # The tables as they are, in place of the changes that nobody has any more.
            assert [columns(event.data)["x"] for event in rows] == ["a", "missed", "left"]
            assert copied.counted("wlf_gaps_total", "purged") == 1

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert "these changes are left out, reading goes on at the first that are left" in caplog.text
    assert "these changes are left out, reading goes on with a copy of the tables" in caplog.text


def test_purged_file_whose_transactions_were_all_read_is_no_loss(pair: Pair) -> None:
    """An idle pipeline, whose file was rotated and purged before it moved on."""

    async def run() -> None:
        async with of(pair.primary) as first:
            insert(pair.primary, "a")
            await until_rows(first, 1)
        pair.primary.flush_logs()
        insert(pair.primary, "b")
        last = pair.primary.binlog_files()[-1].name
        pair.catch_up()
        while pair.primary.query("SHOW BINARY LOGS")[0][0] != last:
            pair.primary.query(f"PURGE BINARY LOGS TO '{last}'")
        async with of(pair.primary).at(first.position) as second:
            await until_rows(second, 1)
            assert xs(second) == ["b"]
            assert second.counted("wlf_gaps_total", "purged") == 0

    asyncio.run(run())


def test_server_that_was_reset_is_found_although_the_same_offset_exists_again(make: Topology) -> None:
    server = make(options={"binlog-row-metadata": "FULL"})

    def fill() -> None:
        server.execute("DROP DATABASE IF EXISTS d", "CREATE DATABASE d", "CREATE TABLE d.t (id INT, x VARCHAR(50))")
        insert(server, "a", "b")

    fill()

    async def run() -> bytes:
        async with of(server) as first:
            await first.to_end_of(server)
            return first.position

    position = asyncio.run(run())
    server.query(server.reset_binlog)
    server.execute("CREATE TABLE d.other (id INT)")
    while server.query("SHOW BINARY LOGS")[-1][1] < decode_position(position).offset:
        server.execute(f"ALTER TABLE d.other COMMENT '{'x' * 500}'")
    error = refused(of(server), position)
    assert isinstance(error, SetupError)
    assert "the server no longer has the transactions" in error.message
    assert "was its binlog reset" in error.message


def test_transaction_that_was_cut_off_is_read_whole_from_the_next_server(pair: Pair) -> None:
    """Its GTID enters the set with its commit only."""
    pair.primary.execute("BEGIN", *(f"INSERT INTO d.t (x) VALUES ('{'x' * 40}{n:04}')" for n in range(1000)), "COMMIT")
    pair.catch_up()
    size = pair.primary.query("SHOW BINARY LOGS")[-1][1]

    async def run() -> None:
        with Proxy(pair.primary.port, lambda number: size - 30_000 if number else None) as proxy:
            hosts = [f"127.0.0.1:{proxy.port}", f"127.0.0.1:{pair.replica.port}"]
            reading = of(pair.primary, hosts=hosts, hold_max_bytes=0, tls={"mode": "disabled"})
            await reading.open()
            with pytest.raises(Retryable):
                await reading.until(lambda events: False)
            assert 0 < len(reading.events) < 1000
            assert reading.boundaries[-1][0] == 0
            await open_again(reading)
            await until_rows(reading, 1000)
            await reading.collector.close()
            assert [text[-4:] for text in xs(reading)] == [f"{n:04}" for n in range(1000)]

    asyncio.run(run())


def test_domains_of_mariadb_go_on_each_from_its_own_place(make_mariadb: Topology) -> None:
    pair = Pair(make_mariadb)
    pair.primary.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(50))")

    def in_domain(server: SqlServer, domain: int, text: str) -> None:
        server.execute(f"SET gtid_domain_id = {domain}", f"INSERT INTO d.t (x) VALUES ('{text}')")

    async def run() -> None:
        async with of(pair.primary, pair.replica) as reading:
            for domain in (5, 0, 6):
                in_domain(pair.primary, domain, f"{domain}")
            await until_rows(reading, 3)
            assert {gtid.split("-")[0] for gtid in (reading.place.gtid or "").split(",")} >= {"0", "5", "6"}
            in_domain(pair.primary, 6, "6 again")
            pair.catch_up()
            pair.primary.kill()
            pair.promote()
            in_domain(pair.replica, 5, "5 again")
            in_domain(pair.replica, 8, "8")
            await until_rows(reading, 6)
            assert xs(reading) == ["5", "0", "6", "6 again", "5 again", "8"]

    asyncio.run(run())


def test_tagged_gtids_of_mysql_go_on_at_the_next_server(make_mysql: Topology) -> None:
    pair = Pair(make_mysql)
    pair.primary.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(50))")

    def tagged(text: str) -> None:
        pair.primary.execute("SET GTID_NEXT = 'AUTOMATIC:tag'", f"INSERT INTO d.t (x) VALUES ('{text}')")

    async def run() -> None:
        async with of(pair.primary, pair.replica) as reading:
            tagged("a")
            insert(pair.primary, "b")
            await until_rows(reading, 2)
            assert ":tag:1" in (reading.place.gtid or "")
            tagged("c")
            pair.catch_up()
            pair.primary.kill()
            pair.promote()
            insert(pair.replica, "d")
            await until_rows(reading, 4)
            assert xs(reading) == ["a", "b", "c", "d"]

    asyncio.run(run())


def test_start_in_the_middle_of_a_file_learns_what_lies_before_it(pair: Pair) -> None:
    """MariaDB is asked for it, MySQL says it at the head of the next file."""
    server = pair.primary
    insert(server, "before")
    place = {"file": server.binlog_files()[-1].name, "position": server.query("SHOW BINARY LOGS")[-1][1]}

    async def run() -> None:
        async with of(server, start=place) as reading:
            insert(server, "a")
            await until_rows(reading, 1)
            assert (reading.place.gtid is not None) == pair.is_mariadb
            server.flush_logs()
            insert(server, "b")
            await until_rows(reading, 2)
            insert(server, "c")
            await until_rows(reading, 3)
            pair.catch_up()
        async with of(pair.replica).at(reading.position) as moved:
            insert(server, "d")
            await until_rows(moved, 1)
            assert xs(moved) == ["d"]

    asyncio.run(run())


def test_position_without_gtids_is_refused_by_another_server(make_mysql: Topology) -> None:
    one, two = (make_mysql(options={"gtid-mode": "OFF", "server-id": number}) for number in (1, 2))
    one.execute("CREATE DATABASE d")

    async def run() -> bytes:
        async with of(one) as reading:
            await reading.to_end_of(one)
            assert reading.place.gtid is None
            return reading.position

    error = refused(of(two), asyncio.run(run()))
    assert isinstance(error, SetupError)
    assert "belongs to the server" in error.message
    assert "offsets mean nothing in another server's binlog" in error.message
