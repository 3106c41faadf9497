"""B: orders of 11 columns in inserts of 1000."""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.loads.base import SEED, WORDS, Load, execute_all, inserts
from tests.servers.sql import SqlServer

_CURRENCIES = ("EUR", "USD", "JPY")
_TABLE = """CREATE TABLE orders (id bigint unsigned NOT NULL PRIMARY KEY, customer_id int NOT NULL,
 status enum('new','paid','shipped','returned') NOT NULL, total decimal(10,2) NOT NULL, tax decimal(8,4) DEFAULT NULL,
 currency char(3) NOT NULL, created_at datetime(3) NOT NULL, updated_at timestamp NULL, weight double DEFAULT NULL,
 note varchar(200) DEFAULT NULL, body text)"""


def _rows(seed: int) -> Iterator[str]:
    draw = random.Random(seed)
    number, now = 10_000_000_000, 1_700_000_000_000
    while True:
        number += 1
        now += draw.randrange(400)
        status = draw.choice(("new", "paid", "shipped", "returned"))
        tax = "NULL" if draw.random() < 0.1 else f"{draw.random() * 900:.4f}"
        updated = "NULL" if draw.random() < 0.2 else f"FROM_UNIXTIME({now // 1000 + draw.randrange(3600)})"
        weight = "NULL" if draw.random() < 0.1 else repr(draw.random() * 50)
        note = "NULL" if draw.random() < 0.3 else "'" + " ".join(draw.choices(WORDS, k=4)) + "'"
        body = " ".join(draw.choices(WORDS, k=12))
        yield (
            f"({number},{draw.randrange(1, 50_000)},'{status}',{draw.randrange(1, 10**7) / 100:.2f},{tax},"
            f"'{draw.choice(_CURRENCIES)}',FROM_UNIXTIME({now / 1000:.3f}),{updated},{weight},{note},'{body}')"
        )


def _insert(server: SqlServer, rounds: int) -> None:
    execute_all(server, inserts("orders", _rows(SEED), rounds, 1000))


B = Load(
    what="11-column orders (DECIMAL, DATETIME(3), ENUM ...)",
    tables=("orders",),
    identity=("id",),
    rounds=500,
    changes_a_round=1000,
    create=(_TABLE,),
    send=_insert,
)
