"""While a table changes, it is copied: at the end the sink has what the table has, on both servers."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.integration.snapshots import Life, Mirror, changing
from tests.servers.sql import SqlServer

pytestmark = pytest.mark.servers

ROWS = 3_000


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
