"""What it costs to hand events to a second process, beside what the dispatchers there would do with them.

    python -m benchmarks.micro.bench_placement
    pytest benchmarks/micro/bench_placement.py --benchmark-only

The crossing is the cheapest that keeps events whole: one MessagePack text a list, rows as arrays beside the number of
their table version, written into shared memory, decoded from a view of it, and made into events again. What is absent
(UNSET) and decimals do not travel by themselves: decimals go as texts, absent values as an extension.

The process that reads pays `encode` and `copy`, and gets rid of what its dispatchers cost; the other one pays `decode`
on top of that. On two cores of an Intel Xeon with Python 3.11, 11-column rows, CPU nanoseconds an event:

    crossing: encode 630, copy 25, decode 1 850
    JSON 770, Kafka's keys and record batches 950, Redis XADD's commands 190, Elasticsearch's bodies 480

So the crossing costs as much CPU as all three dispatchers together do without their sockets. With a core to spare the
reading process would be relieved of 2 to 3 of its 7 microseconds an event; with the servers on the same two cores there
is no such core, and a third more CPU is spent. That is why there is no option that places dispatchers elsewhere:
another `wlf run` with its own cursors decodes a second time, which costs about what the crossing does, and is simpler.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import starmap
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import msgspec
import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from msgspec import UNSET
from msgspec.structs import astuple

from tests.components.fakes import Batch
from tests.components.rows import configured
from wlf.components.dispatchers._elasticsearch.operations import COMPOSERS
from wlf.components.dispatchers._elasticsearch.options import ElasticsearchConfig
from wlf.components.dispatchers._kafka.messages import Composer
from wlf.components.dispatchers._kafka.options import KafkaConfig
from wlf.components.dispatchers._redis.commands import Packer
from wlf.components.dispatchers._redis.options import XAdd
from wlf.events import Place, RowChange, RowInsert
from wlf.events.codec import encode_json
from wlf.events.rows import put_place
from wlf.events.table import TableVersion

EVENTS = 2_000
VERSION = TableVersion(
    "shop",
    "orders",
    ("id", "customer", "status", "total", "tax", "currency", "created", "updated", "weight", "note", "body"),
    [0],
)
_ABSENT = 1
_pack = msgspec.msgpack.Encoder(
    decimal_format="string", enc_hook=lambda value: msgspec.msgpack.Ext(_ABSENT, b"")
).encode
_unpack = msgspec.msgpack.Decoder(list[Any], ext_hook=lambda code, content: UNSET).decode
_DECIMALS = (3, 4)
Work = Callable[[], object]


def orders() -> tuple[RowChange, ...]:
    """One rows event of 11-column rows."""
    rows = [
        VERSION.row(
            10_000_000_000 + n,
            n % 50_000,
            "paid",
            Decimal(n) / 100,
            Decimal("12.3456"),
            "EUR",
            f"2024-01-01 00:00:{n % 60:02}.123",
            "2024-01-01 00:00:00",
            n / 7,
            None,
            f"red wooden table number {n} with glass and iron legs and a heavy round top",
        )
        for n in range(EVENTS)
    ]
    events = [RowInsert("shop", "orders", "insert", 1, xid=77, xoffset=n, data=row) for n, row in enumerate(rows)]
    put_place(events, Place("7c8bd3a9-0f6c-11ef-9c9a-0242ac120002", "binlog.000001", 4711, 1, None, 0, EVENTS))
    return tuple(events)


def encode(events: Sequence[Any]) -> bytes:
    """A list of one table's events: what they share once, then two arrays a row."""
    first = events[0]
    heads = [(event.xid, event.xoffset, event.commit) for event in events]
    rows = [astuple(event.data) for event in events]
    return _pack([0, first.type, first.ts, first.place, heads, rows])


def decode(view: memoryview) -> list[RowInsert]:
    """The events again."""
    _, kind, ts, place, heads, rows = _unpack(view)
    for row in rows:
        for index in _DECIMALS:
            row[index] = Decimal(row[index])
    made = [
        RowInsert(VERSION.database, VERSION.table, kind, ts, UNSET, *head, data=data)
        for head, data in zip(heads, starmap(VERSION.row, rows), strict=True)
    ]
    put_place(made, Place(*place))
    return made


class Encoded(Batch):
    """A batch whose payloads are there already: they are made once for all dispatchers."""

    def __init__(self, events: Sequence[RowChange]) -> None:
        super().__init__(events)
        self._payloads = super().payloads()

    def payloads(self) -> list[bytes]:
        return self._payloads


def works(memory: SharedMemory) -> dict[str, Work]:
    """Everything that is measured, by name."""
    events = orders()
    batch, packed = Encoded(events), encode(events)
    room: Any = memory.buf
    room[: len(packed)] = packed
    kafka = Composer(configured(KafkaConfig, topic="orders"))
    search = COMPOSERS["append"](configured(ElasticsearchConfig, index="orders"))
    redis = Packer(XAdd())

    def copy() -> None:
        room[: len(packed)] = packed

    def send_to_kafka() -> None:
        messages, builder = kafka.compose(batch), BatchBuilder(10_000_000, 0)
        append = builder._builder.append
        for offset, (key, value) in enumerate(zip(messages.keys, messages.values, strict=True)):
            append(offset, 0, key, value, [])
        builder._build()

    return {
        "crossing: encode": lambda: encode(events),
        "crossing: copy": copy,
        "crossing: decode": lambda: decode(room[: len(packed)]),
        "JSON": lambda: encode_json(events),
        "Kafka": send_to_kafka,
        "Redis XADD": lambda: redis.each("orders", batch.payloads()),
        "Elasticsearch": lambda: search.compose(batch).operations.body(),
    }


def test_what_crosses_comes_out_the_same() -> None:
    events = orders()
    again = decode(memoryview(encode(events)))
    assert encode_json(again) == encode_json(events)
    assert [event.place for event in again] == [event.place for event in events]


@pytest.mark.parametrize("what", ["crossing: encode", "crossing: copy", "crossing: decode", "Kafka", "Elasticsearch"])
def test_placement(benchmark: Any, what: str) -> None:
    memory = SharedMemory(create=True, size=1 << 22)
    try:
        benchmark.pedantic(works(memory)[what], rounds=15, warmup_rounds=1)
        benchmark.extra_info["ns_per_event"] = round(benchmark.stats.stats.min / EVENTS * 1e9, 1)
    finally:
        memory.unlink()


def main() -> None:
    """Print CPU nanoseconds an event, each the best of rounds in turn."""
    memory = SharedMemory(create=True, size=1 << 22)
    try:
        measured = works(memory)
        best = dict.fromkeys(measured, float("inf"))
        for _ in range(40):
            for what, work in measured.items():
                began = time.process_time()
                work()
                best[what] = min(best[what], time.process_time() - began)
        for what, seconds in best.items():
            print(f"{what:20}{seconds / EVENTS * 1e9:8.0f} ns")
    finally:
        memory.unlink()


if __name__ == "__main__":
    main()
