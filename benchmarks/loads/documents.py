"""J: orders with three JSON columns of 300 to 2,000 bytes, in inserts of 100."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from benchmarks.loads.base import SEED, WORDS, Load, execute_all, inserts
from tests.servers.sql import SqlServer

_TABLE = """CREATE TABLE documents (id bigint unsigned NOT NULL PRIMARY KEY, event json NOT NULL,
 items json NOT NULL, settings json DEFAULT NULL, changed_at datetime(3) NOT NULL)"""


def _rows(seed: int) -> Iterator[str]:
    """A flat event, a list of like objects, and settings with all kinds of values."""
    draw = random.Random(seed)
    number, now = 0, 1_700_000_000_000
    while True:
        number += 1
        now += draw.randrange(4000)
        settings = json.dumps(_settings(draw), ensure_ascii=False) if draw.random() < 0.9 else None
        documents = [json.dumps(_event(draw, number, now)), json.dumps(_items(draw), ensure_ascii=False), settings]
        texts = (
            "NULL" if text is None else "'" + text.replace("\\", "\\\\").replace("'", "''") + "'" for text in documents
        )
        yield f"({number},{','.join(texts)},FROM_UNIXTIME({now / 1000:.3f}))"


def _event(draw: random.Random, number: int, now: int) -> dict[str, object]:
    agent = f"Browser/{draw.randrange(5, 120)}.0 (System {draw.randrange(10)}.{draw.randrange(10)}; rv:1.9)"
    return {
        "id": f"{draw.getrandbits(128):032x}",
        "type": draw.choice(("page", "click", "order", "search")),
        "user": {"id": draw.randrange(1, 10**6), "name": draw.choice(WORDS), "admin": draw.random() < 0.05},
        "at": now,
        "url": f"/shop/{draw.choice(WORDS)}/{draw.randrange(10**5)}?page={draw.randrange(9)}&sort=price",
        "agent": agent,
        "duration": round(draw.random() * 3, 6),
        "referrer": None,
        "tags": draw.sample(WORDS, 3),
        "sequence": number,
    }


def _items(draw: random.Random) -> list[dict[str, object]]:
    return [
        {
            "sku": f"{draw.choice(WORDS)}-{draw.randrange(10**6):06}",
            "title": " ".join(draw.choices(WORDS, k=4)),
            "count": draw.randrange(1, 9),
            "price": round(draw.random() * 300, 2),
            "in_stock": draw.random() < 0.8,
            "options": {"colour": draw.choice(WORDS), "size": draw.randrange(30, 50)},
        }
        for _ in range(draw.randrange(3, 13))
    ]


def _settings(draw: random.Random) -> dict[str, object]:
    return {
        "theme": {"name": draw.choice(WORDS), "dark": draw.random() < 0.5, "scale": draw.choice((1.0, 1.25, 1.5))},
        "limits": {word: draw.randrange(1 << draw.choice((8, 16, 32, 40))) for word in WORDS[:6]},
        "history": [draw.randrange(1 << 20) for _ in range(30)],
        "notes": [f'"{" ".join(draw.choices(WORDS, k=9))}"\n' for _ in range(4)],
        "matrix": [[round(draw.random(), 4) for _ in range(4)] for _ in range(4)],
    }


def _insert(server: SqlServer, rounds: int) -> None:
    execute_all(server, inserts("documents", _rows(SEED), rounds, 100))


J = Load(
    what="three JSON columns of 300 to 2,000 bytes",
    tables=("documents",),
    identity=("id",),
    rounds=200,
    changes_a_round=100,
    create=(_TABLE,),
    send=_insert,
)
