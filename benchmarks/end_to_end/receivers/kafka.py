"""A topic of a real Kafka broker, whose records carry the time at which the broker appended them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from confluent_kafka.cimpl import NewTopic

from benchmarks.contender import KafkaSink
from benchmarks.end_to_end.expected import Expected
from benchmarks.end_to_end.receivers.base import Receiver
from tests.servers.kafka import Kafka

READ_AT_ONCE = 10_000
TIMEOUT_S = 30


class KafkaReceiver(Receiver):
    """New topics on one broker, with one partition or several."""

    title = "Kafka"

    def __init__(self, server: Kafka, partitions: int = 1, *, keyed: bool = False) -> None:
        self._server = server
        self._partitions = partitions
        self._keyed = keyed
        self._topic = ""
        # Not its warnings: it has some for each answer that nobody waits for any more.
        self._admin = AdminClient({"bootstrap.servers": server.bootstrap_servers, "log_level": 2})
        self._consumer: Consumer | None = None
        if partitions > 1:
            self.title = f"Kafka, {partitions} partitions"

    def place(self, folder: Path, expected: Expected) -> KafkaSink:
        self._topic = f"e2e-{uuid4()}"
        topic = NewTopic(self._topic, self._partitions, 1, config={"message.timestamp.type": "LogAppendTime"})
        self._admin.create_topics([topic])[self._topic].result(timeout=TIMEOUT_S)
        self._await_leaders()
        self._consumer = Consumer(
            {
                "bootstrap.servers": self._server.bootstrap_servers,
                "group.id": "end-to-end",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        return KafkaSink(self._server.bootstrap_servers, self._topic, self._partitions, self._keyed)

    def count(self) -> int:
        latest = {TopicPartition(self._topic, number): OffsetSpec.latest() for number in range(self._partitions)}
        answers = self._admin.list_offsets(latest, request_timeout=TIMEOUT_S)
        return sum(answer.result().offset for answer in answers.values())

    def messages(self) -> Iterator[bytes]:
        for record in self._records():
            value = record.value()
            if value is not None:
                yield value

    def span_s(self) -> float | None:
        """By the first and the last record of each partition."""
        ends = [(n, at) for n, (low, high) in self._watermarks().items() if high > low for at in {low, high - 1}]
        times = [self._one(number, offset).timestamp()[1] for number, offset in ends]
        return (max(times) - min(times)) / 1000 if times else None

    def clear(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
            self._admin.delete_topics([self._topic])[self._topic].result(timeout=TIMEOUT_S)

    @property
    def _reader(self) -> Consumer:
        assert self._consumer is not None
        return self._consumer

    def _await_leaders(self) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            try:
                self.count()
                return
            except KafkaException:  # there are many ways of saying that a new partition has no leader yet
                if time.monotonic() > deadline:
                    raise
            time.sleep(self.poll_s)
            self._admin.list_topics(self._topic, timeout=TIMEOUT_S)  # else the client goes by what it heard first

    def _watermarks(self) -> dict[int, tuple[int, int]]:
        partitions = range(self._partitions)
        asked = {number: TopicPartition(self._topic, number) for number in partitions}
        return {n: self._reader.get_watermark_offsets(where, timeout=TIMEOUT_S) for n, where in asked.items()}

    def _one(self, partition: int, offset: int) -> Message:
        self._reader.assign([TopicPartition(self._topic, partition, offset)])
        message = self._reader.poll(TIMEOUT_S)
        if message is None or message.error():
            raise TimeoutError(f"{self._topic}[{partition}]@{offset}: expected a record, got {message}")
        return message

    def _records(self) -> Iterator[Message]:
        ends = {number: high for number, (low, high) in self._watermarks().items() if high > low}
        self._reader.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in ends])
        while ends:
            records = self._reader.consume(READ_AT_ONCE, timeout=1)
            for record in records:
                if record.error():
                    raise TimeoutError(f"{self._topic}: {record.error()}")
                yield record
            self._drop_complete(ends)
        self._reader.unassign()

    def _drop_complete(self, ends: dict[int, int]) -> None:
        """Forget the partitions that are read to their ends; control records of transactions are no messages."""
        where = [TopicPartition(self._topic, number) for number in ends]
        for place in self._reader.position(where):
            if place.offset >= ends[place.partition]:
                del ends[place.partition]
