"""A small job on real servers for each way that a peer has: does every row or line arrive, and how fast about?"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from confluent_kafka import Consumer, KafkaException, TopicPartition

from benchmarks.contender import (
    BinlogSource,
    ContainerSource,
    Contender,
    FileSink,
    FileSource,
    Job,
    KafkaSink,
    Sink,
    Source,
)
from tests.servers.kafka import Kafka
from tests.servers.mysql import MySQL

INSERTED, UPDATED, DELETED = 5_000, 300, 200
LINES = 5_000
POLL_S = 0.05
_TABLE = """CREATE TABLE small (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, k int NOT NULL, c char(120) NOT NULL,
 pad char(60) NOT NULL)"""


class Outcome(NamedTuple):
    """What came of one job."""

    expected: int
    arrived: int
    seconds: float
    """From the peer's start to the last arrival, looked at every 50 ms."""
    cpu_seconds: float
    log: str
    """The end of what the peer said."""


class Place:
    """A MySQL with a few transactions, a Kafka, and a file of lines; everything lies under `folder`."""

    def __init__(self, folder: Path, mysql: MySQL, kafka: Kafka) -> None:
        self.folder = folder
        self.mysql = mysql
        self.kafka = kafka
        self._jobs = 0

    def source(self, kind: type[Source]) -> Source:
        """What a job of that kind reads."""
        if kind is ContainerSource:
            return self.log_of_container()
        return self.binlog() if kind is BinlogSource else self.lines()

    def binlog(self, database: str = "trial") -> BinlogSource:
        """Fill a database of its own anew. What is read begins within a binlog file, after a row that must not come."""
        self.mysql.execute(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}")
        self.mysql.execute(_TABLE, "INSERT INTO small VALUES (1000000,0,'','')", database=database)
        file, position = self.mysql.query("SHOW BINARY LOG STATUS")[0][:2]
        self._change(database)
        rows = INSERTED + UPDATED + DELETED
        account = (self.mysql.host, self.mysql.port, self.mysql.user, self.mysql.password)
        return BinlogSource(*account, database, ("small",), rows, file, position)

    def _change(self, database: str) -> None:
        with self.mysql.connect(database=database, autocommit=False) as connection, connection.cursor() as cursor:
            for begin in range(1, INSERTED, 100):
                values = (f"({n},{n * 7919 % 10_007},'{n:0100}','{n:050}')" for n in range(begin, begin + 100))
                cursor.execute("INSERT INTO small VALUES " + ",".join(values))
                connection.commit()
            cursor.execute(f"UPDATE small SET k = k + 1 WHERE id <= {UPDATED}")
            connection.commit()
            cursor.execute(f"DELETE FROM small WHERE id BETWEEN {INSERTED - DELETED + 1} AND {INSERTED}")
            connection.commit()

    def lines(self) -> FileSource:
        """A file of numbered lines as an access log has them."""
        path = self.folder / "access.log"
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0)"
        request = '[28/Nov/2026:14:00:00 +0000] "GET /shop/{} HTTP/1.1"'
        lines = (f'10.0.{n >> 8}.{n & 255} - - {request.format(n)} 200 {n} "{agent}"\n' for n in range(LINES))
        path.write_text("".join(lines))
        return FileSource(path, LINES)

    def log_of_container(self) -> ContainerSource:
        """The same lines as the json-file driver of a Docker Engine writes them down: no Engine is asked for them."""
        path = self.folder / "container-json.log"
        with path.open("w") as log:
            for line in self.lines().path.read_text().splitlines(keepends=True):
                said = {"log": line, "stream": "stdout", "time": "2026-11-28T14:00:00.123456789Z"}
                log.write(json.dumps(said, separators=(",", ":")) + "\n")
        return ContainerSource("", "trial", path, LINES)

    def job(self, source: Source, kind: type[Sink], *, keyed: bool = False) -> Job:
        """A job into a new topic or file."""
        self._jobs += 1
        folder = self.folder / f"job-{self._jobs}"
        folder.mkdir()
        sink: Sink
        if kind is KafkaSink:
            topic = f"trial-{uuid4()}"
            self.kafka.create_topic(topic, 2 if keyed else 1)
            sink = KafkaSink(self.kafka.bootstrap_servers, topic, 2 if keyed else 1, keyed)
        else:
            sink = FileSink(self.folder / f"out-{self._jobs}.jsonl")
        return Job(source, sink, folder)


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """The servers of the trials, as long as they are needed."""
    with ExitStack() as servers:
        mysql = servers.enter_context(MySQL(folder / "mysql"))
        kafka = servers.enter_context(Kafka(folder / "kafka"))
        yield Place(folder, mysql, kafka)


def run(peer: Contender, job: Job, timeout_s: float = 180) -> Outcome:
    """Start a peer, wait until all has arrived or it ends or the time is over, and end it."""
    expected = job.source.rows if isinstance(job.source, BinlogSource) else job.source.lines
    with arrivals(peer, job.sink) as arrived:
        began, spent = time.monotonic(), children_cpu_seconds()
        process = peer.start(job)
        try:
            seconds = _await(process, arrived, expected, timeout_s)
        finally:
            end(process)
        cpu_seconds = children_cpu_seconds() - spent
        log = job.folder / "output.log"
        said = log.read_text(errors="replace")[-2000:] if log.is_file() else ""
        return Outcome(expected, arrived(), seconds - began, cpu_seconds, said)


def _await(process: subprocess.Popen[bytes], arrived: Callable[[], int], expected: int, timeout_s: float) -> float:
    """When the last row or line was seen to arrive."""
    seen, at = 0, time.monotonic()
    deadline = at + timeout_s
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        now = arrived()
        if now != seen:
            seen, at = now, time.monotonic()
        if ended or now >= expected:
            break
        time.sleep(POLL_S)
    return at


@contextmanager
def arrivals(peer: Contender, sink: Sink) -> Iterator[Callable[[], int]]:
    """A function that tells how many rows or lines are in the sink now."""
    if isinstance(sink, FileSink):
        yield lambda: _rows_in(peer, sink.path)
        return
    consumer = Consumer({"bootstrap.servers": sink.bootstrap, "group.id": "trial", "log_level": 3})
    try:
        yield lambda: _end_offsets(consumer, sink)
    finally:
        consumer.close()


def _rows_in(peer: Contender, path: Path) -> int:
    content = path.read_bytes() if path.is_file() else b""
    return sum(content.count(mark) for mark in peer.row_marks)


def _end_offsets(consumer: Consumer, sink: KafkaSink) -> int:
    """How many records the topic has. The client may not know the leaders of a topic that was made just now."""
    partitions = [TopicPartition(sink.topic, number) for number in range(sink.partitions)]
    deadline = time.monotonic() + 30
    while True:
        try:
            return sum(consumer.get_watermark_offsets(partition, timeout=30)[1] for partition in partitions)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)


def children_cpu_seconds() -> float:
    """CPU time of all processes that were started here and have ended, with what they waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def end(process: subprocess.Popen[bytes]) -> None:
    """End a peer with all its processes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
