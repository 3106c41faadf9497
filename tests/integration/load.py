"""A writer that keeps a database busy, and the pipeline that carries its rows into three sinks."""

from __future__ import annotations

import random
import threading
from typing import Any

import pymysql

HOT_KEYS = 50


class Writer(threading.Thread):
    """Commits transactions of one to twenty updates; every row carries the next number of one global sequence."""

    def __init__(self, server: Any, seed: int, pause_s: float = 0.002) -> None:
        super().__init__(daemon=True)
        self._pause_s = pause_s
        self._failure: pymysql.Error | None = None
        self._server = server
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self.committed = 0
        self.by_transaction: list[int] = []

    def run(self) -> None:
        try:
            self._write()
        except pymysql.Error as error:
            self._failure = error

    def _write(self) -> None:
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
                self._ended.wait(self._pause_s)

    def end(self) -> int:
        """Stop writing; how many rows are committed."""
        self._ended.set()
        self.join()
        assert self._failure is None, self._failure
        return self.committed


def config(database: Any, kafka: Any, redis: Any, search_url: str) -> dict[str, Any]:
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


def prepare(database: Any) -> None:
    """Make the table that the writer updates."""
    database.execute(
        "CREATE DATABASE load_db",
        "CREATE TABLE load_db.hot (id INT PRIMARY KEY, n BIGINT NOT NULL)",
        "INSERT INTO load_db.hot VALUES " + ",".join(f"({key}, 0)" for key in range(HOT_KEYS)),
    )


def updates(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The writer's rows among all events."""
    return [event for event in events if event["type"] == "update"]


def first_occurrences(numbers: list[int]) -> list[int]:
    """The numbers in the order in which each was seen first."""
    return list(dict.fromkeys(numbers))


def check_kafka(events: list[dict[str, Any]], total: int) -> None:
    """Every number is there, and for each key the first occurrences rise."""
    assert {event["data"]["n"] for event in events} == set(range(1, total + 1))
    by_key: dict[int, list[int]] = {}
    for event in events:
        by_key.setdefault(event["data"]["id"], []).append(event["data"]["n"])
    for numbers in by_key.values():
        first = first_occurrences(numbers)
        assert first == sorted(first)
