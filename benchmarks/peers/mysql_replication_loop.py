"""The loop that users of mysql-replication write: read the stream, make each row a JSON object, write or send it.

`python -m benchmarks.peers.mysql_replication_loop JOB.json`; it ends where the binlog does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

KINDS = {WriteRowsEvent: "insert", UpdateRowsEvent: "update", DeleteRowsEvent: "delete"}
SERVER_ID = 4_021
PRODUCER = {"acks": "all", "enable.idempotence": True, "linger.ms": 10, "batch.size": 1 << 20}


def rows(source: dict[str, Any]) -> Any:
    """Every row from the position on, as the library gives it, with its table and kind."""
    login = {"host": source["host"], "port": source["port"], "user": source["user"], "passwd": source["password"]}
    stream = BinLogStreamReader(
        connection_settings=login,
        server_id=SERVER_ID,
        log_file=source["file"],
        log_pos=source["position"],
        resume_stream=True,
        only_events=list(KINDS),
        only_schemas=[source["database"]],
        blocking=False,
    )
    for event in stream:
        head = {"database": event.schema, "table": event.table, "type": KINDS[type(event)], "ts": event.timestamp}
        for row in event.rows:
            if "after_values" in row:
                yield event, {**head, "data": row["after_values"], "old": row["before_values"]}
            else:
                yield event, {**head, "data": row["values"]}
    stream.close()


def to_file(changes: Any, path: Path) -> None:
    with path.open("wb") as out:
        for _, change in changes:
            out.write(orjson.dumps(change, default=str, option=orjson.OPT_APPEND_NEWLINE))


def to_kafka(changes: Any, sink: dict[str, Any]) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": sink["bootstrap"], **PRODUCER})
    send: Callable[..., None] = producer.produce
    for event, change in changes:
        value = orjson.dumps(change, default=str)
        key = _key(event.primary_key, change["data"]) if sink["keyed"] else None
        while True:
            try:
                send(sink["topic"], value, key)
                break
            except BufferError:
                producer.poll(1)
        producer.poll(0)
    producer.flush()


def _key(names: str | tuple[str, ...], data: dict[str, Any]) -> bytes:
    """The primary key's values; the library gives the name of one column as it is."""
    return orjson.dumps([data[name] for name in ([names] if isinstance(names, str) else names)], default=str)


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_bytes())
    changes, sink = rows(job["source"]), job["sink"]
    if "topic" in sink:
        to_kafka(changes, sink)
    else:
        to_file(changes, Path(sink["path"]))


if __name__ == "__main__":
    main()
