"""D: 200 tables in turn, in transactions of one row or three: what an application with many tables does.

In a round each table has three inserts of one row, one of three, and an update of the last three.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.loads.base import SEED, WORDS, Load, execute_all
from tests.servers.sql import SqlServer

TABLES = tuple(f"tenant_{number:03}" for number in range(200))
_AT_ONCE = 50
"""Statements in one text: they are transactions all the same, and the way to the server costs less."""
_TABLE = """CREATE TABLE {} (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, version int NOT NULL,
 name varchar(60) NOT NULL, state enum('new','open','done') NOT NULL, amount decimal(10,2) NOT NULL,
 weight double DEFAULT NULL, created_at datetime(3) NOT NULL, note varchar(200) DEFAULT NULL)"""


def _row(draw: random.Random, number: int, now: int) -> str:
    note = "NULL" if draw.random() < 0.3 else "'" + " ".join(draw.choices(WORDS, k=6)) + "'"
    return (
        f"({number},0,'{draw.choice(WORDS)} {draw.randrange(10**6)}',{draw.randrange(1, 4)},"
        f"{draw.randrange(1, 10**7) / 100:.2f},{draw.random() * 50!r},FROM_UNIXTIME({now / 1000:.3f}),{note})"
    )


def _statements(rounds: int) -> Iterator[str]:
    draw = random.Random(SEED + 4)
    now = 1_700_000_000_000
    for turn in range(rounds):
        first = 1 + turn * 6
        for ids in (range(first, first + 1), range(first + 1, first + 2), range(first + 2, first + 3)):
            for table in TABLES:
                now += 3
                yield f"INSERT INTO {table} VALUES {_row(draw, ids[0], now)}"
        for table in TABLES:
            yield f"INSERT INTO {table} VALUES " + ",".join(_row(draw, first + n, now) for n in (3, 4, 5))
        for table in TABLES:
            yield (
                f"UPDATE {table} SET version = version + 1, state = 'done', amount = amount + 1"
                f" WHERE id BETWEEN {first + 3} AND {first + 5}"
            )


def _send(server: SqlServer, rounds: int) -> None:
    statements = list(_statements(rounds))
    execute_all(server, (";".join(statements[at : at + _AT_ONCE]) for at in range(0, len(statements), _AT_ONCE)))


D = Load(
    what="200 tables in turn, transactions of 1 or 3 rows",
    tables=TABLES,
    identity=("id", "version"),
    rounds=50,
    changes_a_round=9 * len(TABLES),
    create=tuple(map(_TABLE.format, TABLES)),
    send=_send,
)
