"""N: 30 columns of which most are NULL, in patterns that change all the time; inserts of 500 and updates of 150.

Patterns come from a pool that is renewed one by one, and a quarter of them only once. So what a decoder prepares for
the patterns that it has seen is outdated soon: it must do well without.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.loads.base import SEED, WORDS, Load, execute_all
from tests.servers.sql import SqlServer

COLUMNS = 30
_INSERTED, _UPDATED = 500, 150
_POOL, _RENEWED_A_ROUND = 120, 20
_FRESH = 0.25
_FILLED = 0.15
_KINDS = ("int", "varchar(60)", "decimal(10,2)", "datetime", "double")
_TABLE = "CREATE TABLE sparse (id bigint unsigned NOT NULL PRIMARY KEY, version int NOT NULL, {})".format(
    ", ".join(f"c{index} {_KINDS[index % len(_KINDS)]} NULL" for index in range(COLUMNS))
)


def _value(draw: random.Random, index: int) -> str:
    match index % len(_KINDS):
        case 0:
            return str(draw.randrange(1 << 31))
        case 1:
            return f"'{' '.join(draw.choices(WORDS, k=3))}'"
        case 2:
            return f"{draw.randrange(10**9) / 100:.2f}"
        case 3:
            return f"FROM_UNIXTIME({draw.randrange(10**9, 2 * 10**9)})"
        case _:
            return repr(draw.random() * 1000)


def _pattern(draw: random.Random) -> frozenset[int]:
    """The columns that have a value."""
    return frozenset(index for index in range(COLUMNS) if draw.random() < _FILLED)


def _row(draw: random.Random, number: int, filled: frozenset[int]) -> str:
    values = (_value(draw, index) if index in filled else "NULL" for index in range(COLUMNS))
    return f"({number},0,{','.join(values)})"


def _statements(rounds: int) -> Iterator[str]:
    draw = random.Random(SEED + 3)
    pool = [_pattern(draw) for _ in range(_POOL)]
    for turn in range(rounds):
        first = turn * _INSERTED
        for _ in range(_RENEWED_A_ROUND):
            pool[draw.randrange(_POOL)] = _pattern(draw)
        filled = (_pattern(draw) if draw.random() < _FRESH else draw.choice(pool) for _ in range(_INSERTED))
        rows = (_row(draw, first + row, columns) for row, columns in enumerate(filled))
        yield "INSERT INTO sparse VALUES " + ",".join(rows)
        gained, lost = draw.sample(range(COLUMNS), 2)
        yield (
            f"UPDATE sparse SET version = version + 1, c{gained} = {_value(draw, gained)}, c{lost} = NULL"
            f" WHERE id BETWEEN {first} AND {first + _UPDATED - 1}"
        )


def _send(server: SqlServer, rounds: int) -> None:
    execute_all(server, _statements(rounds))


N = Load(
    what="30 columns, most NULL in changing patterns",
    tables=("sparse",),
    identity=("id", "version"),
    rounds=200,
    changes_a_round=_INSERTED + _UPDATED,
    create=(_TABLE,),
    send=_send,
)
