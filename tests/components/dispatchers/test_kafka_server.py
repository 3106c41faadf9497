"""The Kafka dispatcher against a real broker: what arrives, where, and what the broker refuses."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource

from tests.components.certificates import certificate
from tests.components.dispatchers.kafka_runs import deliver, ids, run
from tests.components.fakes import Batch
from tests.components.rows import delete, insert, inserts, update
from tests.servers.kafka import Kafka
from tests.servers.kafka_topics import Record, create_topic, read_topic
from tests.servers.ports import free_port
from wlf.components.base import Partial
from wlf.components.dispatchers.kafka import KafkaDispatcher
from wlf.errors import Retryable, SetupError

pytestmark = pytest.mark.servers

MakeKafka = Callable[..., Kafka]


@pytest.fixture
def topic(kafka: Kafka) -> str:
    """A topic of four partitions of its own."""
    name = f"t-{uuid.uuid4().hex}"
    create_topic(kafka.bootstrap_servers, name, 4)
    return name


def by_partition(records: list[Record]) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for record in records:
        found.setdefault(record.partition, []).append(record)
    return found


def test_ten_thousand_events_arrive_in_order_in_each_partition(kafka: Kafka, topic: str) -> None:
    events = inserts(10_000, tables=3)
    batches = [Batch(events[start : start + 2_000]) for start in range(0, 10_000, 2_000)]
    assert deliver(kafka.bootstrap_servers, *batches, topic=topic, compression_type="zstd") == [None] * 5
    found = by_partition(read_topic(kafka.bootstrap_servers, topic))
    assert sorted(n for records in found.values() for n in ids(records)) == list(range(10_000))
    assert len(found) == 4
    for records in found.values():
        assert ids(records) == sorted(ids(records))


@pytest.mark.parametrize("partitioner", ["crc32", "java"])
def test_a_key_goes_where_librdkafka_sends_it(kafka: Kafka, topic: str, partitioner: str) -> None:
    events = inserts(300, tables=7)
    assert deliver(kafka.bootstrap_servers, Batch(events), topic=topic, partitioner=partitioner) == [None]
    ours = {record.key: record.partition for record in read_topic(kafka.bootstrap_servers, topic)}
    peer = {"crc32": "consistent", "java": "murmur2"}[partitioner]
    landed: dict[bytes, int] = {}
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "partitioner": peer})

    def arrived(error: Any, message: Any) -> None:
        assert error is None
        landed[message.key()] = message.partition()

    for key in ours:
        producer.produce(topic, b"", key, on_delivery=arrived)
    assert producer.flush(30) == 0
    assert ours == landed
    assert len(set(ours.values())) == 4


def test_events_of_a_row_share_its_partition_and_a_tombstone_ends_it(kafka: Kafka, topic: str) -> None:
    row = [insert(id=1, v=1), update(id=1, v=2, old={"v": 1}), delete(id=1, v=2)]
    batch = Batch(row)
    headers = {"content-type": "application/json", "pipeline": "é"}
    assert deliver(kafka.bootstrap_servers, batch, topic=topic, tombstones=True, headers=headers) == [None]
    records = read_topic(kafka.bootstrap_servers, topic)
    assert [record.value for record in records] == [*batch.payloads(), None]
    assert {(record.partition, record.key) for record in records} == {
        (records[0].partition, b'{"database":"d1","table":"t1","pk.id":1}')
    }
    assert {record.headers for record in records} == {
        (("content-type", b"application/json"), ("pipeline", "é".encode()))
    }


def test_small_and_large_groups_follow_each_other_in_order(kafka: Kafka, topic: str) -> None:
    events = inserts(60)
    batches = [Batch(events[a:b]) for a, b in ((0, 3), (3, 23), (23, 24), (24, 55), (55, 60))]
    found = deliver(kafka.bootstrap_servers, *batches, topic=topic, partition_by="table", headers={"a": "b"})
    assert found == [None] * 5
    assert ids(read_topic(kafka.bootstrap_servers, topic)) == list(range(60))


def test_without_a_key_each_batch_goes_to_the_next_partition(kafka: Kafka, topic: str) -> None:
    batches = [Batch(inserts(10)) for _ in range(4)]
    assert deliver(kafka.bootstrap_servers, *batches, topic=topic, partition_by="none") == [None] * 4
    found = by_partition(read_topic(kafka.bootstrap_servers, topic))
    assert {partition: ids(records) for partition, records in found.items()} == {n: [*range(10)] for n in range(4)}
    assert {record.key for records in found.values() for record in records} == {None}


@pytest.mark.parametrize("options", [{"acks": 1}, {"acks": 0}, {"idempotence": False}])
def test_weaker_acknowledgements_deliver_too(kafka: Kafka, topic: str, options: dict[str, Any]) -> None:
    assert deliver(kafka.bootstrap_servers, Batch(inserts(50)), topic=topic, **options) == [None]
    if options != {"acks": 0}:
        assert sorted(ids(read_topic(kafka.bootstrap_servers, topic))) == list(range(50))


def test_odd_table_names_become_topics(kafka: Kafka) -> None:
    prefix = uuid.uuid4().hex
    events = [insert("my table", id=1), insert("Orders", id=2), insert("表", id=3)]
    assert deliver(kafka.bootstrap_servers, Batch(events), topic=f"{prefix}.%{{/table}}") == [None]
    for name, number in (("my_table", 1), ("Orders", 2), ("_", 3)):
        assert ids(read_topic(kafka.bootstrap_servers, f"{prefix}.{name}")) == [number]


def test_topics_are_made_as_the_options_say(make_kafka: MakeKafka) -> None:
    kafka = make_kafka(options={"auto.create.topics.enable": "false"})
    servers = kafka.bootstrap_servers
    made = {"partitions": 3, "replication_factor": 1, "configs": {"cleanup.policy": "compact"}}
    batches = [Batch(inserts(30, tables=2)), Batch(inserts(30, tables=3))]
    assert deliver(servers, *batches, topic="%{/table}", create_topics=made) == [None, None]
    assert deliver(servers, *batches, topic="%{/table}", create_topics=made) == [None, None]
    admin = AdminClient({"bootstrap.servers": servers})
    topics = admin.list_topics(timeout=10).topics
    assert {name: len(topics[name].partitions) for name in ("t0", "t1", "t2")} == dict.fromkeys(("t0", "t1", "t2"), 3)
    resource = ConfigResource(ConfigResource.Type.TOPIC, "t0")
    config = admin.describe_configs([resource])[resource].result(10)
    assert config["cleanup.policy"].value == "compact"
    with pytest.raises(SetupError, match="topic u0: INVALID_REPLICATION_FACTOR"):
        deliver(servers, batches[0], topic="u0", create_topics={"partitions": 1, "replication_factor": 3})
    with pytest.raises(Retryable, match="topic v is not there, and the brokers do not create it"):
        deliver(servers, batches[0], topic="v", timeout_ms=1_500)


def test_a_topic_that_collides_rejects_its_events_and_a_deleted_one_is_made_again(kafka: Kafka) -> None:
    servers, prefix = kafka.bootstrap_servers, uuid.uuid4().hex
    create_topic(servers, f"{prefix}.t1", 1)
    admin = AdminClient({"bootstrap.servers": servers})

    async def work(sink: KafkaDispatcher) -> None:
        found = await sink.dispatch(Batch([insert("_t1", id=1), insert("-t2", id=2)]))
        assert found is not None
        assert found.retry == {}
        assert list(found.rejected) == [0]
        assert "collides with existing topic" in found.rejected[0]
        admin.delete_topics([f"{prefix}-t2"])[f"{prefix}-t2"].result(10)
        for _ in range(5):
            try:
                assert await sink.dispatch(Batch([insert("-t2", id=3)])) is None
                break
            except Retryable:
                continue
        else:
            pytest.fail("the topic was not made again")

    run(servers, work, topic=f"{prefix}%{{/table}}", create_topics={"partitions": 1}, timeout_ms=3_000)
    assert ids(read_topic(servers, f"{prefix}-t2")) == [3]


def test_a_message_larger_than_the_broker_takes_is_rejected_alone(make_kafka: MakeKafka) -> None:
    kafka = make_kafka(options={"message.max.bytes": "20000"})
    create_topic(kafka.bootstrap_servers, "t", 1)
    events = [insert(id=n, text="x" * (30_000 if n == 13 else 1_000)) for n in range(40)]
    batch = Batch(events)
    found, again = deliver(kafka.bootstrap_servers, batch, Batch(inserts(100)), topic="t")
    assert found is not None
    assert found.retry == {}
    assert list(found.rejected) == [13]
    assert found.rejected[13].startswith("t[0]: MESSAGE_SIZE_TOO_LARGE")
    assert again is None
    expected = [n for n in range(40) if n != 13] + list(range(100))
    assert ids(read_topic(kafka.bootstrap_servers, "t")) == expected


def test_a_compacted_topic_rejects_what_has_no_key(kafka: Kafka) -> None:
    name = f"t-{uuid.uuid4().hex}"
    create_topic(kafka.bootstrap_servers, name, 1, cleanup_policy="compact")
    batch = Batch([insert(id=1), insert(id=2)])
    (found,) = deliver(kafka.bootstrap_servers, batch, topic=name, partition_by="none")
    assert found is not None
    assert list(found.rejected) == [0, 1]
    assert "INVALID_RECORD" in found.rejected[0]
    assert deliver(kafka.bootstrap_servers, batch, topic=name) == [None]


def test_a_broker_killed_and_started_again_has_every_event_in_order(make_kafka: MakeKafka) -> None:
    kafka = make_kafka()
    create_topic(kafka.bootstrap_servers, "t", 2)
    batches = [Batch(inserts(2_000)[start : start + 50]) for start in range(0, 2_000, 50)]

    async def work(sink: KafkaDispatcher) -> int:
        failures = 0
        for number, batch in enumerate(batches):
            if number == 20:
                kafka.kill()
                kafka.start()
            for _ in range(50):
                try:
                    assert await sink.dispatch(batch) is None
                    break
                except Retryable:
                    failures += 1
                    await asyncio.sleep(0.1)
            else:
                pytest.fail("no delivery in 50 tries")
        return failures

    run(kafka.bootstrap_servers, work, topic="t", timeout_ms=10_000)
    found = by_partition(read_topic(kafka.bootstrap_servers, "t"))
    assert sorted({n for records in found.values() for n in ids(records)}) == list(range(2_000))
    for records in found.values():
        first = list(dict.fromkeys(ids(records)))
        assert first == sorted(first)


def test_a_broker_that_falls_silent_is_retryable_in_time(make_kafka: MakeKafka) -> None:
    kafka = make_kafka()
    create_topic(kafka.bootstrap_servers, "t", 1)

    async def work(sink: KafkaDispatcher) -> None:
        loop = asyncio.get_running_loop()
        assert await sink.dispatch(Batch(inserts(5))) is None
        kafka.pause()
        began = loop.time()
        with pytest.raises(Retryable, match="no acknowledgement in 1350 ms"):
            await sink.dispatch(Batch([insert(id=n) for n in range(5, 10)]))
        assert loop.time() - began < 4
        kafka.resume()
        assert await sink.dispatch(Batch([insert(id=n) for n in range(5, 10)])) is None

    run(kafka.bootstrap_servers, work, topic="t", timeout_ms=1_500)
    found = ids(read_topic(kafka.bootstrap_servers, "t"))
    assert list(dict.fromkeys(found)) == list(range(10))


PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_u="right";'
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def test_logging_in_and_being_refused(make_kafka: MakeKafka) -> None:
    port = free_port()
    base = make_kafka(start=False)
    kafka = make_kafka(
        options={
            "listeners": f"{base.options['listeners']},SASL_PLAINTEXT://127.0.0.1:{port}",
            "advertised.listeners": f"{base.options['advertised.listeners']},SASL_PLAINTEXT://127.0.0.1:{port}",
            "controller.quorum.voters": base.options["controller.quorum.voters"],
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": PLAIN,
            "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config": SCRAM,
            "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": SCRAM,
        },
        port=base.port,
    )
    servers, secure = kafka.bootstrap_servers, f"127.0.0.1:{port}"
    create_topic(servers, "t", 1)
    _add_scram_user(servers)
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        who = {"mechanism": mechanism, "username": "u", "password": "right"}
        assert deliver(secure, Batch(inserts(10)), topic="t", sasl=who) == [None]
        with pytest.raises(SetupError) as refused:
            deliver(secure, Batch(inserts(1)), topic="t", sasl={**who, "password": "hunter2"})
        assert "hunter2" not in str(refused.value)
        assert "check sasl" in str(refused.value)
    assert len(read_topic(servers, "t")) == 30


def _add_scram_user(servers: str) -> None:
    from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

    admin = AdminClient({"bootstrap.servers": servers})
    upserts = [
        UserScramCredentialUpsertion("u", ScramCredentialInfo(mechanism, 4096), b"right")
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
    ]
    for upsert in upserts:
        for future in admin.alter_user_scram_credentials([upsert]).values():
            future.result(timeout=10)


def test_tls_trusts_its_authority_and_nobody_else(make_kafka: MakeKafka, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    port = free_port()
    base = make_kafka(start=False)
    kafka = make_kafka(
        options={
            "listeners": f"{base.options['listeners']},SSL://127.0.0.1:{port}",
            "advertised.listeners": f"{base.options['advertised.listeners']},SSL://127.0.0.1:{port}",
            "controller.quorum.voters": base.options["controller.quorum.voters"],
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": cert.read_text().replace("\n", "\\n"),
            "ssl.keystore.key": key.read_text().replace("\n", "\\n"),
        },
        port=base.port,
    )
    create_topic(kafka.bootstrap_servers, "t", 1)
    secure = f"127.0.0.1:{port}"
    assert deliver(secure, Batch(inserts(10)), topic="t", tls={"ca": str(cert)}) == [None]
    assert deliver(secure, Batch(inserts(10)), topic="t", tls={"verify": False}) == [None]
    with pytest.raises(SetupError, match="certificate") as refused:
        deliver(secure, Batch(inserts(1)), topic="t", tls=True)
    assert "tls: {ca: FILE}" in str(refused.value)
    assert len(read_topic(kafka.bootstrap_servers, "t")) == 20


def test_an_unknown_client_option_ends_the_run(kafka: Kafka) -> None:
    with pytest.raises(SetupError, match=r"client_options: .*'lingr_ms'"):
        deliver(kafka.bootstrap_servers, Batch(inserts(1)), client_options={"lingr_ms": 5})


def test_the_value_is_the_event_as_json(kafka: Kafka, topic: str) -> None:
    deliver(kafka.bootstrap_servers, Batch([insert(id=1, name="é", amount=1.5)]), topic=topic)
    (record,) = read_topic(kafka.bootstrap_servers, topic)
    assert json.loads(record.value or b"") == {
        "database": "d1",
        "table": "t1",
        "type": "insert",
        "ts": 1_700_000_000,
        "data": {"id": 1, "name": "é", "amount": 1.5},
    }


def test_nothing_of_a_rejected_event_is_sent(kafka: Kafka, topic: str) -> None:
    batch = Batch([insert(id=1), insert(id=2, text="x" * 5_000), insert(id=3)])
    (found,) = deliver(kafka.bootstrap_servers, batch, topic=topic, partition_by="table", max_message_bytes=2_000)
    assert found == Partial({}, {1: found.rejected[1]} if found else {})
    assert ids(read_topic(kafka.bootstrap_servers, topic)) == [1, 3]


def test_debeziums_messages_arrive_with_keys_tombstones_and_headers(kafka: Kafka) -> None:
    kafka.create_topic("debezium", 3)
    moved = update(id=2, v=1, old={"id": 1})
    batch = Batch([insert(id=1, v=1), moved, delete(id=2, v=1)], "debezium")
    options: dict[str, Any] = {
        "topic": "debezium",
        "format": "debezium",
        "partitioner": "java",
        "headers": {"from": "wlf"},
    }
    assert deliver(kafka.bootstrap_servers, batch, **options) == [None]
    by_key: dict[bytes | None, list[tuple[str | None, tuple[tuple[str, bytes | None], ...]]]] = {}
    for record in kafka.read_topic("debezium"):
        operation = None if record.value is None else json.loads(record.value)["op"]
        by_key.setdefault(record.key, []).append((operation, record.headers))
    always = ("from", b"wlf")
    assert by_key == {
        b'{"id":1}': [("c", (always,)), ("d", (always, ("__debezium.newkey", b'{"id":2}'))), (None, (always,))],
        b'{"id":2}': [("c", (always, ("__debezium.oldkey", b'{"id":1}'))), ("d", (always,)), (None, (always,))],
    }
