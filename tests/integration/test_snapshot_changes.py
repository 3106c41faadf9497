"""Tables that change their shape, a place that is purged, rows logged in part, snapshots that are asked for."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.snapshots import Life, Mirror, changing, columns
from tests.integration.test_snapshot_state import CHUNKS, ROWS, fill, rows_of
from tests.integration.wlf_run import WlfRun
from tests.servers.proxy import Proxy
from tests.servers.sql import SqlServer
from wlf.components.base import MemoryState
from wlf.components.collectors._binlog.snapshot import requests
from wlf.errors import SetupError
from wlf.events.rows import row_index
from wlf.runtime.places import place_of

pytestmark = pytest.mark.servers

HOT_ROWS = 20
TABLE = "CREATE TABLE snap.t (id INT PRIMARY KEY, n INT, c VARCHAR(50))"


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    found: SqlServer = request.getfixturevalue(request.param)
    found.execute("DROP DATABASE IF EXISTS snap", "CREATE DATABASE snap")
    return found


def run_with(server: SqlServer, statements: list[str], *, after: int = 5, **options: Any) -> tuple[Life, Mirror]:
    """Copy `snap`, and run statements after some chunks."""

    async def go() -> tuple[Life, Mirror]:
        mirror = Mirror()
        life = Life(server, tables={"include": ["snap.*"]}, snapshot=CHUNKS, **options)
        await life.collector.open({})
        for _ in range(after):
            for event in await life.step() or ():
                mirror.apply(event)
        assert not life.is_copied
        await asyncio.to_thread(server.execute, *statements)
        await life.until(lambda: life.is_copied, mirror.apply)
        await life.to_end_of(server, mirror.apply)
        await life.collector.close()
        return life, mirror

    return asyncio.run(go())


def test_a_column_that_is_added_meanwhile_is_in_what_is_read_later(server: SqlServer) -> None:
    server.execute(TABLE)
    fill(server, "t")
    _life, mirror = run_with(server, ["ALTER TABLE snap.t ADD COLUMN x INT NOT NULL DEFAULT 7 FIRST"])
    assert set(mirror.tables["t"]) == set(rows_of(server))
    assert mirror.tables["t"][(ROWS - 1,)] == {"x": 7, "id": ROWS - 1, "n": ROWS - 1, "c": f"text {ROWS - 1}"}
    assert mirror.tables["t"][(0,)] == {"id": 0, "n": 0, "c": "text 0"}


def test_a_column_that_is_dropped_or_renamed_meanwhile(server: SqlServer) -> None:
    server.execute(TABLE)
    fill(server, "t")
    _, mirror = run_with(server, ["ALTER TABLE snap.t DROP COLUMN n", "ALTER TABLE snap.t CHANGE c d TEXT"])
    assert mirror.tables["t"][(ROWS - 1,)] == {"id": ROWS - 1, "d": f"text {ROWS - 1}"}
    assert len(mirror.tables["t"]) == ROWS


def test_another_key_begins_the_table_anew(server: SqlServer) -> None:
    server.execute(TABLE)
    fill(server, "t")
    _life, mirror = run_with(server, ["ALTER TABLE snap.t DROP PRIMARY KEY, ADD PRIMARY KEY (n)"])
    assert mirror.tables["t"] == rows_of(server)
    assert mirror.snapshot_rows > ROWS


def test_a_truncated_table_leaves_nothing_behind_it(server: SqlServer) -> None:
    server.execute(TABLE)
    fill(server, "t")
    life, _ = run_with(server, ["TRUNCATE TABLE snap.t", "INSERT INTO snap.t VALUES (1, 1, 'only')"], ddl=True)
    names = [getattr(event, "type", "") for event in life.events]
    behind = life.events[names.index("table-truncate") + 1 :]
    assert [(event.type, event.data.f0) for event in behind if event.type != "bootstrap-insert"] == [("insert", 1)]
    assert {event.data.f0 for event in behind} == {1}


def test_a_table_that_others_hold_is_told_and_copied_once_it_is_free(
    mysql: SqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a key it must be locked for a moment: an open transaction, or a prepared one, keeps us waiting."""
    mysql.execute("DROP DATABASE IF EXISTS snap", "CREATE DATABASE snap", "CREATE TABLE snap.held (a INT)")
    mysql.execute("INSERT INTO snap.held VALUES (1)")
    holder = mysql.connect()
    holder.autocommit(False)
    holder.cursor().execute("INSERT INTO snap.held VALUES (2)")

    async def go() -> list[Any]:
        life = Life(mysql, tables={"include": ["snap.held"]})
        await life.collector.open({})
        collecting = asyncio.create_task(life.until(lambda: life.is_copied, lambda event: None))
        while "snap.held cannot be read for now" not in caplog.text:
            assert not collecting.done()
            await asyncio.sleep(0.05)
        holder.commit()
        await asyncio.wait_for(collecting, 60)
        await life.collector.close()
        return life.events

    with caplog.at_level("WARNING"):
        events = asyncio.run(asyncio.wait_for(go(), 90))
    assert "see SHOW PROCESSLIST and XA RECOVER" in caplog.text
    assert sorted(event.data.f0 for event in events) == [1, 2]


