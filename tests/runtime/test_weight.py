from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from msgspec import UNSET

from wlf.events import Event, LogLine, RowInsert
from wlf.events.codec import FORMATS, encode_json
from wlf.events.log import FileLine
from wlf.events.table import ColumnType, TableVersion
from wlf.runtime.batch import Batch
from wlf.runtime.weight import PayloadSizes, weigh

COUNT = 4000
NOW = 1_795_875_783.5
PATH = "/var/log/pods/shop_orders-5d9c7_1234/orders/0.log"
FLAGS = ("multiline",)
Wide = msgspec.defstruct("Wide", [f"f{i}" for i in range(11)], gc=False)
Narrow = msgspec.defstruct("Narrow", ["f0", "f1"], gc=False)


def _text(size: int) -> str:
    return "".join(random.choices("abcdefgh", k=size))


def _wide(n: int) -> Event:
    cells = [n + 1000, _text(30), Decimal(f"{n}.25"), f"2026-01-01 00:00:{n}", "open", n * 1.5, None]
    return RowInsert("shop", "orders", "insert", 1, data=Wide(*cells, _text(200), b"x" * (n % 50), n * 7 + 999, True))


def _narrow(n: int) -> Event:
    return RowInsert("shop", "tiny", "insert", 1, xid=n + 10**6, data=Narrow(n + 1000, _text(8)))


def _mixed(n: int) -> Event:
    return _narrow(n) if n % 3 else _wide(n)


def _log(n: int) -> Event:
    return LogLine("file", n * 1.1, _text(40 + n % 80), attributes={"path": _text(20), "n": n + 1000})


def _line(n: int) -> Event:
    return FileLine("files", NOW, _text(100 + n % 100), file=PATH, host="host", flags=FLAGS if n % 4 else UNSET)


def _line_with_offset(n: int) -> Event:
    return FileLine("files", NOW, _text(100 + n % 100), file=PATH, host="host", offset=10_000 + n)


@pytest.mark.parametrize("make", [_wide, _narrow, _mixed, _log, _line, _line_with_offset])
def test_the_estimate_is_within_a_quarter_of_what_python_allocates(make: Callable[[int], Event]) -> None:
    random.seed(7)
    tracemalloc.start()
    try:
        events = tuple([make(n) for n in range(COUNT)])
        allocated = tracemalloc.get_traced_memory()[0]
        before = tracemalloc.get_traced_memory()[0]
        column = encode_json(events)
        encoded = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(column) == COUNT
    weight = weigh(events, turn=3)
    assert weight.heap == pytest.approx(allocated, rel=0.25)
    assert weight.encoded == pytest.approx(encoded, rel=0.25)


def test_what_many_events_share_counts_once_between_them() -> None:
    shared = "x" * 100_000
    events = tuple([LogLine("a", 0.0, shared) for _ in range(100)])
    assert weigh(events).heap < 150_000


def test_rare_large_events_are_seen_over_many_batches() -> None:
    events = [LogLine("a", 0.0, _text(20)) for _ in range(1000)]
    events[500] = LogLine("a", 0.0, _text(1_000_000))
    mean = sum(weigh(events, turn).heap for turn in range(1000)) / 1000
    assert mean == pytest.approx(1_000_000 + weigh(events[:500]).heap * 2, rel=0.25)


def test_no_events_weigh_nothing() -> None:
    assert weigh(()).total == 0


@pytest.mark.parametrize("format", ["debezium", "debezium_schema", "canal"])
def test_the_size_of_other_formats_is_learnt_from_what_was_encoded(format: str) -> None:
    kinds = tuple(ColumnType("int") for _ in range(20))
    table = TableVersion("d", "t", [f"c{index}" for index in range(20)], (0,), types=kinds)
    rows = tuple(RowInsert("d", "t", "insert", 1, data=table.row(*range(20))) for _ in range(100))
    actual = sum(map(len, FORMATS[format](rows)))
    for _ in range(20):
        Batch(rows).payloads(format, 0, 100)
    assert Batch(rows).encoded_bytes(format) == pytest.approx(actual, rel=0.25)
    assert Batch(rows).encoded_bytes("json") == weigh(rows).encoded


def test_a_batch_weighs_the_same_as_long_as_it_lives() -> None:
    batch = Batch(tuple(_wide(n) for n in range(10)))
    weight = batch.weight_bytes("canal")
    assert weight > batch.weight_bytes("json") == batch.weight_bytes("maxwell")
    for _ in range(5):
        Batch(tuple(_narrow(n) for n in range(10))).payloads("canal", 0, 10)
    assert batch.weight_bytes("canal") == weight


def test_until_something_was_encoded_a_size_is_assumed() -> None:
    sizes = PayloadSizes()
    assert sizes.estimate("json", 100) == 100 < sizes.estimate("debezium", 100) < sizes.estimate("debezium_schema", 100)
    sizes.note("debezium", 0, 0, 5)
    assert sizes.estimate("debezium", 100) == PayloadSizes().estimate("debezium", 100)
