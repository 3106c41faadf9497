"""From commit to readable in Kafka, beside a bare client that sends the same messages at the same rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks.contender import Contender
from benchmarks.end_to_end.live import echo, keep_up, latencies_ms, percentile
from benchmarks.end_to_end.receivers.kafka import KafkaReceiver
from benchmarks.result import Result
from tests.servers.kafka import Kafka
from tests.servers.mysql import MySQL

CASE = "commit -> readable in Kafka"
RATES = (100, 1_000, 5_000)


def measure(
    contenders: Sequence[Contender], server: MySQL, kafka: Kafka, folder: Path, *, rate: int, seconds: float
) -> Iterator[Result]:
    """The contenders and then the bare client, at one rate."""
    count, receiver = int(rate * seconds), KafkaReceiver(kafka)
    for contender in contenders:
        seen = keep_up(contender, server, receiver, folder / "live", count=count, rate=rate)
        commit = latencies_ms(seen.committed.done, seen.received)
        statement = latencies_ms(seen.committed.sent, seen.received)
        written = f"{seen.committed.rate:,.0f} tx/s written"
        yield msgspec.structs.replace(
            seen.result,
            suite="latency",
            case=CASE,
            p50_ms=percentile(commit, 50),
            p99_ms=percentile(commit, 99),
            note=f"{written}; p99 {percentile(statement, 99):.1f} ms from the statement on",
        )
    sent, received = echo(receiver, folder / "echo", count=count, rate=rate)
    ordered = latencies_ms(sent, received)
    yield Result(
        suite="latency",
        case=CASE,
        who="aiokafka echo",
        input=f"{rate:,} tx/s",
        events=count,
        seconds=(max(sent) - min(sent)) / 1e9,
        lost=sum(not there for there in received),
        p50_ms=percentile(ordered, 50),
        p99_ms=percentile(ordered, 99),
        note="from its send() on",
    )
