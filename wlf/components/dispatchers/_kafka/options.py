"""The options of the Kafka dispatcher."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from wlf.components.config import BatchConfig, DispatcherConfig, Secret
from wlf.components.dispatchers._kafka.partitioner import Partitioner
from wlf.components.tls import TlsConfig
from wlf.events.template import Template

CODECS: dict[str, str | None] = {
    "NoCompression": None,
    "Gzip": "gzip",
    "Snappy": "snappy",
    "Lz4": "lz4",
    "Zstd": "zstd",
    "none": None,
    "gzip": "gzip",
    "snappy": "snappy",
    "lz4": "lz4",
    "zstd": "zstd",
}
"""What the client calls the codec, by the spellings of `compression_type`."""

OWN_OPTION = {
    "bootstrap_servers": "bootstrap_brokers",
    "acks": "acks",
    "enable_idempotence": "idempotence",
    "compression_type": "compression_type",
    "max_batch_size": "max_message_bytes",
    "max_request_size": "max_message_bytes",
    "partitioner": "partitioner",
    "security_protocol": "tls and sasl",
    "ssl_context": "tls",
    "sasl_mechanism": "sasl",
    "sasl_plain_username": "sasl",
    "sasl_plain_password": "sasl",
}
"""Options of the client that have a name of their own here."""

_BROKER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/,\[\]]+)(:[0-9]{1,5})?")

REFUSED = frozenset({"loop", "api_version", "key_serializer", "value_serializer", "transactional_id"})
"""Options of the client that cannot be used from a file, or would change what is delivered."""


class SaslConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How wlf logs in."""

    mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], Meta(description="how the password is shown to the broker")
    ] = "PLAIN"
    username: Annotated[str, Meta(description="user name", min_length=1)]
    password: Annotated[Secret, Meta(description="password")]


