"""`kill -9` at random moments under load: nothing is lost, first occurrences keep the commit order."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from tests.integration.sinks import documents, eventually, kafka_events
from tests.integration.wlf_run import WlfRun

pytestmark = [pytest.mark.servers, pytest.mark.crash]

KILLS = 20
HOT_KEYS = 50


class Writer(threading.Thread):
    """Commits transactions of one to twenty updates; every row carries the next number of one global sequence."""

    def __init__(self, server: Any, seed: int) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self.committed = 0
        self.by_transaction: list[int] = []

    def run(self) -> None:
        with self._server.connect(database="load_db", autocommit=False) as connection, connection.cursor() as cursor:
            while not self._ended.is_set():
                size = self._random.randint(1, 20)
                number = self.committed
                for _ in range(size):
                    number += 1
                    key = self._random.randrange(HOT_KEYS)
                    cursor.execute("UPDATE hot SET n = %s WHERE id = %s", (number, key))
                connection.commit()
                self.committed = number
                self.by_transaction.append(number)
                self._ended.wait(0.002)

    def end(self) -> int:
        """Stop writing; how many rows are committed."""
        self._ended.set()
        self.join()
        return self.committed


def _config(database: Any, kafka: Any, redis: Any, search_url: str) -> dict[str, Any]:
    return {
        "checkpoint_interval_ms": 200,
        "collectors": [
            {
                "id": "binlog",
                "type": "Binlog",
                "destination": "filter",
                "host": "127.0.0.1",
                "port": database.port,
                "user": "root",
                "password": "password",
                "start": "earliest",
            }
        ],
        "transformers": [
            {
                "id": "filter",
                "type": "BinlogFilter",
                "destination": "fan_out",
                "rules": [{"exclude": {"database": "*"}}, {"include": {"database": "load_db"}}],
            },
            {"id": "fan_out", "type": "EventReplicator", "destinations": ["kafka", "redis", "search"]},
        ],
        "dispatchers": [
            {"id": "kafka", "type": "Kafka", "topic": "kill.%{/table}", "bootstrap_brokers": [kafka.address]},
            {"id": "redis", "type": "Redis", "port": redis.port, "mode": {"type": "RPush", "key": "kill"}},
            {"id": "search", "type": "Elasticsearch", "url": search_url, "index": "kill-%{/table}"},
        ],
    }


def _updates(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == "update"]


def _first_occurrences(numbers: list[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


def _replays(numbers: list[int]) -> list[tuple[int, int]]:
    """(from, to) of every step back in the sequence: what was seen last, and where it was taken up again."""
    return [(before, now) for before, now in zip(numbers, numbers[1:], strict=False) if now <= before]


@pytest.mark.timeout(280)
def test_kill_at_random_moments_loses_nothing_and_keeps_the_order(
    tmp_path: Path, make_mysql: Any, kafka: Any, make_redis: Any, opensearch: Any
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    moments = random.Random(seed)
    database, redis = make_mysql(), make_redis()
    url = f"http://127.0.0.1:{opensearch.port}"
    database.execute(
        "CREATE DATABASE load_db",
        "CREATE TABLE load_db.hot (id INT PRIMARY KEY, n BIGINT NOT NULL)",
        "INSERT INTO load_db.hot VALUES " + ",".join(f"({key}, 0)" for key in range(HOT_KEYS)),
    )
    run = WlfRun(tmp_path, _config(database, kafka, redis, url))
    writer = Writer(database, seed)
    writer.start()
    for _ in range(KILLS):
        run.launch()
        threading.Event().wait(moments.uniform(0.3, 2.5))
        assert run.running is not None
        assert run.running.poll() is None, run.text()
        run.kill()
    total = writer.end()
    client = redis_client.Redis(port=redis.port)
    with run:

        def numbers_in_redis() -> list[int]:
            return [event["data"]["n"] for event in _updates([json.loads(v) for v in client.lrange("kill", 0, -1)])]

        eventually(lambda: total in numbers_in_redis()[-1:], "Redis has the last row")
        eventually(lambda: len(_updates(documents(url, "kill-*"))) >= total, "the index has every row")
        eventually(
            lambda: any(e["data"]["n"] == total for e in kafka_events(kafka.address, "kill.").get("kill.hot", [])),
            "Kafka has the last row",
        )
        assert run.terminate() == 0, run.text()
    in_order = numbers_in_redis()
    client.close()
    assert _first_occurrences(in_order) == list(range(1, total + 1))
    replays = _replays(in_order)
    assert len(replays) <= KILLS
    boundaries = {0, *writer.by_transaction}
    assert all(taken_up - 1 in boundaries for _, taken_up in replays), "a replay begins behind a transaction"
    assert sorted(e["data"]["n"] for e in _updates(documents(url, "kill-*"))) == list(range(1, total + 1))
    _check_kafka(_updates(kafka_events(kafka.address, "kill.")["kill.hot"]), total)


def _check_kafka(events: list[dict[str, Any]], total: int) -> None:
    """Every number is there, and for each key the first occurrences rise."""
    assert {event["data"]["n"] for event in events} == set(range(1, total + 1))
    by_key: dict[int, list[int]] = {}
    for event in events:
        by_key.setdefault(event["data"]["id"], []).append(event["data"]["n"])
    for numbers in by_key.values():
        first = _first_occurrences(numbers)
        assert first == sorted(first)
