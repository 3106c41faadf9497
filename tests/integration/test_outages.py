"""A server that is killed, stays away and comes back costs nothing but time, whichever it is."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from tests.integration.load import Writer, check_kafka, config, first_occurrences, prepare, updates
from tests.integration.sinks import documents, eventually, kafka_events, search_call
from tests.integration.wlf_run import WlfRun

pytestmark = pytest.mark.servers

OUTAGE_SECONDS = float(os.environ.get("WLF_OUTAGE_SECONDS", "6"))
"""`make test-outages` sets a minute."""
SLOW_SECONDS = 4.0
PAUSE_S = 0.01
"""Between two transactions: some thousand rows in all, so that reading them back takes no time."""


@pytest.fixture
def servers(make_mysql: Any, make_kafka: Any, make_redis: Any, make_opensearch: Any) -> dict[str, Any]:
    return {
        # A server that gives up on a reader after 2 s, as nobody would set it.
        "database": make_mysql(options={"net-write-timeout": 2}),
        "kafka": make_kafka(),
        # The list must survive the kill, or the test could not tell what had arrived.
        "redis": make_redis(options={"appendonly": "yes", "appendfsync": "always"}),
        "search": make_opensearch(),
    }


class Pipeline:
    """The load, the run and what must hold at the end."""

    def __init__(self, directory: Path, servers: dict[str, Any]) -> None:
        self.servers = servers
        self.url = f"http://127.0.0.1:{servers['search'].port}"
        prepare(servers["database"])
        self.run = WlfRun(directory, config(servers["database"], servers["kafka"], servers["redis"], self.url))
        self.writer = Writer(servers["database"], 7, PAUSE_S)

    def in_redis(self) -> list[int]:
        client = redis_client.Redis(port=self.servers["redis"].port)
        try:
            return [event["data"]["n"] for event in updates([json.loads(v) for v in client.lrange("kill", 0, -1)])]
        finally:
            client.close()

    def in_kafka(self) -> list[dict[str, Any]]:
        return updates(kafka_events(self.servers["kafka"].address, "kill.").get("kill.hot", []))

    def count(self, victim: str) -> int:
        """How many events a sink that is not the victim holds."""
        if victim == "search":
            with redis_client.Redis(port=self.servers["redis"].port) as client:
                return int(client.llen("kill"))  # type: ignore[arg-type]
        found = search_call(self.url, "POST", "/kill-*/_count?ignore_unavailable=true")
        search_call(self.url, "POST", "/kill-*/_refresh?ignore_unavailable=true")
        return int(found["count"])

    def check(self, total: int) -> None:
        """All sinks hold every row, first occurrences in order; then wlf ends in order."""
        eventually(lambda: total in self.in_redis()[-1:], "Redis has the last row", 90)
        eventually(lambda: len(updates(documents(self.url, "kill-*"))) >= total, "the index has every row", 90)
        eventually(lambda: any(e["data"]["n"] == total for e in self.in_kafka()), "Kafka has the last row", 90)
        assert self.run.terminate() == 0, self.run.text()
        assert first_occurrences(self.in_redis()) == list(range(1, total + 1))
        assert sorted(e["data"]["n"] for e in updates(documents(self.url, "kill-*"))) == list(range(1, total + 1))
        check_kafka(self.in_kafka(), total)


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", ["kafka", "redis", "search"])
def test_sink_that_was_gone_gets_everything_and_the_others_do_not_wait(
    victim: str, tmp_path: Path, servers: dict[str, Any]
) -> None:
    pipeline = Pipeline(tmp_path, servers)
    with pipeline.run:
        pipeline.writer.start()
        _wait(1)
        servers[victim].kill()
        reached = pipeline.count(victim)
        _wait(OUTAGE_SECONDS)
        eventually(lambda: pipeline.count(victim) > reached + 100, "another sink goes on meanwhile")
        eventually(lambda: not pipeline.run.is_ready(), "/readyz names the sink that is gone")
        servers[victim].start()
        _wait(1)
        pipeline.check(pipeline.writer.end())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", ["kafka", "redis", "search"])
def test_sink_that_does_not_answer_for_longer_than_net_write_timeout_costs_nothing(
    victim: str, tmp_path: Path, servers: dict[str, Any]
) -> None:
    pipeline = Pipeline(tmp_path, servers)
    with pipeline.run:
        pipeline.writer.start()
        _wait(0.5)
        servers[victim].pause()
        _wait(SLOW_SECONDS)
        servers[victim].resume()
        _wait(0.5)
        pipeline.check(pipeline.writer.end())


@pytest.mark.timeout(600)
def test_database_that_was_gone_is_read_on_from_the_last_transaction(tmp_path: Path, servers: dict[str, Any]) -> None:
    pipeline = Pipeline(tmp_path, servers)
    with pipeline.run:
        pipeline.writer.start()
        _wait(1)
        before = pipeline.writer.end()
        eventually(lambda: before in pipeline.in_redis()[-1:], "Redis has the last row")
        servers["database"].kill()
        _wait(OUTAGE_SECONDS)
        servers["database"].start()
        second = Writer(servers["database"], 8, PAUSE_S)
        second.committed = before
        second.start()
        _wait(1)
        total = second.end()
        pipeline.check(total)
        assert pipeline.in_redis() == list(range(1, total + 1)), "nothing is delivered twice without a crash of wlf"