class CreateTopics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a topic that is not there is made with."""

    partitions: Annotated[int, Meta(description="partitions of a new topic", ge=1)]
    replication_factor: Annotated[int, Meta(description="copies of each partition", ge=1, le=32767)] = 1
    configs: Annotated[dict[str, str], Meta(description="settings of a new topic, such as cleanup.policy")] = {}


class KafkaBatch(BatchConfig, frozen=True, kw_only=True):
    """When a batch is dispatched. Larger than elsewhere, for what a record batch costs is shared by its messages.

    Events of 200 tables in turn make 200 record batches of each dispatch.
    """

    max_events: Annotated[int, Meta(description="events in one dispatched batch at most", ge=1)] = 10_000


class KafkaConfig(DispatcherConfig, frozen=True, kw_only=True):
    """Options of the Kafka dispatcher."""

    batch: Annotated[KafkaBatch, Meta(description="when a batch is dispatched")] = KafkaBatch()
    topic: Annotated[Template, Meta(description="topic of an event")] = Template("wasm-log-flex")
    bootstrap_brokers: Annotated[
        list[str], Meta(description="host:port of brokers to ask for the others", min_length=1)
    ] = msgspec.field(default_factory=lambda: ["localhost:9092"])
    compression_type: Annotated[
        Literal["NoCompression", "Gzip", "Snappy", "Lz4", "Zstd", "none", "gzip", "snappy", "lz4", "zstd"],
        Meta(description="codec of record batches"),
    ] = "none"
    key: Annotated[
        Literal["wlf", "maxwell_hash", "maxwell_array", "debezium", "none"] | None,
        Meta(
            description="form of the message keys; wlf: database, table and primary key; maxwell_hash and "
            "maxwell_array: as kafka_key_format of Maxwell; debezium: the primary key alone; default: as `format`"
        ),
    ] = None
    partition_by: Annotated[
        Literal["primary_key", "table", "database", "columns", "transaction_id", "thread_id", "random", "none"],
        Meta(
            description="events that are equal in this keep their order, for they share a partition; "
            "`random`: each batch goes to the next partition; `none`: so, and without keys"
        ),
    ] = "primary_key"
    partition_columns: Annotated[list[str], Meta(description="columns of `partition_by: columns`")] = []
    partition_fallback: Annotated[
        Literal["primary_key", "table", "database", "transaction_id", "thread_id"] | None,
        Meta(description="what `partition_by: columns` goes by where a table has not all of them; null: primary_key"),
    ] = None
    partitioner: Annotated[
        Partitioner,
        Meta(
            description="crc32: as librdkafka's `consistent`; java: murmur2 as the Java client's; maxwell_default, "
            "maxwell_murmur3: the same partitions as Maxwell's kafka_partition_hash default or murmur3"
        ),
    ] = "crc32"
    acks: Annotated[
        Literal["all", 1, 0], Meta(description="who must have an event: all in-sync replicas, the leader, nobody")
    ] = "all"
    idempotence: Annotated[
        bool | None,
        Meta(description="brokers drop what the client sends twice; needs acks: all; default: true with acks: all"),
    ] = None
    headers: Annotated[dict[str, str], Meta(description="headers of every message")] = {}
    tombstones: Annotated[
        bool | None,
        Meta(
            description="for compacted topics: a message without value follows each delete, "
            "and each update of a primary key for the former key; default: true with the debezium formats"
        ),
    ] = None
    create_topics: Annotated[
        CreateTopics | None, Meta(description="make topics that are not there; null: leave it to the brokers")
    ] = None
    max_message_bytes: Annotated[
        int, Meta(description="larger messages are refused; also the size of a record batch", ge=1024)
    ] = 1_000_000
    connect_timeout_ms: Annotated[int, Meta(description="time that connecting may take", ge=1)] = 10_000
    tls: Annotated[TlsConfig | bool, Meta(description="speak TLS: true, or how to verify the brokers")] = False
    sasl: Annotated[SaslConfig | None, Meta(description="log in")] = None
    client_options: Annotated[
        dict[str, Any], Meta(description="passed on to AIOKafkaProducer, such as linger_ms or request_timeout_ms")
    ] = {}

    def __post_init__(self) -> None:
        for broker in self.bootstrap_brokers:
            if not _BROKER.fullmatch(broker):
                raise ValueError("bootstrap_brokers: expected HOST:PORT, such as kafka:9092, in each")
        if (self.partition_by == "columns") != bool(self.partition_columns):
            raise ValueError("expected partition_columns together with partition_by: columns")
        if self.partition_fallback is not None and self.partition_by != "columns":
            raise ValueError(f"expected partition_fallback with partition_by: columns, got {self.partition_by}")
        if self.idempotence and self.acks != "all":
            raise ValueError(f"expected acks: all with idempotence: true, got {self.acks}")
        if self.partition_by == "none" and self.key not in (None, "none"):
            raise ValueError(f"expected key: none with partition_by: none, got {self.key}: random keeps keys")
        if self.tombstones and self.effective_key == "none":
            raise ValueError("expected a partition_by other than none with tombstones: true, for they need a key")
        if self.tombstones and self.partition_by == "random":
            raise ValueError("expected a partition_by other than random with tombstones: true, for it keeps no order")
        for name in self.client_options:
            if name in OWN_OPTION:
                raise ValueError(f"client_options.{name}: expected the option {OWN_OPTION[name]}")
            if name in REFUSED:
                raise ValueError(f"client_options.{name}: cannot be set")

    @property
    def effective_idempotence(self) -> bool:
        """`idempotence` with its default worked out."""
        return self.acks == "all" if self.idempotence is None else self.idempotence

    @property
    def effective_key(self) -> Literal["wlf", "maxwell_hash", "maxwell_array", "debezium", "none"]:
        """`key` with its default worked out."""
        if self.partition_by == "none":
            return "none"
        if self.key is not None:
            return self.key
        if self.format in ("debezium", "debezium_schema"):
            return "debezium"
        return "maxwell_hash" if self.format == "maxwell" else "wlf"

    @property
    def expands(self) -> bool:
        """Are messages those of Debezium, several for a change of the key?"""
        return self.effective_key == "debezium" and self.format in ("debezium", "debezium_schema")

    @property
    def effective_tombstones(self) -> bool:
        """`tombstones` with its default worked out."""
        return self.expands if self.tombstones is None else self.tombstones

    @property
    def address(self) -> str:
        """Where the brokers are, for messages."""
        return ",".join(self.bootstrap_brokers)
