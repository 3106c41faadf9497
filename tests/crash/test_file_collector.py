"""A File collector that is killed while its files are written and rotated: every line arrives, few of them again."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.wlf_run import WlfRun

KILLS = int(os.environ.get("WLF_KILLS", "10"))
WRITERS = int(os.environ.get("WLF_WRITERS", "5"))
RATE = int(os.environ.get("WLF_LINES_PER_SECOND", "2000"))
CHECKPOINT_MS = 200

pytestmark = [pytest.mark.crash, pytest.mark.timeout(60 + 10 * KILLS)]


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Path]:
    """The folder that a program writes its logs to."""
    folder = tmp_path / "logs"
    folder.mkdir()
    command = [sys.executable, "-m", "tests.crash.log_writers", str(folder), str(WRITERS), str(RATE)]
    program = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    yield folder
    program.kill()
    program.wait()


def config(folder: Path, out: Path) -> dict[str, Any]:
    return {
        "checkpoint_interval_ms": CHECKPOINT_MS,
        "collectors": [{"id": "files", "type": "File", "destination": "out", "include": [str(folder / "*.log*")]}],
        "dispatchers": [{"id": "out", "type": "File", "path": str(out)}],
    }


def lines_in(out: Path) -> list[str]:
    return [json.loads(line)["message"] for line in out.read_bytes().splitlines() if line.endswith(b"}")]


def test_killed_at_random_under_rotation_every_number_arrives_and_few_twice(writing: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    run = WlfRun(tmp_path / "run", config(writing, out))
    moments = random.Random(2026)
    for _ in range(KILLS):
        size = out.stat().st_size if out.exists() else 0
        run.launch()
        run.wait_for(lambda size=size: out.exists() and out.stat().st_size > size, "deliver")  # type: ignore[misc]
        time.sleep(moments.random() * 1.5)  # the moment of the kill is the point
        run.kill()
    (writing / "stop").touch()
    deadline = time.monotonic() + 30
    while not (writing / "written").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    last = WlfRun(tmp_path / "run", run.config, "--until-end")
    last.launch()
    assert last.wait(120) == 0, last.text()
    written = [int(count) for count in (writing / "written").read_text().split()]
    found = Counter(lines_in(out))
    missing = {f"{writer} {n}" for writer, count in enumerate(written) for n in range(count)} - found.keys()
    assert not missing, sorted(missing)[:20]
    assert len(found) == sum(written)
    again = found.total() - len(found)
    print(f"{sum(written)} lines, {KILLS} kills, {again} lines came again")
    # What was dispatched since the last cursor: a checkpoint's worth of reading, what it caught up with included.
    assert again <= KILLS * RATE * WRITERS * 3
