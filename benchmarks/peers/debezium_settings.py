"""What Debezium is told for a job, in its engine and in its server: where to begin, and its settings for throughput.

It begins at the job's position by way of an offset that it finds as if it had stopped there; snapshot.mode `recovery`
then reads the tables' definitions and no rows. Messages are whole envelopes (before, after, source) without schemas.
Beyond defaults, after its documentation's words on performance: batches and the queue 8 times larger, no waiting of
half a second for an empty queue, no TLS on the local connection; and one message a row, without headers of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.contender import BinlogSource, KafkaSink
from benchmarks.peers.gtids import gtids_before

VERSION = "3.6.1.Final"
PREFIX = "peer"
JVM = ("-Xms1g", "-Xmx1g", "-XX:+UseParallelGC", "-XX:-UsePerfData")
"""A fixed heap; the parallel collector gives throughput where pauses do not matter."""
PRODUCER = {
    "acks": "all",
    "enable.idempotence": "true",
    "linger.ms": "5",
    "batch.size": str(512 * 1024),
    "buffer.memory": str(128 * 1024 * 1024),
}
THROUGHPUT = {
    "max.batch.size": "16384",
    "max.queue.size": "65536",
    "poll.interval.ms": "20",
    "record.processing.threads": "AVAILABLE_CORES",
    "include.schema.changes": "false",
    "tombstones.on.delete": "false",
    "extended.headers.enabled": "false",
    "database.ssl.mode": "disabled",
    "driver.allowPublicKeyRetrieval": "true",
    "decimal.handling.mode": "string",
}

_HASH_MAP = (
    bytes.fromhex("aced0005 7372 0011")
    + b"java.util.HashMap"
    + bytes.fromhex("0507dac1c31660d1 03 0002 46 000a")
    + b"loadFactor"
    + bytes.fromhex("49 0009")
    + b"threshold"
    + bytes.fromhex("78 70 3f400000 0000000c 77 08 00000010 00000001")
)
_FIRST_BYTES = bytes.fromhex("7572 0002 5b42 acf317f8060854e0 02 0000 78 70")
_MORE_BYTES = bytes.fromhex("7571 007e 0002")
_END = b"\x78"


def source_settings(source: BinlogSource, folder: Path, name: str) -> dict[str, str]:
    """The connector's properties, and a file with its offset, whose key the engine's name is a part of."""
    offsets = folder / "offsets.dat"
    gtids = gtids_before(source)
    if gtids == "":
        raise ValueError("Debezium: expected a position after the server's first transaction, for it asks by GTIDs")
    where = {"file": source.file, "pos": source.position, **({} if gtids is None else {"gtids": gtids})}
    offsets.write_bytes(java_map(_json([name, {"server": PREFIX}]), _json(where)))
    return {
        "name": name,
        "connector.class": "io.debezium.connector.mysql.MySqlConnector",
        "topic.prefix": PREFIX,
        "database.hostname": source.host,
        "database.port": str(source.port),
        "database.user": source.user,
        "database.password": source.password,
        "database.server.id": "4022",
        "database.include.list": source.database,
        "table.include.list": ",".join(f"{source.database}.{table}" for table in source.tables),
        "offset.storage": "org.apache.kafka.connect.storage.FileOffsetBackingStore",
        "offset.storage.file.filename": str(offsets),
        "schema.history.internal": "io.debezium.relational.history.MemorySchemaHistory",
        "snapshot.mode": "recovery",
        "snapshot.locking.mode": "none",
        **THROUGHPUT,
    }


def producer_settings(sink: KafkaSink) -> dict[str, str]:
    return {"bootstrap.servers": sink.bootstrap, **PRODUCER}


def java_map(key: bytes, value: bytes) -> bytes:
    """A java.util.HashMap of one byte array to another, as Java serialises it: the format of an offsets file."""
    parts = (_HASH_MAP, _FIRST_BYTES, len(key).to_bytes(4), key, _MORE_BYTES, len(value).to_bytes(4), value, _END)
    return b"".join(parts)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def write_properties(path: Path, properties: dict[str, str]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    return path
