"""Two dispatchers at different places of a copy, and tables whose rows are hard to tell apart or to order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.snapshots import Life, Mirror
from tests.integration.test_snapshot_state import CHUNKS, ROWS, fill
from tests.servers.sql import SqlServer

pytestmark = pytest.mark.servers

SNAP = {"tables": {"include": ["snap.*"]}, "snapshot": CHUNKS}


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    found: SqlServer = request.getfixturevalue(request.param)
    found.execute("DROP DATABASE IF EXISTS snap", "CREATE DATABASE snap")
    return found


def test_a_copy_in_one_piece_for_one_dispatcher_takes_no_change_from_another(server: SqlServer) -> None:
    """The one that had the copy goes on from the stream, so nothing may be kept back for the sake of the other."""
    server.execute("CREATE TABLE snap.bag (a INT)", "INSERT INTO snap.bag VALUES (1), (2)")

    async def go() -> None:
        first = Life(server, **SNAP)
        await first.collector.open({})
        await first.step()
        announced = first.positions["snapshot:snap.bag"]
        await first.until(lambda: first.is_copied, lambda event: None)
        await first.to_end_of(server, lambda event: None)
        await first.collector.close()
        await asyncio.to_thread(server.execute, "INSERT INTO snap.bag VALUES (3)", "DELETE FROM snap.bag WHERE a = 1")

        # The slower one has no more than the announcement: it holds the place where reading begins.
        second = Life(server, {**first.positions, "snapshot:snap.bag": announced}, state=first.state, **SNAP)
        await second.collector.open(second.positions)
        await second.until(lambda: second.is_copied, lambda event: None)
        await second.to_end_of(server, lambda event: None)
        await second.collector.close()
        streamed = [(event.type, event.data.f0) for event in second.events if event.type != "bootstrap-insert"]
        copied = sorted(event.data.f0 for event in second.events if event.type == "bootstrap-insert")
        assert streamed == [("insert", 3), ("delete", 1)]
        assert copied in ([2], [2, 3])

    asyncio.run(go())


def test_rows_with_a_masked_key_all_come_while_one_of_them_changes(server: SqlServer) -> None:
    server.execute("CREATE TABLE snap.t (id INT PRIMARY KEY, n INT, c VARCHAR(50))")
    fill(server, "t")

    async def go() -> None:
        numbers: set[Any] = set()
        life = Life(server, columns={"mask": ["snap.t.id"]}, **SNAP)
        await life.collector.open({})
        count = 0
        while not life.is_copied:
            count += 1
            await asyncio.to_thread(server.execute, f"UPDATE snap.t SET c = 'x' WHERE id = {ROWS - 1 - count}")
            numbers.update(event.data.f1 for event in await life.step() or ())
        await life.to_end_of(server, lambda event: numbers.add(event.data.f1))
        await life.collector.close()
        assert numbers == set(range(ROWS))

    asyncio.run(go())


def test_a_key_that_orders_otherwise_from_now_on_begins_the_table_anew(server: SqlServer) -> None:
    """With the old order's last key, the rows that now lie before it would never be read."""
    binary, folded = "utf8mb4_bin", "utf8mb4_general_ci"
    server.execute(f"CREATE TABLE snap.t (id VARCHAR(20) CHARACTER SET utf8mb4 COLLATE {folded} PRIMARY KEY, n INT)")
    names = ["bA"[number % 2] + f"{number:06}" for number in range(ROWS)]
    names += ["Ba"[number % 2] + f"x{number}" for number in range(99)]
    server.execute("INSERT INTO snap.t VALUES " + ",".join(f"('{name}', 1)" for name in names))

    async def go() -> None:
        mirror = Mirror()
        life = Life(server, **SNAP)
        await life.collector.open({})
        while mirror.snapshot_rows < ROWS * 3 // 4:
            for event in await life.step() or ():
                mirror.apply(event)
        change = f"ALTER TABLE snap.t MODIFY id VARCHAR(20) CHARACTER SET utf8mb4 COLLATE {binary} NOT NULL"
        await asyncio.to_thread(server.execute, change)
        await life.until(lambda: life.is_copied, mirror.apply)
        await life.collector.close()
        assert {row["id"] for row in mirror.tables["t"].values()} == set(names)

    asyncio.run(go())


def test_a_table_that_is_left_out_meanwhile_is_copied_no_further(
    mysql: SqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    mysql.execute("DROP DATABASE IF EXISTS snap", "CREATE DATABASE snap")
    mysql.execute("CREATE TABLE snap.t (id INT PRIMARY KEY, n INT, c VARCHAR(50))")
    fill(mysql, "t")

    async def go() -> None:
        first = Life(mysql, **SNAP)
        await first.collector.open({})
        for _ in range(5):
            await first.step()
        await first.collector.close()
        assert first.events
        second = Life(mysql, first.positions, tables={"include": ["snap.*"], "exclude": ["snap.t"]}, snapshot=CHUNKS)
        with caplog.at_level("WARNING"):
            await second.collector.open(first.positions)
        assert second.is_copied
        await second.collector.close()
        assert "snapshot of snap.t ends with" in caplog.text

    asyncio.run(go())
