"""A: sysbench rows in inserts of 1000. C: single-row updates, each its own transaction. Z: A in transactions that the
server compressed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.loads.base import DATABASE, SEED, Load, execute_all, inserts
from tests.servers.sql import SqlServer

C_ROWS = 10_000
_TABLE = """CREATE TABLE {} (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, k int NOT NULL, c char(120) NOT NULL,
 pad char(60) NOT NULL)"""
_LOOP = f"""CREATE PROCEDURE updates(n int) BEGIN DECLARE i int DEFAULT 0;
 WHILE i < n DO UPDATE single SET k = k + 1 WHERE id = 1 + (i * 7919) % {C_ROWS}; SET i = i + 1; END WHILE; END"""


def _rows(seed: int) -> Iterator[str]:
    """Rows as sysbench makes them: groups of eleven digits."""
    draw = random.Random(seed)
    number = 0
    while True:
        number += 1
        groups = [f"{draw.randrange(10**11):011}" for _ in range(15)]
        c, pad = "-".join(groups[:10]), "-".join(groups[10:])
        yield f"({number},{draw.randrange(1 << 31)},'{c}','{pad}')"


def _insert(server: SqlServer, rounds: int) -> None:
    execute_all(server, inserts("sbtest", _rows(SEED), rounds, 1000))


def _insert_compressed(server: SqlServer, rounds: int) -> None:
    server.execute("SET GLOBAL binlog_transaction_compression = ON")
    try:
        _insert(server, rounds)
    finally:
        server.execute("SET GLOBAL binlog_transaction_compression = OFF")


def _fill(server: SqlServer) -> None:
    execute_all(server, inserts("single", _rows(SEED + 1), C_ROWS // 1000, 1000))


def _update(server: SqlServer, rounds: int) -> None:
    server.execute(f"CALL updates({rounds * 1000})", database=DATABASE)


A = Load(
    what="4-column sysbench rows, 1,000-row inserts",
    tables=("sbtest",),
    identity=("id",),
    rounds=300,
    changes_a_round=1000,
    create=(_TABLE.format("sbtest"),),
    send=_insert,
)
C = Load(
    what="single-row update transactions",
    tables=("single",),
    identity=("id", "k"),
    rounds=100,
    changes_a_round=1000,
    create=(_TABLE.format("single"), _LOOP),
    send=_update,
    fill=_fill,
)
Z = A._replace(what="A in compressed transactions", send=_insert_compressed)
