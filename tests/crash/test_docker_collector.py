"""A Docker collector that is killed while containers write: every line arrives, few of them again."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.wlf_run import WlfRun
from tests.servers.docker import Docker

KILLS = int(os.environ.get("WLF_KILLS", "5"))
WRITERS = int(os.environ.get("WLF_CONTAINERS", "3"))
CHECKPOINT_MS = 200
WRITES = """
trap stop=1 USR1
i=0
while [ -z "$stop" ]; do
  echo "{number} $i"; echo "{number} e$i" >&2; i=$((i+1)); [ $((i%20)) = 0 ] && sleep 0.01
done
"""
READ_A_SECOND = 100_000
"""More than wlf reads through the API of one Engine while it catches up with what was written meanwhile."""

pytestmark = [pytest.mark.crash, pytest.mark.timeout(120 + 10 * KILLS)]


def config(docker: Docker, out: Path) -> dict[str, Any]:
    return {
        "checkpoint_interval_ms": CHECKPOINT_MS,
        "collectors": [{"id": "containers", "type": "Docker", "destination": "out", "address": docker.url}],
        "dispatchers": [{"id": "out", "type": "File", "path": str(out)}],
    }


def lines_in(out: Path) -> list[str]:
    return [json.loads(line)["message"] for line in out.read_bytes().splitlines() if line.endswith(b"}")]


def logged(docker: Docker, id: str) -> list[str]:
    return [json.loads(line)["log"].strip() for line in docker.log_file(id).read_bytes().splitlines()]


def test_killed_at_random_every_line_of_every_container_arrives_and_few_twice(docker: Docker, tmp_path: Path) -> None:
    docker.reset()
    ids = [docker.api.run(f"writer-{number}", WRITES.format(number=number)) for number in range(WRITERS)]
    out = tmp_path / "out.jsonl"
    run = WlfRun(tmp_path / "run", config(docker, out))
    moments = random.Random(2026)
    for _ in range(KILLS):
        size = out.stat().st_size if out.exists() else 0
        run.launch()
        run.wait_for(lambda size=size: out.exists() and out.stat().st_size > size, "deliver")  # type: ignore[misc]
        time.sleep(moments.random() * 1.5)  # the moment of the kill is the point
        run.kill()
    for id in ids:
        docker.api.request("POST", f"/containers/{id}/kill", signal="USR1")
        docker.api.wait(id)
    last = WlfRun(tmp_path / "run", run.config, "--until-end")
    last.launch()
    assert last.wait(120) == 0, last.text()
    written = [line for id in ids for line in logged(docker, id)]
    found = Counter(lines_in(out))
    missing = set(written) - found.keys()
    assert not missing, sorted(missing)[:20]
    assert len(found) == len(written)
    again = found.total() - len(found)
    print(f"{len(written)} lines, {KILLS} kills, {again} lines came again")
    # What was dispatched since the last cursor: a checkpoint's worth of reading, and what it took to store it.
    assert again <= KILLS * READ_A_SECOND * (CHECKPOINT_MS + 100) / 1000
    docker.reset()
