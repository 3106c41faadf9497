"""The Kafka dispatcher when brokers fail: nothing lost, order held in each partition, every failure with a reason."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.components.dispatchers.kafka_runs import deliver, ids, run
from tests.components.fakes import Batch
from tests.components.rows import insert, inserts
from tests.servers.kafka_mock import Api, Fault, KafkaMock
from wlf.components.base import Partial
from wlf.components.dispatchers.kafka import KafkaDispatcher
from wlf.errors import Retryable, SetupError

pytestmark = pytest.mark.servers

QUICK = {"timeout_ms": 2_000, "connect_timeout_ms": 2_000, "client_options": {"retry_backoff_ms": 20}}


@pytest.mark.parametrize("codec", ["NoCompression", "Gzip", "Snappy", "lz4", "zstd"])
@pytest.mark.parametrize("count", [3, 500])
def test_every_codec_carries_small_and_large_groups(kafka_mock: KafkaMock, codec: str, count: int) -> None:
    batch = Batch(inserts(count))
    assert deliver(kafka_mock.bootstrap_servers, batch, topic="t", compression_type=codec) == [None]
    assert {record.value for record in kafka_mock.read_topic("t")} == set(batch.payloads())


def test_errors_that_pass_are_waited_out_in_order(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t", 2, 1)
    kafka_mock.push_errors(
        Api.PRODUCE, Fault.NOT_ENOUGH_REPLICAS, Fault.NOT_LEADER_FOR_PARTITION, Fault.REQUEST_TIMED_OUT
    )
    batches = [Batch(inserts(40)), Batch(inserts(40))]
    found = deliver(kafka_mock.bootstrap_servers, *batches, topic="t", partition_by="table", **QUICK)
    assert found == [None, None]
    assert ids(kafka_mock.read_topic("t")) == [*range(40), *range(40)]


def test_too_few_replicas_for_too_long_is_retryable_and_loses_nothing(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t")

    async def work(sink: KafkaDispatcher) -> None:
        kafka_mock.push_errors(Api.PRODUCE, *[Fault.NOT_ENOUGH_REPLICAS] * 1_000)
        with pytest.raises(Retryable, match=r"t\[0\]: no acknowledgement in 1800 ms"):
            await sink.dispatch(Batch(inserts(20)))
        kafka_mock.clear_errors(Api.PRODUCE)
        assert await sink.dispatch(Batch(inserts(20))) is None

    run(kafka_mock.bootstrap_servers, work, topic="t", **QUICK)
    assert ids(kafka_mock.read_topic("t")) == list(range(20))


def test_one_dead_partition_leaves_the_others_delivered(kafka_mock: KafkaMock) -> None:
    for number, broker in enumerate((1, 2)):
        kafka_mock.create_topic(f"t{number}")
        kafka_mock.set_leader(f"t{number}", 0, broker)

    async def work(sink: KafkaDispatcher) -> None:
        kafka_mock.broker_down(2)
        found = await sink.dispatch(Batch(inserts(40, tables=2)))
        assert found is not None
        assert found.rejected == {}
        assert list(found.retry) == list(range(1, 40, 2))
        assert set(found.retry.values()) == {"t1[0]: no acknowledgement in 1800 ms"}
        kafka_mock.broker_up(2)
        assert await sink.dispatch(Batch([insert("t1", id=n) for n in found.retry])) is None

    run(kafka_mock.bootstrap_servers, work, topic="%{/table}", **QUICK)
    assert ids(kafka_mock.read_topic("t0")) == list(range(0, 40, 2))
    assert list(dict.fromkeys(ids(kafka_mock.read_topic("t1")))) == list(range(1, 40, 2))


def test_a_leader_that_moves_is_followed(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t", 1, 3)
    kafka_mock.set_leader("t", 0, 1)

    async def work(sink: KafkaDispatcher) -> None:
        assert await sink.dispatch(Batch(inserts(10))) is None
        kafka_mock.broker_down(1)
        pending = asyncio.create_task(sink.dispatch(Batch(inserts(10))))
        kafka_mock.set_leader("t", 0, 2)
        assert await pending is None

    run(kafka_mock.bootstrap_servers, work, topic="t", timeout_ms=10_000)
    assert ids(kafka_mock.read_topic("t")) == [*range(10), *range(10)]


def test_what_lies_behind_a_failed_record_batch_is_not_sent_before_it(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t")

    async def work(sink: KafkaDispatcher) -> None:
        # The group is many record batches; the second fails for good, the third would be taken.
        kafka_mock.push_errors(Api.PRODUCE, 0, Fault.OUT_OF_ORDER_SEQUENCE_NUMBER)
        found = await sink.dispatch(Batch(inserts(60)))
        assert found is not None
        assert found.rejected == {}
        first = min(found.retry)
        assert first > 0
        assert list(found.retry) == list(range(first, 60))
        assert await sink.dispatch(Batch([insert(id=n) for n in found.retry])) is None

    run(kafka_mock.bootstrap_servers, work, topic="t", max_message_bytes=2_048, **QUICK)
    assert ids(kafka_mock.read_topic("t")) == list(range(60))


def test_a_lost_producer_id_is_replaced(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t")

    async def work(sink: KafkaDispatcher) -> None:
        for fault in (Fault.OUT_OF_ORDER_SEQUENCE_NUMBER, Fault.INVALID_PRODUCER_EPOCH):
            kafka_mock.push_errors(Api.PRODUCE, fault)
            with pytest.raises(Retryable, match=r"t\[0\]: "):
                await sink.dispatch(Batch(inserts(20)))
            assert await sink.dispatch(Batch(inserts(20))) is None

    run(kafka_mock.bootstrap_servers, work, topic="t", **QUICK)
    assert ids(kafka_mock.read_topic("t")) == [*range(20), *range(20)]


def test_a_batch_that_is_too_large_is_cut_until_one_message_is_left(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t")
    kafka_mock.push_errors(Api.PRODUCE, *[Fault.MESSAGE_TOO_LARGE] * 5)
    (found,) = deliver(kafka_mock.bootstrap_servers, Batch(inserts(20)), topic="t", **QUICK)
    assert found is not None
    assert found.retry == {}
    # 20, 10, 5, 2, 1: the fifth refusal hits a single message.
    assert list(found.rejected) == [0]
    assert "t[0]: MESSAGE_SIZE_TOO_LARGE" in found.rejected[0]
    assert ids(kafka_mock.read_topic("t")) == list(range(1, 20))


def test_a_missing_privilege_ends_the_run(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t")
    kafka_mock.push_errors(Api.PRODUCE, Fault.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(SetupError, match=r"t\[0\]: TOPIC_AUTHORIZATION_FAILED"):
        deliver(kafka_mock.bootstrap_servers, Batch(inserts(9)), topic="t", **QUICK)


def test_a_topic_that_is_not_there_waits_for_its_maker(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t0")
    kafka_mock.topic_error("t1", Fault.UNKNOWN_TOPIC_OR_PARTITION)

    async def work(sink: KafkaDispatcher) -> None:
        found = await sink.dispatch(Batch(inserts(4, tables=2)))
        reason = "topic t1 is not there, and the brokers do not create it"
        assert found == Partial({1: reason, 3: reason}, {})
        kafka_mock.topic_error("t1", 0)
        assert await sink.dispatch(Batch(inserts(4, tables=2))) is None

    run(kafka_mock.bootstrap_servers, work, topic="%{/table}", **QUICK)


def test_nobody_there_is_retryable_and_says_why() -> None:
    with pytest.raises(Retryable, match=r"127\.0\.0\.1:1: .*Connect call failed"):
        deliver("127.0.0.1:1", Batch(inserts(1)))


def test_all_brokers_down_is_retryable_in_time_and_close_does_not_wait(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t")

    async def work(sink: KafkaDispatcher) -> None:
        assert await sink.dispatch(Batch(inserts(10))) is None
        for broker in (1, 2, 3):
            kafka_mock.broker_down(broker)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(2):
            with pytest.raises(Retryable):
                await sink.dispatch(Batch(inserts(10)))
        await sink.close()
        assert loop.time() - began < 2 * 4 + 3
        assert len(asyncio.all_tasks()) == 1

    run(kafka_mock.bootstrap_servers, work, topic="t", **QUICK)


def test_a_cancelled_dispatch_is_not_sent_on_behind_the_next(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t")

    async def work(sink: KafkaDispatcher) -> None:
        kafka_mock.push_errors(Api.PRODUCE, *[Fault.NOT_ENOUGH_REPLICAS] * 1_000)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sink.dispatch(Batch(inserts(20))), 0.3)
        kafka_mock.clear_errors(Api.PRODUCE)
        assert await sink.dispatch(Batch([insert(id=n) for n in range(100, 120)])) is None
        assert await sink.dispatch(Batch([insert(id=n) for n in range(120, 140)])) is None

    run(kafka_mock.bootstrap_servers, work, topic="t", timeout_ms=20_000, client_options={"retry_backoff_ms": 20})
    found = ids(kafka_mock.read_topic("t"))
    assert found[-40:] == list(range(100, 140))
    assert found[:-40] in ([], list(range(20)))


def test_a_close_that_is_cancelled_still_ends_the_producer(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t")

    async def work(sink: KafkaDispatcher) -> None:
        kafka_mock.push_errors(Api.PRODUCE, *[Fault.NOT_ENOUGH_REPLICAS] * 1_000)
        pending = asyncio.create_task(sink.dispatch(Batch(inserts(20))))
        await asyncio.wait([pending], timeout=0.2)
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        closing = asyncio.create_task(sink.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        kafka_mock.clear_errors(Api.PRODUCE)
        assert await sink.dispatch(Batch([insert(id=n) for n in range(100, 110)])) is None

    run(kafka_mock.bootstrap_servers, work, topic="t", timeout_ms=20_000, client_options={"retry_backoff_ms": 20})
    assert ids(kafka_mock.read_topic("t"))[-10:] == list(range(100, 110))


def test_a_slow_broker_delays_and_loses_nothing(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t")
    for broker in (1, 2, 3):
        kafka_mock.set_rtt(broker, 150)
    assert deliver(kafka_mock.bootstrap_servers, Batch(inserts(50)), topic="t") == [None]
    assert ids(kafka_mock.read_topic("t")) == list(range(50))


def test_a_dispatcher_leaves_no_thread_and_no_task(kafka_mock: KafkaMock) -> None:
    before = threading.active_count()

    async def work(sink: KafkaDispatcher) -> int:
        await sink.dispatch(Batch(inserts(10)))
        await sink.close()
        return len(asyncio.all_tasks())

    assert run(kafka_mock.bootstrap_servers, work, topic="t") == 1
    assert threading.active_count() == before
