"""W: a table of 100 columns of all common types; inserts of 300, and updates of 3 columns in 100 of those rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import TypeAlias

from benchmarks.loads.base import SEED, WORDS, Load, execute_all
from tests.servers.sql import SqlServer

COLUMNS = 100
_INSERTED, _UPDATED = 300, 100
_ADDRESS = range(20, 27)
"""These columns are NULL together, in a third of the rows."""

_Draw: TypeAlias = Callable[[random.Random], str]


def _time(draw: random.Random) -> str:
    return f"{draw.randrange(24):02}:{draw.randrange(60):02}:{draw.randrange(60):02}"


def _date(draw: random.Random) -> str:
    return f"{draw.randrange(1990, 2030)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"


_KINDS: tuple[tuple[str, _Draw], ...] = (
    ("tinyint", lambda draw: str(draw.randrange(-128, 128))),
    ("smallint unsigned", lambda draw: str(draw.randrange(1 << 16))),
    ("mediumint", lambda draw: str(draw.randrange(-(1 << 23), 1 << 23))),
    ("int", lambda draw: str(draw.randrange(-(1 << 31), 1 << 31))),
    ("bigint unsigned", lambda draw: str(draw.getrandbits(64))),
    ("float", lambda draw: f"{draw.random() * 1000:.3f}"),
    ("double", lambda draw: repr(draw.random() * 1e6)),
    ("decimal(12,3)", lambda draw: f"{draw.randrange(10**11) / 1000:.3f}"),
    ("varchar(40)", lambda draw: f"'{' '.join(draw.choices(WORDS, k=3))}'"),
    ("date", lambda draw: f"'{_date(draw)}'"),
    ("time(3)", lambda draw: f"'{_time(draw)}.{draw.randrange(1000):03}'"),
    ("datetime", lambda draw: f"'{_date(draw)} {_time(draw)}'"),
    ("datetime(6)", lambda draw: f"'{_date(draw)} {_time(draw)}.{draw.randrange(10**6):06}'"),
    ("timestamp", lambda draw: f"FROM_UNIXTIME({draw.randrange(10**9, 2 * 10**9)})"),
    ("char(8)", lambda draw: f"'{draw.getrandbits(32):08x}'"),
    ("enum('new','paid','shipped','returned')", lambda draw: str(draw.randrange(1, 5))),
    ("set('a','b','c','d','e')", lambda draw: str(draw.randrange(32))),
    ("varchar(300)", lambda draw: f"'{' '.join(draw.choices(WORDS, k=6))}'"),
    ("varbinary(16)", lambda draw: f"x'{draw.getrandbits(128):032x}'"),
    ("year", lambda draw: str(draw.randrange(1970, 2050))),
)


def _kinds() -> list[tuple[str, _Draw]]:
    """Of the columns behind `id` and `version`."""
    return list(islice(cycle(_KINDS), COLUMNS - 2))


def _table() -> str:
    columns = [
        f"c{index} {kind} {'NULL' if index in _ADDRESS else 'NOT NULL'}"
        for index, (kind, _) in enumerate(_kinds(), start=2)
    ]
    return f"CREATE TABLE wide (id bigint unsigned NOT NULL PRIMARY KEY, version int NOT NULL, {', '.join(columns)})"


def _row(draw: random.Random, number: int) -> str:
    has_address = draw.random() < 0.67
    values = [
        value(draw) if has_address or index not in _ADDRESS else "NULL"
        for index, (_, value) in enumerate(_kinds(), start=2)
    ]
    return f"({number},0,{','.join(values)})"


def _statements(rounds: int) -> Iterator[str]:
    draw = random.Random(SEED + 2)
    for turn in range(rounds):
        first = turn * _INSERTED
        yield "INSERT INTO wide VALUES " + ",".join(_row(draw, first + row) for row in range(_INSERTED))
        yield (
            f"UPDATE wide SET version = version + 1, c6 = c6 ^ 1, c10 = '{draw.choice(WORDS)} {turn}'"
            f" WHERE id BETWEEN {first} AND {first + _UPDATED - 1}"
        )


def _send(server: SqlServer, rounds: int) -> None:
    execute_all(server, _statements(rounds))


W = Load(
    what="100 columns of 20 types, inserts and updates",
    tables=("wide",),
    identity=("id", "version"),
    rounds=100,
    changes_a_round=_INSERTED + _UPDATED,
    create=(_table(),),
    send=_send,
)
