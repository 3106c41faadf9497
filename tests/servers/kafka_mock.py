"""A Kafka that fails on demand: librdkafka's mock cluster, real TCP to any client, faults at the test's word.

It lives in the library that the confluent-kafka wheel carries, and is reached with ctypes. It has produce (acks,
idempotence, all codecs), fetch, one-member groups and topics that come into being when they are asked for; it has
no CreateTopics, no rebalance and no aborted transactions: for these take the real broker.
"""

from __future__ import annotations

import ctypes
from enum import IntEnum
from functools import cache
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from tests.servers import kafka_topics
from tests.servers.cache import NotInstalled
from tests.servers.kafka_topics import Record


class Api(IntEnum):
    """The protocol's requests that a test may let fail."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    INIT_PRODUCER_ID = 22


class Fault(IntEnum):
    """The protocol's errors, and one of the client library's own: the connection breaks."""

    TRANSPORT = -195
    UNKNOWN_TOPIC_OR_PARTITION = 3
    LEADER_NOT_AVAILABLE = 5
    NOT_LEADER_FOR_PARTITION = 6
    REQUEST_TIMED_OUT = 7
    MESSAGE_TOO_LARGE = 10
    NOT_ENOUGH_REPLICAS = 19
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20
    TOPIC_AUTHORIZATION_FAILED = 29
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45
    INVALID_PRODUCER_EPOCH = 47


class KafkaMock:
    """A mock cluster whose brokers are numbered from 1."""

    name: ClassVar[str] = "kafka-mock"

    def __init__(self, brokers: int = 3) -> None:
        self._library = _librdkafka()
        said = ctypes.create_string_buffer(256)
        settings = self._library.rd_kafka_conf_new()
        # It would warn that this client, which only carries the cluster, has no servers to connect to.
        self._library.rd_kafka_conf_set(settings, b"log_level", b"0", said, len(said))
        self._client = self._library.rd_kafka_new(0, settings, said, len(said))
        if not self._client:
            raise RuntimeError(f"librdkafka: {said.value.decode()}")
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, brokers)
        bootstrap: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        self.bootstrap_servers = bootstrap.decode()

    def create_topic(self, name: str, partitions: int = 1, replicas: int = 1) -> None:
        """Create a topic; one that a client asks for unasked has 4 partitions."""
        self._do("topic_create", name.encode(), partitions, replicas)

    def read_topic(self, name: str) -> list[Record]:
        """All records of a topic in the order of their partitions."""
        return kafka_topics.read_topic(self.bootstrap_servers, name)

    def push_errors(self, api: int, *errors: int) -> None:
        """Let the next requests of a kind fail, one for each error, whichever broker they go to."""
        array = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, api, len(errors), array)

    def clear_errors(self, api: int) -> None:
        """Forget the errors that were pushed and met no request."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, api)

    def topic_error(self, name: str, error: int) -> None:
        """Let every metadata answer report an error for a topic, until it is 0."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, name.encode(), error)

    def broker_down(self, broker: int) -> None:
        """Break a broker's connections and accept no more."""
        self._do("broker_set_down", broker)

    def broker_up(self, broker: int) -> None:
        """Let a broker accept connections again."""
        self._do("broker_set_up", broker)

    def set_rtt(self, broker: int, rtt_ms: int) -> None:
        """Delay all answers of a broker."""
        self._do("broker_set_rtt", broker, rtt_ms)

    def set_leader(self, topic: str, partition: int, broker: int) -> None:
        """Move the leadership of a partition to a broker."""
        self._do("partition_set_leader", topic.encode(), partition, broker)

    def close(self) -> None:
        """End the cluster; a second call does nothing."""
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)
            self._cluster = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _do(self, what: str, *arguments: object) -> None:
        code: int = getattr(self._library, f"rd_kafka_mock_{what}")(self._cluster, *arguments)
        if code:
            reason: bytes = self._library.rd_kafka_err2str(code)
            raise ValueError(f"{what}{arguments}: {reason.decode()}")


POINTER, INT, TEXT, BROKER = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int32
SIGNATURES: dict[str, tuple[Any, ...]] = {  # the result, then the arguments
    "conf_new": (POINTER,),
    "conf_set": (INT, POINTER, TEXT, TEXT, TEXT, ctypes.c_size_t),
    "new": (POINTER, INT, POINTER, TEXT, ctypes.c_size_t),
    "destroy": (None, POINTER),
    "err2str": (TEXT, INT),
    "mock_cluster_new": (POINTER, POINTER, INT),
    "mock_cluster_destroy": (None, POINTER),
    "mock_cluster_bootstraps": (TEXT, POINTER),
    "mock_topic_create": (INT, POINTER, TEXT, INT, INT),
    "mock_topic_set_error": (None, POINTER, TEXT, INT),
    "mock_push_request_errors_array": (None, POINTER, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(INT)),
    "mock_clear_request_errors": (None, POINTER, ctypes.c_int16),
    "mock_broker_set_down": (INT, POINTER, BROKER),
    "mock_broker_set_up": (INT, POINTER, BROKER),
    "mock_broker_set_rtt": (INT, POINTER, BROKER, INT),
    "mock_partition_set_leader": (INT, POINTER, TEXT, BROKER, BROKER),
}


@cache
def _librdkafka() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_library_path()))
    for name, (result, *arguments) in SIGNATURES.items():
        function = getattr(library, f"rd_kafka_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def _library_path() -> Path:
    try:
        files = metadata.files("confluent-kafka") or []
    except metadata.PackageNotFoundError as error:
        raise NotInstalled("kafka-mock is not installed; run: pip install confluent-kafka") from error
    return next(Path(str(path.locate())) for path in files if path.name.startswith("librdkafka"))
