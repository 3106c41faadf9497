"""A writer beside the program: how it keeps up with single-row transactions, and how long each is on its way."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from benchmarks.contender import BinlogSource, Contender, Job, KafkaSink
from benchmarks.end_to_end.expected import Numbered, Tally
from benchmarks.end_to_end.receivers.base import Receiver
from benchmarks.end_to_end.receivers.kafka import KafkaReceiver
from benchmarks.end_to_end.source import plain_server
from benchmarks.end_to_end.writer import CREATE, TABLE, statement
from benchmarks.loads import DATABASE
from benchmarks.measure import Meter, Watched
from benchmarks.result import Result
from tests.servers.mysql import MySQL

READY_S = 60.0
"""So long a program may take until the first change has arrived."""
QUIET_S = 20.0
FULL_SPEED_CONNECTIONS = 4
WARM_UP = 0.2
"""The first part of a run does not count for latency."""


class Committed(NamedTuple):
    """What a writer noted, in nanoseconds of the monotonic clock."""

    sent: array[int]
    done: array[int]

    @property
    def rate(self) -> float:
        """Transactions a second that were really reached."""
        return len(self.done) / ((max(self.done) - min(self.sent)) / 1e9)


class Live(NamedTuple):
    """A run beside a writer."""

    result: Result
    committed: Committed
    received: array[int]
    """When each number could be read from Kafka; empty where nobody looked."""


@contextmanager
def live_server(folder: Path) -> Iterator[MySQL]:
    """A server with the writer's table."""
    server = plain_server(folder / "mysql-live")
    try:
        server.start()
        server.execute(f"CREATE DATABASE {DATABASE}")
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.data, ignore_errors=True)


class Process:
    """One of the suite's own processes, which says `ready` and may be told to go."""

    def __init__(self, module: str, *arguments: object) -> None:
        argv = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", f"benchmarks.end_to_end.{module}"]
        argv += map(str, arguments)
        self._running = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def await_ready(self) -> None:
        """Until it says so."""
        assert self._running.stdout is not None
        if self._running.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{self._running.args} ended with status {self._running.wait()}")

    def go(self) -> None:
        """Say the word that it waits for."""
        assert self._running.stdin is not None
        self._running.stdin.write(b"go\n")
        self._running.stdin.flush()

    def wait(self) -> None:
        """Until it has ended well."""
        if status := self._running.wait():
            raise RuntimeError(f"{self._running.args} ended with status {status}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._running.kill()
        self._running.communicate()


def numbers(path: Path) -> array[int]:
    """What such a process left."""
    found = array("q")
    found.frombytes(path.read_bytes())
    return found


def keep_up(
    contender: Contender,
    server: MySQL,
    receiver: Receiver,
    folder: Path,
    *,
    count: int,
    rate: int = 0,
    suite: str = "end to end",
) -> Live:
    """Write `count` transactions at that rate, 0 for as fast as it goes, while the program runs."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "job").mkdir(parents=True)
    server.execute(f"DROP TABLE IF EXISTS {TABLE}", CREATE, database=DATABASE)
    expected = Numbered(count + 1)
    sink = receiver.place(folder, expected)
    connections = max(1, rate // 1000) if rate else FULL_SPEED_CONNECTIONS
    account = (server.host, server.port, server.user, server.password)
    job = Job(_source(server, count + 1), sink, folder / "job")
    with ExitStack() as stack:
        stack.callback(receiver.clear)
        writer = stack.enter_context(Process("writer", *account, count, rate, connections, folder / "committed"))
        beside = [writer]
        if isinstance(sink, KafkaSink):
            reading = Process("consumer", sink.bootstrap, sink.topic, count, folder / "received")
            beside.append(stack.enter_context(reading))
        meter = stack.enter_context(Meter(contender.start(job)))
        _await_first(server, meter, receiver)
        for process in beside:
            process.await_ready()
        start_cpu = meter.cpu_seconds()
        writer.go()
        watched = meter.watch(receiver.count, len(expected), QUIET_S, receiver.poll_s)
        for process in beside:
            process.wait()
        meter.stop()
        both = numbers(folder / "committed")
        committed = Committed(both[:count], both[count:])
        empty = Result(
            suite=suite,
            case=f"binlog -> {receiver.title}, live",
            who=contender.name,
            input=f"{rate:,} tx/s" if rate else "full speed",
        )
        received = numbers(folder / "received") if len(beside) > 1 else array("q")
        told = receiver.audit(expected)
        return Live(_result(empty, committed, watched, meter, start_cpu, told), committed, received)


def _result(
    empty: Result, committed: Committed, watched: Watched, meter: Meter, start_cpu: float, told: Tally
) -> Result:
    behind_ms = max(0.0, watched.last * 1000 - max(committed.done) / 1e6)
    return msgspec.structs.replace(
        empty,
        events=len(committed.done),
        seconds=watched.last - min(committed.sent) / 1e9,
        cpu_seconds=watched.cpu_seconds,
        start_cpu_seconds=start_cpu,
        peak_rss_mb=round(meter.peak_rss_mb, 1),
        lost=told.lost,
        duplicates=told.duplicates,
        note=f"{committed.rate:,.0f} tx/s written; last event {behind_ms:.0f} ms behind the last commit",
    )


def _source(server: MySQL, rows: int) -> BinlogSource:
    file, position, *_ = server.query("SHOW BINARY LOG STATUS")[0]
    return BinlogSource(
        server.host, server.port, server.user, server.password, DATABASE, (TABLE,), rows, file, int(position)
    )


def _await_first(server: MySQL, meter: Meter, receiver: Receiver) -> None:
    """Send change number 0 and wait until it has arrived: then the program is ready."""
    server.execute(statement(0))
    deadline = time.monotonic() + READY_S
    while not receiver.count():
        if meter.has_ended or time.monotonic() > deadline:
            raise TimeoutError(f"nothing arrived in {READY_S:g} s (status {meter.returncode})")
        time.sleep(receiver.poll_s)


def echo(receiver: KafkaReceiver, folder: Path, *, count: int, rate: int) -> tuple[array[int], array[int]]:
    """The bare client into a topic of its own: when each message was handed over, and when it could be read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sink = receiver.place(folder, Numbered(count))
    try:
        with Process("consumer", sink.bootstrap, sink.topic, count, folder / "received") as consumer:
            consumer.await_ready()
            with Process("echo", sink.bootstrap, sink.topic, count, rate, folder / "sent") as sender:
                sender.wait()
            consumer.wait()
        return numbers(folder / "sent"), numbers(folder / "received")
    finally:
        receiver.clear()


def latencies_ms(begun: Sequence[int], received: Sequence[int]) -> list[float]:
    """For each number that arrived, without the first part of the run; sorted."""
    first = int(len(begun) * WARM_UP)
    pairs = zip(begun[first:], received[first:], strict=True)
    return sorted((there - sent) / 1e6 for sent, there in pairs if there)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Of sorted values."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
