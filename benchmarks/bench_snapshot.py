"""The initial copy of 1 M rows of corpus B while 500 transactions a second change them.

    python -m benchmarks.bench_snapshot [mysql|mariadb] [ROWS]

Prints rows a second, the highest resident memory of the collector's process, and whether what it delivered, applied in
order, is what the table holds at the end. The collector runs in a process of its own that writes to a pipe; applying
happens on this side.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from benchmarks.corpus import _ORDERS, SEED, _inserts, _orders
from tests.servers.mariadb import MariaDB
from tests.servers.mysql import MySQL
from tests.servers.sql import SqlServer

ROWS = 1_000_000
TRANSACTIONS_A_SECOND = 500
_OPTIONS = {"innodb-flush-log-at-trx-commit": 0, "sync-binlog": 0, "innodb-buffer-pool-size": "512M"}
_FIRST = 10_000_000_001


def main(name: str = "mysql", rows: str = str(ROWS)) -> None:
    """Fill a server, copy it under load, compare."""
    kind: type[SqlServer] = {"mysql": MySQL, "mariadb": MariaDB}[name]
    with tempfile.TemporaryDirectory() as scratch, kind(Path(scratch) / "server", options=_OPTIONS) as server:
        server.execute("CREATE DATABASE bench")
        server.execute(_ORDERS, database="bench")
        _inserts(server, "orders", _orders(SEED), int(rows))
        stop, changes = threading.Event(), [0]
        writer = threading.Thread(target=_change, args=(server, int(rows), stop, changes), daemon=True)
        command = [sys.executable, "-m", "benchmarks.bench_snapshot", "--collect", str(server.port)]
        state: dict[int, Any] = {}
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as collecting:
            assert collecting.stdin is not None
            assert collecting.stdout is not None
            writer.start()
            began = time.monotonic()
            collecting.stdin.write("go\n")
            collecting.stdin.flush()
            report = _apply(collecting.stdout, state, "copied")
            took = time.monotonic() - began
            stop.set()
            writer.join()
            collecting.stdin.write(json.dumps(server.query("SHOW BINARY LOGS")[-1][:2]) + "\n")
            collecting.stdin.flush()
            report = _apply(collecting.stdout, state, "done") or report
        truth = {
            int(row[0]): [str(row[1]), str(row[2])] for row in server.query("SELECT id, total, note FROM bench.orders")
        }
        print(
            f"{name}: {int(rows):,} rows in {took:.1f} s: {int(rows) / took:,.0f} rows/s beside "
            f"{changes[0] / took:,.0f} transactions/s; {report}; "
            f"{'equal' if state == truth else 'NOT EQUAL'} at the end ({len(truth):,} rows)"
        )
        if state != truth:
            sys.exit(1)


def _change(server: SqlServer, rows: int, stop: threading.Event, changes: list[int]) -> None:
    """Updates, some inserts and deletes, each a transaction, at the wanted rate."""
    draw = random.Random(SEED)
    began = time.monotonic()
    with server.connect(database="bench") as connection, connection.cursor() as cursor:
        connection.autocommit(True)
        while not stop.is_set():
            id = _FIRST + draw.randrange(rows)
            match draw.randrange(20):
                case 0:
                    cursor.execute("DELETE FROM orders WHERE id = %s", (id,))
                case 1:
                    cursor.execute(
                        "INSERT INTO orders (id, customer_id, status, total, currency, created_at) "
                        "VALUES (%s, 1, 'new', 1.5, 'EUR', NOW(3))",
                        (_FIRST + rows + changes[0],),
                    )
                case _:
                    cursor.execute("UPDATE orders SET total = total + 1, note = %s WHERE id = %s", (str(id % 97), id))
            changes[0] += 1
            ahead = began + changes[0] / TRANSACTIONS_A_SECOND - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)


def _apply(lines: IO[str], state: dict[int, Any], until: str) -> str:
    for line in lines:
        if line.startswith(until):
            return line.removeprefix(until).strip()
        for kind, id, total, note in json.loads(line):
            if kind == "delete":
                state.pop(id, None)
            else:
                state[id] = [total, note]
    return ""


async def collect(port: int) -> None:
    """The collector's process: events as short lists on standard output."""
    from tests.integration.snapshots import Life

    class Server:
        pass

    server: Any = Server()
    server.port = port
    life = Life(server, tables={"include": ["bench.*"]}, snapshot="initial")
    sys.stdin.readline()
    await life.collector.open({})

    async def step() -> None:
        events = await life.step() or ()
        if events:
            out = [(event.type, event.data.f0, str(event.data.f3), str(event.data.f9)) for event in events]
            sys.stdout.write(json.dumps(out) + "\n")
        life.events.clear()

    while not life.is_copied:
        await step()
    print("copied", flush=True)
    file, size = json.loads(await asyncio.to_thread(sys.stdin.readline))
    session = life.collector._session
    assert session is not None
    while not session.place.is_behind(file, size):
        await step()
    await life.collector.close()
    print(f"done highest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--collect"]:
        asyncio.run(collect(int(sys.argv[2])))
    else:
        main(*sys.argv[1:])
