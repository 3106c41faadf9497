"""What the Binlog collector says when a server cannot be read as asked."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from tests.components.collectors.reading import Reading
from tests.integration.snapshots import Life
from tests.servers.fixtures import Make
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer
from wlf.errors import ComponentError, Retryable, SetupError

pytestmark = pytest.mark.servers


def refusal(reading: Reading, position: bytes | None = None) -> SetupError:
    """The SetupError of opening, or of the first collect()."""

    async def run() -> None:
        try:
            await reading.open(position)
            await reading.until(lambda events: False)
        finally:
            await reading.collector.close()

    with pytest.raises(SetupError) as caught:
        asyncio.run(run())
    return caught.value


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    found: SqlServer = request.getfixturevalue(request.param)
    return found


def _account(server: SqlServer, name: str, grants: str = "") -> dict[str, str]:
    server.execute(f"DROP USER IF EXISTS {name}", f"CREATE USER {name}@'%' IDENTIFIED BY 'secret'")
    if grants:
        server.execute(f"GRANT {grants} ON *.* TO {name}@'%'")
    return {"user": name, "password": "secret"}


def test_wrong_password_is_told_and_not_shown(server: SqlServer) -> None:
    error = refusal(Reading.of(server, password="hunter2"))
    assert "Access denied for user 'root'" in error.message
    assert "password" in error.hint
    assert "hunter2" not in str(error)


def test_account_without_any_privilege_is_told_the_grant(server: SqlServer) -> None:
    error = refusal(Reading.of(server, **_account(server, "nobody")))
    assert "(1227)" in error.message
    assert error.hint == _grant(server, "nobody")


def test_account_without_replication_slave_is_told_the_grant_when_it_opens(server: SqlServer) -> None:
    reading = Reading.of(server, **_account(server, "watcher", "REPLICATION CLIENT"))
    with pytest.raises(SetupError) as caught:
        asyncio.run(reading.open())
    assert caught.value.hint == _grant(server, "watcher")


def test_the_grant_that_is_told_is_enough(server: SqlServer) -> None:
    account = _account(server, "told")
    server.execute(refusal(Reading.of(server, **account)).hint)

    async def run() -> None:
        async with Reading.of(server, start="latest", **account) as reading:
            await reading.to_end_of(server)

    asyncio.run(run())


def _grant(server: SqlServer, name: str) -> str:
    monitor = "BINLOG MONITOR" if isinstance(server, MariaDB) else "REPLICATION CLIENT"
    return f"GRANT REPLICATION SLAVE, {monitor} ON *.* TO '{name}'@'%'"


def test_account_with_the_two_privileges_and_no_other_reads(server: SqlServer) -> None:
    account = _account(server, "replicant", "REPLICATION SLAVE, REPLICATION CLIENT")

    async def run() -> None:
        async with Reading.of(server, start="latest", **account) as reading:
            await reading.to_end_of(server)

    asyncio.run(run())


def test_server_without_binlog_is_refused(make_mysql: Make[MySQL], make_mariadb: Make[MariaDB]) -> None:
    for server in (
        make_mysql(options={"log-bin": None, "skip-log-bin": "", "gtid-mode": None, "enforce-gtid-consistency": None}),
        make_mariadb(options={"log-bin": None}),
    ):
        error = refusal(Reading.of(server))
        assert "the binary log is off" in error.message
        assert "--log-bin" in error.hint


@pytest.mark.parametrize("start", ["latest", "earliest"])
def test_server_that_is_not_there_is_worth_another_try(start: str) -> None:
    async def run() -> None:
        with pytest.raises(Retryable, match=r"cannot connect to 127\.0\.0\.1:1"):
            await Reading(port=1, start=start, connect_timeout_ms=500).open()

    asyncio.run(run())


def test_partial_documents_without_the_document_before_are_refused(make_mysql: Make[MySQL]) -> None:
    server = make_mysql(options={"binlog-row-value-options": "PARTIAL_JSON", "binlog-row-image": "MINIMAL"})
    error = refusal(Reading.of(server))
    assert "binlog_row_value_options=PARTIAL_JSON" in error.message
    assert "SET GLOBAL binlog_row_image = FULL" in error.hint


def test_statement_format_is_warned_about(make_mariadb: Make[MariaDB], caplog: pytest.LogCaptureFixture) -> None:
    server = make_mariadb(options={"binlog-format": "STATEMENT"})

    async def run() -> float:
        async with Reading.of(server) as reading:
            server.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT)", "INSERT INTO d.t VALUES (1)")
            await reading.to_end_of(server)
            assert reading.events == []
            return reading.counted("wlf_dropped_events_total", "statement")

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(run()) == 1
    assert "binlog_format=STATEMENT" in caplog.text
    assert "INSERT INTO d.t" in caplog.text


def test_session_that_logs_statements_on_a_row_server_is_not_silent(
    server: SqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.execute("DROP DATABASE IF EXISTS quiet", "CREATE DATABASE quiet", "CREATE TABLE quiet.t (id INT)")

    async def run() -> float:
        async with Reading.of(server, start="latest", tables={"include": ["quiet.*"]}) as reading:
            server.execute(
                "SET SESSION binlog_format = 'STATEMENT'",
                "INSERT INTO quiet.t VALUES (1)",
                "BEGIN",
                "UPDATE quiet.t SET id = 2",
                "DELETE FROM quiet.t",
                "COMMIT",
            )
            await reading.to_end_of(server)
            assert reading.events == []
            return reading.counted("wlf_dropped_events_total", "statement")

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(run()) == 3
    assert caplog.text.count("a change is logged as a statement") == 1
    server.execute("DROP DATABASE quiet")


def test_row_image_that_is_not_full_is_warned_about(
    make_mariadb: Make[MariaDB], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_mariadb(options={"binlog-row-image": "MINIMAL"})

    async def run() -> None:
        async with Reading.of(server):
            pass

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert "binlog_row_image=MINIMAL" in caplog.text


def test_purged_position_names_the_first_file_that_is_left(
    make_mysql: Make[MySQL], make_mariadb: Make[MariaDB]
) -> None:
    for server in (make_mysql(), make_mariadb()):
        position = _stored_before_purge(server)
        error = refusal(Reading.of(server), position)
        assert "binlog.000001 of position binlog.000001:" in error.message
        assert "is purged: the first available file is binlog.000002" in error.message
        assert "on_purged: snapshot" in error.hint


def _stored_before_purge(server: SqlServer) -> bytes:
    async def run() -> bytes:
        async with Reading.of(server) as reading:
            await reading.to_end_of(server)
            return reading.position

    position = asyncio.run(run())
    server.execute("CREATE DATABASE IF NOT EXISTS missed")
    server.flush_logs()
    # A file stays until the server has noticed that its last reader is gone.
    while server.query("SHOW BINARY LOGS")[0][0] != "binlog.000002":
        server.query("PURGE BINARY LOGS TO 'binlog.000002'")
    return position


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"file": "binlog.000777"}, "binlog.000777 of position binlog.000777:4 does not exist"),
        ({"file": "binlog.000001", "position": 99_999_999}, "lies behind the end of the file"),
        ({"gtid": "nonsense"}, "start.gtid: expected"),
    ],
)
def test_start_that_does_not_exist_is_refused(server: SqlServer, start: dict[str, Any], message: str) -> None:
    error = refusal(Reading.of(server, start=start))
    assert message in error.message
    assert "position reset" not in error.hint, "nothing is stored yet"


def test_offset_in_the_middle_of_an_event_is_refused(make_mysql: Make[MySQL], make_mariadb: Make[MariaDB]) -> None:
    for server in (make_mysql(), make_mariadb()):
        server.execute("CREATE DATABASE d")
        error = refusal(Reading.of(server, start={"file": "binlog.000001", "position": 5}))
        assert "(1236)" in error.message
        assert "not where an event begins" in error.hint


@pytest.mark.parametrize("offset", [130, 200])
def test_offset_in_the_middle_of_a_later_event_is_refused(make_mysql: Make[MySQL], offset: int) -> None:
    server = make_mysql()
    server.execute("CREATE DATABASE d")
    error = refusal(Reading.of(server, start={"file": "binlog.000001", "position": offset}))
    assert "binlog.000001" in error.message
    assert "not where an event begins" in error.hint


def test_server_without_tls_that_is_asked_for_is_told(mariadb: MariaDB) -> None:
    error = refusal(Reading.of(mariadb, tls={"mode": "required"}))
    assert "the server offers no TLS, which `tls: {mode: required}` asks for" in error.message
    assert "`tls: {mode: preferred}`" in error.hint


def test_account_that_sees_no_table_is_told_the_grant_before_the_first_row(
    mariadb: MariaDB, caplog: pytest.LogCaptureFixture
) -> None:
    mariadb.execute("CREATE DATABASE IF NOT EXISTS unseen", "CREATE OR REPLACE TABLE unseen.t (a INT)")
    account = _account(mariadb, "blind", "REPLICATION SLAVE, BINLOG MONITOR")

    async def run() -> None:
        async with Reading.of(mariadb, start="latest", tables={"include": ["unseen.*"]}, **account):
            pass

    with caplog.at_level(logging.INFO):
        asyncio.run(run())
    assert "the account sees none of the tables that are read" in caplog.text
    assert "GRANT SELECT" in caplog.text
    assert f"reads from 127.0.0.1:{mariadb.port} (MariaDB 10.11" in caplog.text
    error = refusal(Reading.of(mariadb, start="latest", snapshot="initial", **account))
    assert "the account blind sees no table" in error.message
    assert "GRANT SELECT" in error.hint


def test_snapshot_takes_select_and_no_further_privilege(server: SqlServer) -> None:
    server.execute("DROP DATABASE IF EXISTS plain", "CREATE DATABASE plain", "CREATE TABLE plain.t (a INT PRIMARY KEY)")
    server.execute("CREATE TABLE plain.keyless (a INT)", "INSERT INTO plain.t VALUES (1)")
    server.execute("INSERT INTO plain.keyless VALUES (2)")
    account = _account(server, "copier", "REPLICATION SLAVE, REPLICATION CLIENT")
    server.execute("GRANT SELECT ON plain.* TO copier@'%'")

    async def run() -> list[Any]:
        life = Life(server, until_end=True, start="latest", snapshot="initial", **account)
        await life.collector.open({})
        while await life.step() is not None:
            pass
        await life.collector.close()
        return [(event.table, event.type) for event in life.events]

    copied = [("keyless", "bootstrap-insert"), ("t", "bootstrap-insert")]
    assert sorted(asyncio.run(asyncio.wait_for(run(), 30))) == copied


def test_glob_of_a_snapshot_that_fits_no_table_is_named(server: SqlServer, caplog: pytest.LogCaptureFixture) -> None:
    server.execute("DROP DATABASE IF EXISTS typo", "CREATE DATABASE typo", "CREATE TABLE typo.orders (a INT)")
    tables = {"include": ["typo.*"]}

    async def run() -> None:
        snapshot = {"include": ["typo.orders", "typo.oders"]}
        async with Reading.of(server, start="latest", tables=tables, snapshot=snapshot):
            pass

    with caplog.at_level(logging.INFO):
        asyncio.run(run())
    assert "snapshot.include: no table that the account sees fits typo.oders" in caplog.text
    assert "snapshot of 1 table begins" in caplog.text
    error = refusal(Reading.of(server, start="latest", tables=tables, snapshot={"include": ["typo.oders"]}))
    assert "no table is there to copy" in error.message
    assert "typo.orders" in error.message


def test_gtid_start_without_gtids_is_refused(make_mysql: Make[MySQL]) -> None:
    server = make_mysql(options={"gtid-mode": "OFF"})
    start = {"gtid": "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"}
    assert "gtid_mode is OFF" in refusal(Reading.of(server, start=start)).message


def test_position_of_another_make_of_server_is_refused_with_the_reason(mysql: MySQL, mariadb: MariaDB) -> None:
    for former, server in ((mysql, mariadb), (mariadb, mysql)):

        async def run(former: SqlServer = former) -> bytes:
            async with Reading.of(former, start="latest") as reading:
                await reading.to_end_of(former)
                return reading.position

        error = refusal(Reading.of(server), asyncio.run(run()))
        assert f"are none of {'MariaDB' if server is mariadb else 'MySQL'}" in error.message


def test_second_replica_with_the_same_server_id_is_explained(mariadb: MariaDB) -> None:
    async def run() -> ComponentError:
        async with Reading.of(mariadb, start="latest", server_id=4242) as first:
            await first.to_end_of(mariadb)
            async with Reading.of(mariadb, start="latest", server_id=4242) as second:
                await second.to_end_of(mariadb)
                with pytest.raises(ComponentError) as caught:
                    await first.until(lambda events: False)
        return caught.value

    error = asyncio.run(run())
    assert "server_id" in str(error)
