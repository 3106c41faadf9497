"""`kill -9` at random moments under load: nothing is lost, first occurrences keep the commit order."""

from __future__ import annotations

import json
import random
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from tests.integration.load import Writer, check_kafka, config, first_occurrences, prepare, updates
from tests.integration.sinks import documents, eventually, kafka_events
from tests.integration.wlf_run import WlfRun

pytestmark = [pytest.mark.servers, pytest.mark.crash]

KILLS = 20


def _replays(numbers: list[int]) -> list[tuple[int, int]]:
    """(from, to) of every step back in the sequence: what was seen last, and where it was taken up again."""
    return [(before, now) for before, now in pairwise(numbers) if now <= before]


@pytest.mark.timeout(280)
def test_kill_at_random_moments_loses_nothing_and_keeps_the_order(
    tmp_path: Path, make_mysql: Any, kafka: Any, make_redis: Any, opensearch: Any
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    moments = random.Random(seed)
    database, redis = make_mysql(), make_redis()
    url = f"http://127.0.0.1:{opensearch.port}"
    prepare(database)
    run = WlfRun(tmp_path, config(database, kafka, redis, url))
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
            return [event["data"]["n"] for event in updates([json.loads(v) for v in client.lrange("kill", 0, -1)])]

        eventually(lambda: total in numbers_in_redis()[-1:], "Redis has the last row")
        eventually(lambda: len(updates(documents(url, "kill-*"))) >= total, "the index has every row")
        eventually(
            lambda: any(e["data"]["n"] == total for e in kafka_events(kafka.address, "kill.").get("kill.hot", [])),
            "Kafka has the last row",
        )
        assert run.terminate() == 0, run.text()
    in_order = numbers_in_redis()
    client.close()
    assert first_occurrences(in_order) == list(range(1, total + 1))
    replays = _replays(in_order)
    assert len(replays) <= KILLS
    boundaries = {0, *writer.by_transaction}
    inside = [(before, taken_up) for before, taken_up in replays if taken_up - 1 not in boundaries]
    assert not inside, "a replay begins behind a transaction"
    assert sorted(e["data"]["n"] for e in updates(documents(url, "kill-*"))) == list(range(1, total + 1))
    check_kafka(updates(kafka_events(kafka.address, "kill.")["kill.hot"]), total)
