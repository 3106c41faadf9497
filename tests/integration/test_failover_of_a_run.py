"""A whole `wlf run` over a failover: killed, and with its server killed under it, it loses nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_binlog_failover import Pair, Topology
from tests.integration.wlf_run import WlfRun
from tests.servers.sql import SqlServer

pytestmark = [pytest.mark.servers, pytest.mark.crash]


@pytest.fixture(params=["mysql", "mariadb"])
def pair(request: pytest.FixtureRequest) -> Pair:
    make: Topology = request.getfixturevalue(f"make_{request.param}")
    found = Pair(make)
    found.primary.execute("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, x INT)")
    return found


def config(pair: Pair, out: Path) -> dict[str, Any]:
    hosts = [f"127.0.0.1:{server.port}" for server in (pair.primary, pair.replica)]
    return {
        "collectors": [
            {
                "id": "binlog",
                "type": "Binlog",
                "destination": "file",
                "hosts": hosts,
                "user": "root",
                "password": "password",
                "tables": {"include": ["d.*"]},
                "heartbeat_interval_ms": 200,
                "connect_timeout_ms": 3000,
            }
        ],
        "dispatchers": [{"id": "file", "type": "File", "path": str(out)}],
        "checkpoint_interval_ms": 50,
    }


def written(out: Path) -> list[int]:
    """The numbers in order; a line that is still being written is not one."""
    if not out.exists():
        return []
    lines = out.read_text().split("\n")[:-1]
    return [json.loads(line)["data"]["x"] for line in lines]


class Writer:
    """Inserts 1, 2, 3 ... into one server in a thread of its own until it is told to stop."""

    def __init__(self, server: SqlServer, first: int) -> None:
        self.last = first - 1
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._server.connect() as connection, connection.cursor() as cursor:
            while not self._stop.is_set():
                cursor.execute("INSERT INTO d.t (x) VALUES (%s)", (self.last + 1,))
                self.last += 1

    def stop(self) -> int:
        """The last number that was written."""
        self._stop.set()
        self._thread.join()
        return self.last


def first_occurrences(numbers: list[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


def reaches(out: Path, number: int) -> Callable[[], bool]:
    return lambda: number in written(out)[-3:]


def test_nothing_is_lost_when_the_server_dies_and_wlf_is_killed(pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    run = WlfRun(tmp_path / "run", config(pair, out))
    with run:
        writer = Writer(pair.primary, 1)
        run.wait_for(lambda: len(written(out)) > 100, "write the first rows")
        run.kill()
        run.start()
        last = writer.stop()
        pair.catch_up()
        pair.primary.kill()
        pair.promote()
        writer = Writer(pair.replica, last + 1)
        run.wait_for(lambda: bool(written(out)) and written(out)[-1] > last + 50, "go on at the other server")
        run.kill()
        run.launch()
        last = writer.stop()
        run.wait_for(reaches(out, last), "catch up")
        assert run.terminate() == 0, run.text()
    assert first_occurrences(written(out)) == list(range(1, last + 1))
