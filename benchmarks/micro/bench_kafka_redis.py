"""Events a second into Kafka and Redis, as ratios to the client library's plain way in the same run.

`python -m benchmarks.micro.bench_kafka_redis` prints the table; `make bench-micro` measures wlf alone. Kafka is
librdkafka's mock cluster, so that the client is measured and not a broker's disk; Redis is a real server. Payloads are
encoded beforehand, for a run encodes them once for all dispatchers.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis as Client

from benchmarks.micro.notes import note
from tests.components.fakes import Batch, make_context
from tests.components.rows import configured, inserts
from tests.servers.cache import NotInstalled
from tests.servers.kafka_mock import KafkaMock
from tests.servers.redis import Redis
from wlf.components.base import Dispatcher
from wlf.components.dispatchers.kafka import KafkaConfig, KafkaDispatcher
from wlf.components.dispatchers.redis import RedisConfig, RedisDispatcher

EVENTS = 2_000
KAFKA_CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "1 topic, 1 partition": (1, {"topic": "one"}),
    "1 topic, 4 partitions": (1, {"topic": "four"}),
    "1 topic, 4 partitions, java": (1, {"topic": "four", "partitioner": "java"}),
    "100 topics": (100, {"topic": "w.%{/table}"}),
    "600 topics": (600, {"topic": "v.%{/table}"}),
}
REDIS_CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "RPush, 1 key": (1, {"type": "RPush"}),
    "RPush, 100 keys": (100, {"type": "RPush", "key": "k.%{/table}"}),
    "LPush, 1 key": (1, {"type": "LPush"}),
    "XADD": (1, {"type": "XADD", "key": "stream", "maxlen": 100_000}),
    "Pub": (1, {"type": "Pub", "channel": "c.%{/table}"}),
}
Send = Callable[[], Awaitable[object]]


class Encoded(Batch):
    """A batch whose payloads are there already."""

    def __init__(self, tables: int) -> None:
        super().__init__(inserts(EVENTS, tables=tables))
        self._payloads = super().payloads()

    def payloads(self) -> list[bytes]:
        return self._payloads


async def rate(send: Send, seconds: float) -> float:
    """Events a second, after one round to warm up."""
    await send()
    rounds, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        await send()
        rounds += 1
    return rounds * EVENTS / (time.perf_counter() - began)


async def ours(sink: Dispatcher, tables: int, seconds: float) -> float:
    batch = Encoded(tables)

    async def send() -> None:
        assert await sink.dispatch(batch) is None

    try:
        await sink.open()
        return await rate(send, seconds)
    finally:
        await sink.close()


def kafka(servers: str, **options: Any) -> KafkaDispatcher:
    return KafkaDispatcher(configured(KafkaConfig, bootstrap_brokers=servers.split(","), **options), make_context())


def redis(server: Redis, **mode: Any) -> RedisDispatcher:
    return RedisDispatcher(configured(RedisConfig, host=server.host, port=server.port, mode=mode), make_context())


async def plain_kafka(servers: str, template: str, tables: int, seconds: float) -> float:
    """aiokafka's `send` for each event, with the topic and the key given."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True, max_batch_size=1_000_000)
    payloads = Encoded(tables).payloads()
    topics = [template.replace("%{/table}", f"t{n % tables}") for n in range(EVENTS)]
    keys = [b"%d" % n for n in range(EVENTS)]

    async def send() -> None:
        sent = zip(topics, payloads, keys, strict=True)
        await asyncio.gather(*[await producer.send(topic, value, key) for topic, value, key in sent])

    await producer.start()
    try:
        return await rate(send, seconds)
    finally:
        await producer.stop()


async def plain_redis(server: Redis, mode: dict[str, Any], tables: int, seconds: float) -> float:
    """redis-py's pipeline with a command for each event."""
    client = Client(host=server.host, port=server.port)
    payloads = Encoded(tables).payloads()
    template = mode.get("channel") or mode.get("key", "wlf")
    keys = [template.replace("%{/table}", f"t{n % tables}") for n in range(EVENTS)]

    async def send() -> None:
        pipeline = client.pipeline(transaction=False)
        for key, value in zip(keys, payloads, strict=True):
            if mode["type"] == "Pub":
                pipeline.publish(key, value)
            elif mode["type"] == "XADD":
                pipeline.xadd(key, {"message": value}, maxlen=mode["maxlen"])
            elif mode["type"] == "LPush":
                pipeline.lpush(key, value)
            else:
                pipeline.rpush(key, value)
        await pipeline.execute()

    try:
        return await rate(send, seconds)
    finally:
        await client.aclose()


def new_mock() -> KafkaMock:
    """A cluster with the topics that need a fixed number of partitions."""
    mock = KafkaMock()
    mock.create_topic("one", 1)
    mock.create_topic("four", 4)
    return mock


@pytest.mark.parametrize("case", KAFKA_CASES)
def test_kafka(benchmark: Any, case: str) -> None:
    benchmark.group = "kafka"
    tables, options = KAFKA_CASES[case]
    with new_mock() as mock:
        _benchmarked(benchmark, kafka(mock.bootstrap_servers, **options), tables)


@pytest.mark.parametrize("case", REDIS_CASES)
def test_redis(benchmark: Any, case: str, tmp_path: Path) -> None:
    benchmark.group = "redis"
    tables, mode = REDIS_CASES[case]
    try:
        server = Redis(tmp_path / "redis")
    except NotInstalled as missing:
        pytest.skip(str(missing))
    with server:
        _benchmarked(benchmark, redis(server, **mode), tables)


def _benchmarked(benchmark: Any, sink: Dispatcher, tables: int) -> None:
    batch = Encoded(tables)
    with asyncio.Runner() as runner:
        runner.run(sink.open())
        benchmark.pedantic(
            lambda: runner.run(sink.dispatch(batch)),  # type: ignore[arg-type]
            rounds=5,
            warmup_rounds=1,
        )
        assert runner.run(sink.dispatch(batch)) is None  # type: ignore[arg-type]
        runner.run(sink.close())
    note(benchmark, EVENTS)


def _line(case: str, mine: float, plain: float) -> None:
    print(f"{case:36}{mine:12,.0f}{plain:12,.0f}{mine / plain:8.1f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="time for each measurement")
    seconds: float = parser.parse_args(arguments).seconds
    print(f"{'events/s':36}{'wlf':>12}{'plain':>12}{'ratio':>8}")
    with ExitStack() as stack:
        mock = stack.enter_context(new_mock())
        for case, (tables, options) in KAFKA_CASES.items():
            mine = asyncio.run(ours(kafka(mock.bootstrap_servers, **options), tables, seconds))
            plain = asyncio.run(plain_kafka(mock.bootstrap_servers, options["topic"], tables, seconds))
            _line(f"kafka: {case}", mine, plain)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(Redis(Path(folder) / "redis", options={"appendonly": "no"}))
        for case, (tables, mode) in REDIS_CASES.items():
            mine = asyncio.run(ours(redis(server, **mode), tables, seconds))
            server.reset()
            _line(f"redis: {case}", mine, asyncio.run(plain_redis(server, mode, tables, seconds)))
            server.reset()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
