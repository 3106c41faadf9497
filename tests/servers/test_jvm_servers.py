"""Kafka, its mock and OpenSearch are the real thing: they keep what was written and fail when told to."""

from __future__ import annotations

import asyncio
import time
import urllib.error

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from tests.servers.fixtures import Make
from tests.servers.kafka import Kafka
from tests.servers.kafka_mock import Api, Fault, KafkaMock
from tests.servers.opensearch import OpenSearch
from tests.servers.search import SearchServer

pytestmark = pytest.mark.servers


async def _produce(bootstrap: str, topic: str, *values: bytes, timeout_ms: int = 10_000) -> list[int]:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", request_timeout_ms=timeout_ms, retry_backoff_ms=50
    )
    try:
        await producer.start()
        return [(await producer.send_and_wait(topic, value, partition=0)).offset for value in values]
    finally:
        await producer.stop()  # also after a start that failed, which `async with` would not do


async def _consume(bootstrap: str, topic: str, group: str) -> bytes:
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest"
    ) as consumer:
        value: bytes = (await asyncio.wait_for(consumer.getone(), 30)).value
        return value


async def _transaction(bootstrap: str, topic: str, value: bytes, *, commit: bool) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"{topic}-writer") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, value)
        await (producer.commit_transaction() if commit else producer.abort_transaction())


def test_a_kafka_group_consumes_what_was_produced(kafka: Kafka) -> None:
    kafka.create_topic("grouped", 2, retention_ms="600000")
    assert asyncio.run(_produce(kafka.bootstrap_servers, "grouped", b"a", b"b")) == [0, 1]
    assert asyncio.run(_consume(kafka.bootstrap_servers, "grouped", "readers")) == b"a"
    assert [(record.partition, record.value) for record in kafka.read_topic("grouped")] == [(0, b"a"), (0, b"b")]


def test_kafka_hides_an_aborted_transaction_from_committed_readers(kafka: Kafka) -> None:
    for value, commit in ((b"kept", True), (b"aborted", False)):
        asyncio.run(_transaction(kafka.bootstrap_servers, "transacted", value, commit=commit))
    assert [record.value for record in kafka.read_topic("transacted")] == [b"kept"]
    everything = kafka.read_topic("transacted", isolation="read_uncommitted")
    assert [record.value for record in everything] == [b"kept", b"aborted"]


def test_a_killed_kafka_keeps_its_records_and_a_paused_one_hangs(make_kafka: Make[Kafka]) -> None:
    server = make_kafka()
    asyncio.run(_produce(server.bootstrap_servers, "kept", b"before"))
    server.kill()
    with pytest.raises(KafkaConnectionError):
        asyncio.run(_produce(server.bootstrap_servers, "kept", b"never"))
    server.start()
    assert asyncio.run(_produce(server.bootstrap_servers, "kept", b"after")) == [1]
    server.pause()
    with pytest.raises((KafkaConnectionError, TimeoutError)):
        asyncio.run(asyncio.wait_for(_produce(server.bootstrap_servers, "kept", b"never", timeout_ms=500), 2))
    server.resume()
    assert asyncio.run(_produce(server.bootstrap_servers, "kept", b"later")) == [2]
    assert [record.value for record in server.read_topic("kept")] == [b"before", b"after", b"later"]


def test_kafka_takes_broker_properties(make_kafka: Make[Kafka]) -> None:
    server = make_kafka(options={"message.max.bytes": "1000", "auto.create.topics.enable": "false"})
    server.create_topic("small")
    with pytest.raises(MessageSizeTooLargeError):
        asyncio.run(_produce(server.bootstrap_servers, "small", b"x" * 2000))


