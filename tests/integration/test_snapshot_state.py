"""While a table changes, it is copied: at the end the sink has what the table has, on both servers."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from tests.integration.snapshots import Life, Mirror, changing, columns
from tests.servers.sql import SqlServer

pytestmark = pytest.mark.servers

ROWS = 3_000
CHUNKS = {"mode": "initial", "chunk_rows": 100}


@pytest.fixture(params=["mysql", "mariadb", "mysql_without_gtids"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    found: SqlServer
    if request.param == "mysql_without_gtids":
        found = request.getfixturevalue("make_mysql")(options={"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"})
    else:
        found = request.getfixturevalue(request.param)
    found.execute("DROP DATABASE IF EXISTS snap", "CREATE DATABASE snap")
    return found


def fill(server: SqlServer, table: str, rows: int = ROWS) -> None:
    with server.connect(database="snap") as connection, connection.cursor() as cursor:
        for first in range(0, rows, 1000):
            values = ",".join(f"({i}, {i}, 'text {i}')" for i in range(first, min(first + 1000, rows)))
            cursor.execute(f"INSERT INTO {table} VALUES {values}")


def change(cursor: Any, draw: random.Random) -> None:
    """Inserts, updates, deletes and changes of the key, one to three rows a transaction."""
    for _ in range(draw.randint(1, 3)):
        id, other = draw.randrange(ROWS * 2), draw.randrange(ROWS * 2)
        match draw.randrange(8):
            case 0:
                cursor.execute("DELETE FROM snap.t WHERE id = %s", (id,))
            case 1:
                cursor.execute("UPDATE snap.t SET id = %s WHERE id = %s", (other, id))
            case 2 | 3:
                cursor.execute("INSERT INTO snap.t VALUES (%s, %s, 'new')", (id, draw.randrange(10**6)))
            case _:
                cursor.execute("UPDATE snap.t SET n = n + 1 WHERE id = %s", (id,))


def rows_of(server: SqlServer) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {(id,): {"id": id, "n": n, "c": c} for id, n, c in server.query("SELECT id, n, c FROM snap.t")}


@pytest.mark.parametrize("repeat", range(2))
def test_the_sink_equals_the_table_that_changed_all_the_time(server: SqlServer, repeat: int) -> None:
    server.execute("CREATE TABLE snap.t (id INT PRIMARY KEY, n INT, c VARCHAR(50))")
    fill(server, "t")

    async def go() -> None:
        mirror = Mirror()
        life = Life(server, tables={"include": ["snap.*"]}, snapshot={"mode": "initial", "chunk_rows": 60})
        with changing(server, change, threads=3):
            await life.collector.open({})
            await life.until(lambda: life.is_copied, mirror.apply)
        await life.to_end_of(server, mirror.apply)
        await life.collector.close()
        assert mirror.snapshot_rows > ROWS // 2
        assert mirror.tables["t"] == rows_of(server)

    asyncio.run(go())


def test_killed_at_every_chunk_nothing_is_lost(server: SqlServer) -> None:
    """Each life ends after one chunk; what is stored is up to three batches older than what the sink has."""
    server.execute("CREATE TABLE snap.t (id INT PRIMARY KEY, n INT, c VARCHAR(50))")
    fill(server, "t")
    draw = random.Random(7)

    async def go() -> None:
        mirror, lives = Mirror(), 0
        stored: dict[str, bytes] = {}
        with changing(server, change, threads=2):
            done = False
            while not done:
                life = Life(server, dict(stored), tables={"include": ["snap.*"]}, snapshot=CHUNKS)
                history = [dict(stored)]
                await life.collector.open(dict(stored))
                copied = mirror.snapshot_rows
                while not done and mirror.snapshot_rows == copied:
                    for event in await life.step() or ():
                        mirror.apply(event)
                    history.append(dict(life.positions))
                    done = life.is_copied
                lives += 1
                # Sometimes all of it is lost, for ever that would be no progress.
                stored = history[-1] if lives % 3 else draw.choice(history[-3:])
                await life.collector.close()
        last = Life(server, dict(stored), tables={"include": ["snap.*"]}, snapshot=CHUNKS)
        await last.collector.open(dict(stored))
        await last.until(lambda: last.is_copied, mirror.apply)
        await last.to_end_of(server, mirror.apply)
        await last.collector.close()
        assert lives > 10
        assert mirror.tables["t"] == rows_of(server)

    asyncio.run(go())


def test_a_finished_snapshot_is_not_made_again_on_a_quiet_server(server: SqlServer) -> None:
    server.execute("CREATE TABLE snap.t (id INT PRIMARY KEY, n INT, c VARCHAR(50))", "CREATE TABLE snap.empty (id INT)")
    fill(server, "t", 100)

    async def go() -> None:
        first = Life(server, tables={"include": ["snap.*"]}, until_end=True)
        await first.collector.open({})
        while await first.step() is not None:
            pass
        await first.collector.close()
        assert len(first.events) == 100
        assert {name.partition(":")[0] for name in first.positions} == {"binlog", "snapshot"}
        for mode in ("initial", "when_needed"):
            again = Life(server, dict(first.positions), tables={"include": ["snap.*"]}, snapshot=mode, until_end=True)
            await again.collector.open(dict(first.positions))
            while await again.step() is not None:
                pass
            await again.collector.close()
            assert again.events == []
        always = Life(server, dict(first.positions), tables={"include": ["snap.*"]}, snapshot="always", until_end=True)
        await always.collector.open(dict(first.positions))
        while await always.step() is not None:
            pass
        # A connection that is lost is no start.
        await always.collector.open(dict(always.positions))
        while await always.step() is not None:
            pass
        await always.collector.close()
        assert len(always.events) == 100

    asyncio.run(go())


KEYS = {
    "composite": ("a INT, b VARCHAR(10)", "a, b", lambda i: f"{i % 7}, 'k{i}'"),
    "unsigned": ("id BIGINT UNSIGNED", "id", lambda i: f"{2**64 - 1 - i * 3}"),
    "negative": ("id INT", "id", lambda i: f"{(-1) ** i * i}"),
    "text": ("id VARCHAR(40)", "id", lambda i: f"'{'Äß aé'[i % 5]}{i}''\\\\'"),
    "accents": (
        "id VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_german2_ci",
        "id",
        lambda i: f"'{'zÄéa'[i % 4]}{i}'",
    ),
    "wide": ("id VARCHAR(40) CHARACTER SET utf16", "id", lambda i: f"'{'z日a'[i % 3]}{i}'"),
    "binary": ("id BINARY(4)", "id", lambda i: f"x'{i * 99991 % 2**32:08x}'"),
    "varbinary": ("id VARBINARY(10)", "id", lambda i: f"x'{'00' * (i % 3)}{i:04x}'"),
    "moments": (
        "id DATETIME(3), u DECIMAL(12,3)",
        "id, u",
        lambda i: f"'2024-01-{i % 28 + 1:02} 00:00:00.{i % 10}', {i}.5",
    ),
    "time": ("id TIME(2), n INT", "id, n", lambda i: f"'{'-' if i % 2 else ''}{i % 800}:00:00.5', {i}"),
    "enum": ("e ENUM('z','b','a'), s SET('q','p'), i INT", "e, s, i", lambda i: f"{i % 3 + 1}, {i % 4}, {i}"),
    "bit": ("id BIT(20)", "id", lambda i: f"{i * 7}"),
    "float": ("f FLOAT, i INT", "f, i", lambda i: f"{i % 9}.1, {i}"),
    "double": ("id DOUBLE", "id", lambda i: f"{i} / 7"),
    "descending": ("a INT, b INT", "b, a", lambda i: f"{-i}, {i % 5}"),
}


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_every_kind_of_key_leads_through_the_whole_table(name: str, request: pytest.FixtureRequest) -> None:
    server: SqlServer = request.getfixturevalue(name)
    server.execute("DROP DATABASE IF EXISTS snap", "CREATE DATABASE snap CHARACTER SET utf8mb4")
    for table, (types, key, value) in KEYS.items():
        server.execute(f"CREATE TABLE snap.`{table}` ({types}, PRIMARY KEY ({key}))")
        rows = ",".join(f"({value(i)})" for i in range(200))
        server.execute(f"INSERT INTO snap.`{table}` VALUES {rows}")
    # No primary key, but another one that is as good.
    server.execute("CREATE TABLE snap.`unique` (a INT NULL UNIQUE, b INT NOT NULL, UNIQUE KEY (b))")
    server.execute(f"INSERT INTO snap.`unique` VALUES {','.join(f'(NULL, {i})' for i in range(200))}")

    async def go() -> None:
        life = Life(server, tables={"include": ["snap.*"]}, snapshot={**CHUNKS, "chunk_rows": 9}, until_end=True)
        await life.collector.open({})
        while await life.step() is not None:
            pass
        await life.collector.close()
        for table in (*KEYS, "unique"):
            rows = [tuple(columns(event.data).values()) for event in life.events if event.table == table]
            assert (table, len(rows), len(set(rows))) == (table, 200, 200)

    asyncio.run(go())


def change_bag(cursor: Any, draw: random.Random) -> None:
    """Few different rows, many times over."""
    row = draw.randrange(3), draw.randrange(3)
    match draw.randrange(3):
        case 0:
            cursor.execute("DELETE FROM snap.bag WHERE a = %s AND b = %s LIMIT 1", row)
        case 1:
            cursor.execute("UPDATE snap.bag SET b = %s WHERE a = %s AND b = %s LIMIT 1", (draw.randrange(3), *row))
        case _:
            cursor.execute("INSERT INTO snap.bag VALUES (%s, %s)", row)


@pytest.mark.parametrize("engine", ["InnoDB", "MyISAM"])
def test_a_table_without_a_key_is_copied_exactly(server: SqlServer, engine: str) -> None:
    server.execute(f"CREATE TABLE snap.bag (a INT, b INT) ENGINE={engine}")
    server.execute("INSERT INTO snap.bag VALUES " + ",".join(f"({i % 3}, {i % 2})" for i in range(3000)))

    async def go() -> None:
        bag: Counter[tuple[Any, ...]] = Counter()

        def apply(event: Any) -> None:
            row = tuple(columns(event.data).values())
            if event.type in ("delete", "update"):
                old = {**columns(event.data), **(columns(event.old) if event.type == "update" else {})}
                # Before the copy the sink may be told to delete what it has not got.
                bag[tuple(old.values())] -= bag[tuple(old.values())] > 0
            if event.type != "delete":
                bag[row] += 1

        life = Life(server, tables={"include": ["snap.*"]}, snapshot={**CHUNKS, "chunk_rows": 500})
        with changing(server, change_bag):
            await life.collector.open({})
            await life.until(lambda: life.is_copied, apply)
        await life.to_end_of(server, apply)
        await life.collector.close()
        truth = Counter(server.query("SELECT a, b FROM snap.bag"))
        assert +bag == truth
        assert sum(event.type == "bootstrap-insert" for event in life.events) >= 2500

    asyncio.run(go())
