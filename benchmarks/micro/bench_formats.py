"""What each output format costs beside wlf's own JSON, in batches of 2,000 seeded rows.

Orders of 11 columns with two decimals, two times and an ENUM, inserted a thousand at a time and updated one by one;
and sysbench's rows of two numbers and two texts, whose values are the same in all formats but Canal's.

    python -m benchmarks.micro.bench_formats
    pytest benchmarks/micro/bench_formats.py --benchmark-only

The formats take turns in one run, so the ratios hold on a busy machine too; the best of all rounds counts.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from benchmarks.loads import SEED
from benchmarks.micro.notes import note
from wlf.events.codec import FORMATS
from wlf.events.rows import Place, RowChange, RowInsert, RowUpdate, put_place
from wlf.events.table import ColumnType, TableVersion

BATCH, ROUNDS = 2_000, 40
NAMES = ("maxwell", "debezium", "debezium_schema", "canal")
_LABELS = ("new", "paid", "shipped", "returned")
_COLUMNS = {
    "id": ColumnType("bigint", False, unsigned=True),
    "customer_id": ColumnType("int", False),
    "status": ColumnType("enum", False, members=_LABELS, charset="utf8mb4"),
    "total": ColumnType("decimal", False, length=10, scale=2),
    "tax": ColumnType("decimal", length=8, scale=4),
    "currency": ColumnType("char", False, length=12, charset="utf8mb4"),
    "created_at": ColumnType("datetime", False, scale=3),
    "updated_at": ColumnType("timestamp"),
    "weight": ColumnType("double"),
    "note": ColumnType("varchar", length=800, charset="utf8mb4"),
    "body": ColumnType("text", charset="utf8mb4"),
}


def _order(chance: random.Random, id: int) -> list[Any]:
    day = f"2024-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    clock = f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}"
    return [
        id,
        chance.randint(1, 100_000),
        chance.choice(_LABELS),
        Decimal(chance.randint(100, 10_000_000)).scaleb(-2),
        None if chance.random() < 0.2 else Decimal(chance.randint(0, 9_999_999)).scaleb(-4),
        chance.choice(("EUR", "USD", "JPY")),
        f"{day} {clock}.{chance.randint(0, 999):03}",
        None if chance.random() < 0.3 else f"{day} {clock}",
        None if chance.random() < 0.5 else round(chance.random() * 100, 3),
        None if chance.random() < 0.5 else "red wooden small " * 3,
        "green iron heavy fragile " * chance.randint(2, 8),
    ]


def inserts() -> list[RowChange]:
    """The rows of two rows events of a thousand rows each."""
    chance = random.Random(SEED)
    table = TableVersion("shop", "orders", tuple(_COLUMNS), (0,), types=tuple(_COLUMNS.values()))
    events: list[RowChange] = []
    for number in range(2):
        rows = [table.row(*_order(chance, index)) for index in range(BATCH // 2)]
        part = [
            RowInsert("shop", "orders", "insert", 1_700_000_000, xid=900 + number, xoffset=index, data=row)
            for index, row in enumerate(rows)
        ]
        put_place(part, Place("uuid", "binlog.000007", 9_000 + number, 1_700_000_000, None, 0, len(part)))
        events += part
    return events


def updates() -> list[RowChange]:
    """Updates of two columns, each its own transaction."""
    chance = random.Random(SEED)
    table = TableVersion("shop", "orders", tuple(_COLUMNS), (0,), types=tuple(_COLUMNS.values()))
    events: list[RowChange] = []
    for index in range(BATCH):
        row = _order(chance, index)
        old = table.row(*(["paid" if at == 2 else "2023-01-01 00:00:00" if at == 7 else UNSET for at in range(11)]))
        event = RowUpdate(
            "shop", "orders", "update", 1_700_000_000, xid=index, commit=True, data=table.row(*row), old=old
        )
        put_place((event,), Place("uuid", "binlog.000007", 400 * index, 1_700_000_000, f"u:{index}", 0, 1))
        events.append(event)
    return events


def sysbench() -> list[RowChange]:
    """Rows of four columns whose values need no other form."""
    kinds = (ColumnType("int", False), ColumnType("int", False), ColumnType("char", False), ColumnType("char", False))
    table = TableVersion("shop", "sbtest", ("id", "k", "c", "pad"), (0,), types=kinds)
    events: list[RowChange] = [
        RowInsert(
            "shop",
            "sbtest",
            "insert",
            1_700_000_000,
            xid=9,
            xoffset=index,
            data=table.row(index, 7, "c" * 119, "p" * 59),
        )
        for index in range(BATCH)
    ]
    put_place(events, Place("uuid", "binlog.000007", 9_000, 1_700_000_000, None, 0, len(events)))
    return events


SHAPES: dict[str, Callable[[], list[RowChange]]] = {"inserts": inserts, "updates": updates, "sysbench": sysbench}


@pytest.mark.parametrize("name", ["json", *NAMES])
@pytest.mark.parametrize("shape", SHAPES)
def test_encode(benchmark: Any, shape: str, name: str) -> None:
    """One batch of 2,000 events."""
    benchmark.group = f"format, {shape}"
    events = SHAPES[shape]()
    assert len(benchmark(FORMATS[name], events)) == BATCH
    note(benchmark, BATCH)


def measure(shape: str) -> dict[str, float]:
    """Nanoseconds an event of each format, the best of all rounds."""
    events = SHAPES[shape]()
    best = dict.fromkeys(("json", *NAMES), float("inf"))
    gc.collect()
    gc.freeze()
    for _ in range(ROUNDS):
        for name in best:
            began = time.perf_counter_ns()
            FORMATS[name](events)
            best[name] = min(best[name], (time.perf_counter_ns() - began) / BATCH)
    return best


def main() -> None:
    """Print the table."""
    for shape in SHAPES:
        best = measure(shape)
        print(f"{shape}: json {best['json']:.0f} ns an event")
        for name in NAMES:
            print(f"    {name:16} {best[name] / best['json']:.2f} x json")


if __name__ == "__main__":
    main()