def test_the_mock_fails_requests_as_often_as_told(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t", 1, 3)
    kafka_mock.push_errors(Api.PRODUCE, Fault.NOT_ENOUGH_REPLICAS, Fault.REQUEST_TIMED_OUT)
    assert asyncio.run(_produce(kafka_mock.bootstrap_servers, "t", b"retried")) == [0]
    kafka_mock.push_errors(Api.PRODUCE, Fault.MESSAGE_TOO_LARGE)
    with pytest.raises(MessageSizeTooLargeError):
        asyncio.run(_produce(kafka_mock.bootstrap_servers, "t", b"refused"))
    assert [record.value for record in kafka_mock.read_topic("t")] == [b"retried"]


def test_the_mock_forgets_cleared_errors(kafka_mock: KafkaMock) -> None:
    kafka_mock.push_errors(Api.PRODUCE, *[Fault.MESSAGE_TOO_LARGE] * 5)
    kafka_mock.clear_errors(Api.PRODUCE)
    assert asyncio.run(_produce(kafka_mock.bootstrap_servers, "t", b"taken")) == [0]


def test_the_mock_moves_leaders_and_takes_brokers_down(kafka_mock: KafkaMock) -> None:
    kafka_mock.create_topic("t", 1, 3)
    kafka_mock.set_leader("t", 0, 1)
    asyncio.run(_produce(kafka_mock.bootstrap_servers, "t", b"a"))
    kafka_mock.broker_down(1)
    kafka_mock.set_leader("t", 0, 2)
    kafka_mock.set_rtt(2, 300)
    began = time.monotonic()
    assert asyncio.run(_produce(kafka_mock.bootstrap_servers, "t", b"b")) == [1]
    assert time.monotonic() - began >= 0.3
    kafka_mock.broker_up(1)
    with pytest.raises(ValueError, match="partition_set_leader"):
        kafka_mock.set_leader("absent", 0, 9)


BULK = b'{"create":{"_index":"i","_id":"1"}}\n{"a":1}\n{"create":{"_index":"i","_id":"1"}}\n{"a":2}\n'


@pytest.fixture(params=["opensearch", "elasticsearch"])
def search_server(request: pytest.FixtureRequest) -> SearchServer:
    server: SearchServer = request.getfixturevalue(request.param)
    server.reset()
    return server


@pytest.fixture(params=["make_opensearch", "make_elasticsearch"])
def make_search_server(request: pytest.FixtureRequest) -> Make[SearchServer]:
    make: Make[SearchServer] = request.getfixturevalue(request.param)
    return make


def test_a_search_server_reports_a_conflict_for_one_item_of_a_bulk(search_server: SearchServer) -> None:
    answer = search_server.request("POST", "/_bulk", BULK)
    assert [item["create"]["status"] for item in answer["items"]] == [201, 409]
    assert search_server.documents("i") == {"1": {"a": 1}}
    with pytest.raises(urllib.error.HTTPError, match="400"):
        search_server.request("POST", "/_bulk", BULK.rstrip())


def test_a_search_server_applies_an_index_template(search_server: SearchServer) -> None:
    mapping = {"properties": {"a": {"type": "keyword"}}}
    search_server.request("PUT", "/_index_template/t", {"index_patterns": ["i*"], "template": {"mappings": mapping}})
    search_server.request("POST", "/_bulk", BULK)
    assert search_server.request("GET", "/i/_mapping")["i"]["mappings"] == mapping


def test_opensearch_has_templates_and_data_streams(opensearch: OpenSearch) -> None:
    opensearch.reset()
    opensearch.request("PUT", "/_index_template/logs", {"index_patterns": ["logs-*"], "data_stream": {}})
    bulk = b'{"create":{"_index":"logs-a"}}\n{"@timestamp":"2026-01-01T00:00:00Z"}\n'
    assert opensearch.request("POST", "/_bulk", bulk)["errors"] is False
    assert [stream["name"] for stream in opensearch.request("GET", "/_data_stream")["data_streams"]] == ["logs-a"]


def test_a_killed_search_server_keeps_documents_and_a_paused_one_hangs(
    make_search_server: Make[SearchServer],
) -> None:
    server = make_search_server(options={"cluster.name": "other"})
    server.request("POST", "/_bulk", BULK)
    server.kill()
    with pytest.raises(urllib.error.URLError):
        server.request("GET", "/_cluster/health")
    server.start()
    assert server.request("GET", "/_cluster/health")["cluster_name"] == "other"
    assert server.documents("i") == {"1": {"a": 1}}
    server.pause()
    with pytest.raises(TimeoutError):
        server.request("GET", "/_cluster/health", timeout_s=0.3)
    server.resume()
    assert server.documents("i") == {"1": {"a": 1}}
    server.restart()
    assert server.documents("i") == {"1": {"a": 1}}
