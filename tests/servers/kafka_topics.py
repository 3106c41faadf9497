"""Make a Kafka topic and read one to its end, the same for the real broker and the mock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic


@dataclass(frozen=True)
class Record:
    """One record of a topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = field(default=())


def create_topic(bootstrap_servers: str, name: str, partitions: int = 1, **config: str) -> None:
    """Create a topic and wait until it is there; `config` has its properties with _ for dots."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    properties = {key.replace("_", "."): value for key, value in config.items()}
    topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=properties)
    admin.create_topics([topic])[name].result(timeout=30)


def read_topic(
    bootstrap_servers: str, name: str, *, isolation: str = "read_committed", timeout_s: float = 30
) -> list[Record]:
    """All records of a topic in the order of their partitions; `TimeoutError` when its end is not reached in time."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "wlf-tests",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
        }
    )
    try:
        partitions = list(consumer.list_topics(name, timeout=timeout_s).topics[name].partitions)
        consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in partitions])
        return _read_to_end(consumer, set(partitions), time.monotonic() + timeout_s)
    finally:
        consumer.close()


def _read_to_end(consumer: Consumer, unread: set[int], deadline: float) -> list[Record]:
    records = []
    while unread:
        if time.monotonic() > deadline:
            raise TimeoutError(f"partitions {sorted(unread)} did not end")
        message = consumer.poll(0.2)
        if message is None:
            continue
        error = message.error()
        if error is None:
            records.append(_record(message))
        elif error.code() == KafkaError._PARTITION_EOF:
            unread.discard(message.partition() or 0)
        elif not error.retriable():
            raise RuntimeError(f"cannot read the topic: {error}")
    return sorted(records, key=lambda record: (record.partition, record.offset))


def _record(message: Message) -> Record:
    headers: Any = message.headers() or ()  # the library types them wider than what a broker sends
    return Record(message.partition() or 0, message.offset() or 0, message.key(), message.value(), tuple(headers))
