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

SUITE = "latency"
CASE = "commit -> readable in Kafka"


def measure(
    contenders: Sequence[Contender],
    server: MySQL,
    kafka: Kafka,
    folder: Path,
    *,
    rate: int,
    seconds: float,
    rounds: int = 1,
) -> Iterator[Result]:
    """The contenders and the bare client in turn at one rate; the round whose 99th percentile is the median counts."""
    receiver, count = KafkaReceiver(kafka), int(rate * seconds)
    tried: dict[str, list[Result]] = {}
    for _ in range(rounds):
        for contender in contenders:
            result = of_contender(contender, server, receiver, folder / "live", rate=rate, count=count)
            tried.setdefault(result.who, []).append(result)
        result = of_echo(receiver, folder / "echo", rate=rate, count=count)
        tried.setdefault(result.who, []).append(result)
    for results in tried.values():
        middle = sorted(results, key=lambda result: result.p99_ms)[len(results) // 2]
        lost, duplicates = sum(r.lost for r in results), sum(r.duplicates for r in results)
        yield msgspec.structs.replace(middle, lost=lost, duplicates=duplicates)


def of_contender(
    contender: Contender, server: MySQL, receiver: KafkaReceiver, folder: Path, *, rate: int, count: int
) -> Result:
    """From the answer to each COMMIT on."""
    seen = keep_up(contender, server, receiver, folder, count=count, rate=rate)
    commit = latencies_ms(seen.committed.done, seen.received)
    statement = latencies_ms(seen.committed.sent, seen.received)
    written = f"{seen.committed.rate:,.0f} tx/s written"
    return msgspec.structs.replace(
        seen.result,
        suite=SUITE,
        case=CASE,
        p50_ms=percentile(commit, 50),
        p99_ms=percentile(commit, 99),
        note=f"{written}; p99 {percentile(statement, 99):.1f} ms from the statement on",
    )


def of_echo(receiver: KafkaReceiver, folder: Path, *, rate: int, count: int) -> Result:
    """From the client's `send` on."""
    sent, received = echo(receiver, folder, count=count, rate=rate)
    ordered = latencies_ms(sent, received)
    return Result(
        suite=SUITE,
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
