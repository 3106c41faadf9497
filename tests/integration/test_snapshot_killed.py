"""A real `wlf run` is killed again and again while it copies: the file it writes leads to what the table has."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.integration.snapshots import changing
from tests.integration.test_snapshot_state import change, fill, rows_of
from tests.integration.wlf_run import WlfRun
from tests.servers.sql import SqlServer

pytestmark = pytest.mark.servers

ROWS = 3_000
KILLS = 4


def applied(path: Path) -> dict[tuple[int], dict[str, Any]]:
    """The state that the lines of the file lead to; a line that was cut off by a kill is none."""
    state: dict[tuple[int], dict[str, Any]] = {}
    for line in path.read_text().splitlines():
        event = json.loads(line)
        row = event["data"]
        if event["type"] == "delete":
            state.pop((row["id"],), None)
            continue
        if event["type"] == "update":
            state.pop((event["old"].get("id", row["id"]),), None)
        state[(row["id"],)] = row
    return state


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_killed_while_it_copies(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server: SqlServer = request.getfixturevalue(name)
    server.execute("DROP DATABASE IF EXISTS snap", "CREATE DATABASE snap")
    server.execute("CREATE TABLE snap.t (id INT PRIMARY KEY, n INT, c VARCHAR(50))")
    fill(server, "t", ROWS)
    out = tmp_path / "out.jsonl"
    binlog = {"id": "binlog", "type": "Binlog", "destination": "out", "port": server.port, "user": "root"}
    binlog |= {"password": "password", "tables": {"include": ["snap.*"]}}
    binlog |= {"snapshot": {"mode": "initial", "chunk_rows": 20}}
    run = WlfRun(
        tmp_path,
        {
            "checkpoint_interval_ms": 50,
            "collectors": [binlog],
            "dispatchers": [{"id": "out", "type": "File", "path": str(out), "format": "json"}],
        },
    )

    def copied() -> int:
        return out.read_text().count('"bootstrap-insert"') if out.exists() else 0

    draw = random.Random(3)
    with changing(server, change, threads=1):
        for _ in range(KILLS):
            before = copied()
            run.launch()
            run.wait_for(lambda before=before: copied() > before + draw.randrange(100), "copy")  # type: ignore[misc]
            run.kill()
        run.start()
        run.wait_for(lambda: "snapshot complete" in run.text(), "copy everything")
    run.wait_for(lambda: applied(out) == rows_of(server), "bring the last changes")
    assert run.terminate() == 0
    assert copied() >= ROWS // 2
