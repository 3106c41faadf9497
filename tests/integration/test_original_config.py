"""The original project's file, unmodified, from a real MySQL or MariaDB into real Kafka, Redis and a search engine."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sinks import Subscriber, documents, eventually, kafka_events
from tests.integration.wlf_run import WlfRun

ORIGINAL = Path(__file__).parents[2] / "examples" / "original" / "wlf.yaml"
DEFAULT_PORTS = {"database": 3306, "kafka": 9092, "redis": 6379, "search": 9200}

pytestmark = pytest.mark.servers


def _busy(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _expected() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """What the rules let through, by `database.table`: (type, data) in commit order."""
    return {
        "d1.t1": [
            ("insert", {"id": 1, "v": "one"}),
            ("update", {"id": 1, "v": "uno"}),
            ("delete", {"id": 1, "v": "uno"}),
        ],
        "d2.t1": [("insert", {"id": 7, "v": "seven"}), ("insert", {"id": 8, "v": "eight"})],
        "d2.t2": [("insert", {"id": 1, "v": "x", "w": 2.5})],
    }


def _make_changes(server: Any) -> None:
    for database in ("d1", "d2"):
        server.execute(f"CREATE DATABASE {database}")
        for table in ("t1", "t2"):
            server.execute(f"CREATE TABLE {database}.{table} (id INT PRIMARY KEY, v VARCHAR(20))")
    server.execute("INSERT INTO d1.t1 VALUES (1, 'one')", "INSERT INTO d1.t2 VALUES (1, 'hidden')")
    server.execute("INSERT INTO d2.t1 VALUES (7, 'seven'), (8, 'eight')")
    server.execute("UPDATE d1.t1 SET v = 'uno' WHERE id = 1", "UPDATE d1.t2 SET v = 'still hidden'")
    server.execute("ALTER TABLE d2.t2 ADD COLUMN w DOUBLE", "INSERT INTO d2.t2 VALUES (1, 'x', 2.5)")
    server.execute("DELETE FROM d1.t1", "DELETE FROM d1.t2", "DROP TABLE d1.t2")


def _by_table(events: list[dict[str, Any]]) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for event in events:
        found.setdefault(f"{event['database']}.{event['table']}", []).append((event["type"], event["data"]))
    return found


def _sorted(found: dict[str, list[tuple[str, dict[str, Any]]]]) -> dict[str, list[Any]]:
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("flavour", ["mysql", "mariadb"])
def test_original_file_fills_three_sinks_with_exactly_what_the_rules_say(
    flavour: str,
    tmp_path: Path,
    make_mysql: Any,
    make_mariadb: Any,
    make_kafka: Any,
    make_redis: Any,
    make_opensearch: Any,
) -> None:
    busy = [port for port in DEFAULT_PORTS.values() if _busy(port)]
    if busy:
        pytest.skip(f"the unmodified file needs the default ports, and something listens on {busy}")
    make = make_mysql if flavour == "mysql" else make_mariadb
    database = make(port=DEFAULT_PORTS["database"])
    kafka = make_kafka(port=DEFAULT_PORTS["kafka"])
    redis = make_redis(port=DEFAULT_PORTS["redis"])
    search = make_opensearch(port=DEFAULT_PORTS["search"])
    url = f"http://127.0.0.1:{search.port}"
    expected = _expected()
    total = sum(map(len, expected.values()))
    with Subscriber(redis.port, "logFlex.*") as subscriber, WlfRun(tmp_path, ORIGINAL) as run:
        _make_changes(database)
        eventually(lambda: len(subscriber.messages) >= total, "Redis has every change")
        eventually(lambda: len(documents(url, "wlf-*")) >= total, "the index has every change")
        eventually(
            lambda: sum(map(len, kafka_events(kafka.address, "logFlex.").values())) >= total, "Kafka has every change"
        )
        assert run.terminate() == 0, run.text()
    assert _by_table([event for _, event in subscriber.messages]) == expected
    assert {channel for channel, _ in subscriber.messages} == {f"logFlex.{name}" for name in expected}
    in_kafka = kafka_events(kafka.address, "logFlex.")
    assert {topic: _by_table(events)[topic.removeprefix("logFlex.")] for topic, events in in_kafka.items()} == {
        f"logFlex.{name}": rows for name, rows in expected.items()
    }
    found = documents(url, "wlf-*")
    assert _sorted(_by_table(found)) == _sorted(expected)
    assert {hit["_index"] for hit in found} == {f"wlf-{name.replace('.', '-')}" for name in expected}