def test_a_table_that_is_dropped_meanwhile_is_named_with_what_to_do(
    server: SqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.execute(TABLE)
    fill(server, "t")
    with caplog.at_level("WARNING"):
        life, _ = run_with(server, ["RENAME TABLE snap.t TO snap.renamed"])
    assert "snap.t is gone, dropped or renamed, after" in caplog.text
    assert json.loads(life.positions["snapshot:snap.t"])["done"] is True


@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_rows_that_are_logged_in_part_are_whole_at_the_end(server: SqlServer, image: str) -> None:
    server.execute(TABLE)
    fill(server, "t")

    def update(cursor: Any, draw: random.Random) -> None:
        cursor.execute("UPDATE snap.t SET n = n + 1 WHERE id = %s", (draw.randrange(ROWS),))

    async def go() -> None:
        mirror = Mirror()
        life = Life(server, tables={"include": ["snap.*"]}, snapshot=CHUNKS)
        with changing(server, update):
            await life.collector.open({})
            await life.until(lambda: life.is_copied, mirror.apply)
        await life.to_end_of(server, mirror.apply)
        await life.collector.close()
        assert mirror.tables["t"] == rows_of(server)

    server.execute(f"SET GLOBAL binlog_row_image = {image}")
    try:
        asyncio.run(go())
    finally:
        server.execute("SET GLOBAL binlog_row_image = FULL")


@pytest.mark.parametrize(("image", "nulls"), [("MINIMAL", True), ("NOBLOB", True), ("FULL", False)])
def test_a_copy_ends_however_much_is_written_and_however_late_the_stream_is(
    server: SqlServer, image: str, nulls: bool
) -> None:
    """Each time a chunk was read, rows of it have changed once more before the stream is there."""
    server.execute("CREATE TABLE snap.t (id INT PRIMARY KEY, n INT, c VARCHAR(50), x INT)")
    with server.connect(database="snap") as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO t VALUES {','.join(f'({id}, {id}, {id}, NULL)' for id in range(HOT_ROWS))}")

    def update(cursor: Any, draw: random.Random) -> None:
        cursor.execute("UPDATE snap.t SET n = n + 1 WHERE id = %s", (draw.randrange(HOT_ROWS),))

    async def go(port: int) -> None:
        mirror = Mirror()
        columns = {"nulls": nulls}
        life = Life(server, port=port, tables={"include": ["snap.*"]}, snapshot=CHUNKS, columns=columns)
        with changing(server, update):
            await life.collector.open({})
            async with asyncio.timeout(60):
                await life.until(lambda: life.is_copied, mirror.apply)
        await life.to_end_of(server, mirror.apply)
        await life.collector.close()
        rows = server.query("SELECT id, n, c FROM snap.t")
        assert [(id, row["n"], row["c"]) for (id,), row in sorted(mirror.tables["t"].items())] == sorted(rows)
        assert all(row.get("x") is None for row in mirror.tables["t"].values())

    server.execute(f"SET GLOBAL binlog_row_image = {image}")
    try:
        with Proxy(server.port) as proxy:
            proxy.delay_s = 0.02
            asyncio.run(go(proxy.port))
    finally:
        server.execute("SET GLOBAL binlog_row_image = FULL")


def test_a_purged_place_is_answered_with_a_snapshot(make_mysql: Any) -> None:
    server = make_mysql(options={"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"})
    server.execute("CREATE DATABASE snap", TABLE)
    fill(server, "t", 100)

    async def go() -> None:
        mirror = Mirror()
        options = {"tables": {"include": ["snap.*"]}, "until_end": True}
        first = Life(server, snapshot="initial", **options)
        await first.collector.open({})
        while (events := await first.step()) is not None:
            for event in events:
                mirror.apply(event)
        await first.collector.close()
        server.execute("UPDATE snap.t SET n = 5", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
        server.execute(f"PURGE BINARY LOGS TO '{server.query('SHOW BINARY LOGS')[-1][0]}'")
        stop = Life(server, dict(first.positions), snapshot="initial", **options)
        with pytest.raises(SetupError, match="purged"):
            await stop.collector.open(dict(first.positions))
        await stop.collector.close()
        for how in ({"snapshot": "when_needed"}, {"snapshot": "never", "on_purged": "snapshot"}):
            again = Life(server, dict(first.positions), **how, **options)
            await again.collector.open(dict(first.positions))
            state = Mirror()
            while (events := await again.step()) is not None:
                for event in events:
                    state.apply(event)
            await again.collector.close()
            assert state.tables["t"] == rows_of(server)
            assert state.snapshot_rows == 100

    asyncio.run(go())


def test_a_snapshot_that_is_asked_for_begins_and_is_forgotten_once_it_is_stored(
    server: SqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.execute(TABLE, "CREATE TABLE snap.other (id INT PRIMARY KEY)", "INSERT INTO snap.other VALUES (1)")
    fill(server, "t", 500)

    async def go() -> None:
        state = MemoryState()
        life = Life(server, tables={"include": ["snap.*"]}, snapshot="never", state=state)
        await life.collector.open({})
        await life.step()
        await state.save(requests.written(["snap.t", "snap.gone*"], "why"))
        await life.until(lambda: len(life.events) >= 500, lambda event: None)
        assert life.is_copied
        assert {(event.table, event.type, event.comment) for event in life.events} == {("t", "bootstrap-insert", "why")}
        assert len(await state.load("request/")) == 1
        await life.collector.close()
        # A crash before the positions are stored: the request is still there, and begins it anew.
        again = Life(server, {"binlog": life.positions["binlog"]}, snapshot="never", state=state)
        await again.collector.open(dict(again.positions))
        await again.until(lambda: len(again.events) >= 500, lambda event: None)
        await again.collector.commit(again.positions)
        assert not await state.load("request/")
        with caplog.at_level("ERROR"):
            await state.save(requests.written(["snap.nothing"], None))
            while await state.load("request/"):
                server.execute("UPDATE snap.other SET id = id + 1")
                await again.step()
        assert "snapshot of snap.nothing: the server has no such table" in caplog.text
        await again.collector.close()

    asyncio.run(go())


def test_wlf_snapshot_asks_a_running_pipeline(mysql: SqlServer, tmp_path: Path) -> None:
    mysql.execute("DROP DATABASE IF EXISTS snap", "CREATE DATABASE snap", TABLE)
    fill(mysql, "t", 300)
    out = tmp_path / "out.jsonl"
    binlog = {"id": "binlog", "type": "Binlog", "destination": "out", "host": "127.0.0.1", "port": mysql.port}
    binlog |= {"user": "root", "password": "password", "tables": {"include": ["snap.*"]}}
    run = WlfRun(tmp_path, {"collectors": [binlog], "dispatchers": [{"id": "out", "type": "File", "path": str(out)}]})

    def ask(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wlf", "snapshot", str(run.config), "--state-dir", str(run.state), *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    early = ask("--table", "snap.*")
    assert "is not running: its next run begins with it" in early.stdout, early.stderr

    def count() -> int:
        return out.read_text().count("bootstrap-insert") if out.exists() else 0

    with run:
        run.wait_for(lambda: count() == 300, "copy")
        asked = ask("--table", "snap.t", "--comment", "again")
        assert "runs and begins within seconds" in asked.stdout, asked.stderr
        run.wait_for(lambda: count() == 600, "copy again")
        assert "wlf_snapshot_rows_total" in run.metrics()
        assert ask("--table", "t").returncode == 1
        run.terminate()
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["comment"] for row in rows[300:]] == ["again"] * 300
    assert rows[0]["type"] == "bootstrap-insert"


def test_a_prepared_transaction_counts_from_its_commit(server: SqlServer) -> None:
    """XA: it is logged when it is prepared, and seen by nobody before it is committed."""
    server.execute(TABLE)
    fill(server, "t")

    async def go() -> None:
        mirror = Mirror()
        life = Life(server, tables={"include": ["snap.*"]}, snapshot=CHUNKS)
        await life.collector.open({})
        await life.step()
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("XA START 'x'")
            cursor.execute(f"UPDATE snap.t SET n = -1 WHERE id IN (0, {ROWS // 2}, {ROWS - 1})")
            cursor.execute("XA END 'x'")
            cursor.execute("XA PREPARE 'x'")
            for _ in range(ROWS // 200):
                for event in await life.step() or ():
                    mirror.apply(event)
            assert not life.is_copied
            cursor.execute("XA COMMIT 'x'")
        await life.until(lambda: life.is_copied, mirror.apply)
        await life.to_end_of(server, mirror.apply)
        await life.collector.close()
        assert mirror.tables["t"] == rows_of(server)
        assert mirror.tables["t"][(0,)]["n"] == -1

    asyncio.run(go())


def test_a_transaction_prepared_before_the_beginning_is_warned_of(
    server: SqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.execute(TABLE)
    fill(server, "t", 10)

    async def go() -> None:
        life = Life(server, tables={"include": ["snap.*"]}, snapshot=CHUNKS)
        with server.connect() as connection, connection.cursor() as cursor:
            for statement in ("XA START 'y'", "DELETE FROM snap.t", "XA END 'y'", "XA PREPARE 'y'"):
                cursor.execute(statement)
            with caplog.at_level("WARNING"):
                await life.collector.open({})
            cursor.execute("XA ROLLBACK 'y'")
        await life.collector.close()
        assert "1 transaction(s) are prepared by XA" in caplog.text

    asyncio.run(go())


def test_a_key_that_is_left_out_is_no_key(server: SqlServer) -> None:
    server.execute(TABLE)
    fill(server, "t", 1000)

    async def go() -> None:
        life = Life(
            server,
            tables={"include": ["snap.*"]},
            columns={"exclude": ["snap.t.id"], "mask": ["snap.t.c"]},
            snapshot=CHUNKS,
        )
        await life.collector.open({})
        await life.until(lambda: life.is_copied, lambda event: None)
        await life.collector.close()
        rows = sorted(tuple(columns(event.data).items()) for event in life.events)
        assert rows == [(("n", number), ("c", "***")) for number in range(1000)]

    asyncio.run(go())


def test_a_masked_key_still_leaves_out_what_the_stream_changed(server: SqlServer) -> None:
    server.execute(TABLE)
    fill(server, "t")

    def update(cursor: Any, draw: random.Random) -> None:
        cursor.execute("UPDATE snap.t SET n = n + 1 WHERE id = %s", (draw.randrange(ROWS),))

    async def go() -> None:
        mirror = Mirror()
        life = Life(server, tables={"include": ["snap.*"]}, columns={"hash": ["snap.t.id"]}, snapshot=CHUNKS)
        with changing(server, update):
            await life.collector.open({})
            await life.until(lambda: life.is_copied, mirror.apply)
        await life.to_end_of(server, mirror.apply)
        await life.collector.close()
        assert sorted(row["n"] for row in mirror.tables["t"].values()) == sorted(
            row["n"] for row in rows_of(server).values()
        )

    asyncio.run(go())


def test_events_carry_what_output_asks_for(mysql: SqlServer) -> None:
    mysql.execute(
        "DROP DATABASE IF EXISTS snap", "CREATE DATABASE snap", "CREATE TABLE snap.k (b INT, a INT, PRIMARY KEY (a, b))"
    )
    mysql.execute("INSERT INTO snap.k VALUES (1, 2), (3, 4)")

    async def go() -> None:
        output = {
            "position": True,
            "server_id": True,
            "push_ts": True,
            "primary_key": True,
            "primary_key_columns": True,
        }
        life = Life(mysql, tables={"include": ["snap.*"]}, output=output, until_end=True)
        await life.collector.open({})
        while await life.step() is not None:
            pass
        await life.collector.close()
        first, second = life.events
        assert (first.primary_key, second.primary_key) == ((2, 1), (4, 3))
        assert first.primary_key_columns == ("a", "b")
        assert first.position == f"{first.place.file}:{first.place.offset}"
        assert first.server_id == int(mysql.query("SELECT @@server_id")[0][0])
        assert abs(first.push_ts - first.ts) < 60
        assert [row_index(event) for event in life.events] == [0, 1]
        assert place_of(first) == f"{first.position} row 0 (bootstrap-insert of snap.k)"

    asyncio.run(go())
