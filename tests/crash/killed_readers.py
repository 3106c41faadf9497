"""wlf is killed again and again while a program writes and rotates logs: what arrived of the lines, and how often."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.wlf_run import WlfRun

KILLS = int(os.environ.get("WLF_KILLS", "10"))
WRITERS = int(os.environ.get("WLF_WRITERS", "5"))
RATE = int(os.environ.get("WLF_LINES_PER_SECOND", "2000"))
CHECKPOINT_MS = 200
TIMEOUT_S = 60 + 10 * KILLS


@contextmanager
def writing(program: str, folder: Path) -> Iterator[None]:
    """A program that writes to the folder until a file `stop` is there."""
    folder.mkdir()
    command = [sys.executable, "-m", program, str(folder), str(WRITERS), str(RATE)]
    writer = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    try:
        yield
    finally:
        writer.kill()
        writer.wait()


def messages_after_kills(program: str, collector: dict[str, Any], folder: Path, tmp_path: Path) -> list[str]:
    """The messages that arrived in the end; holds that each line did, and that few came again."""
    out = tmp_path / "out.jsonl"
    config = {
        "checkpoint_interval_ms": CHECKPOINT_MS,
        "collectors": [{"id": "logs", "destination": "out", **collector}],
        "dispatchers": [{"id": "out", "type": "File", "path": str(out)}],
    }
    run = WlfRun(tmp_path / "run", config)
    moments = random.Random(2026)
    with writing(program, folder):
        for _ in range(KILLS):
            size = out.stat().st_size if out.exists() else 0
            run.launch()
            run.wait_for(lambda size=size: out.exists() and out.stat().st_size > size, "deliver")  # type: ignore[misc]
            time.sleep(moments.random() * 1.5)  # the moment of the kill is the point
            run.kill()
        (folder / "stop").touch()
        deadline = time.monotonic() + 30
        while not (folder / "written").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    last = WlfRun(tmp_path / "run", run.config, "--until-end")
    last.launch()
    assert last.wait(120) == 0, last.text()
    return _checked([int(count) for count in (folder / "written").read_text().split()], out)


def _checked(written: list[int], out: Path) -> list[str]:
    messages = [json.loads(line)["message"] for line in out.read_bytes().splitlines() if line.endswith(b"}")]
    found = Counter(" ".join(message.split(" ", 2)[:2]) for message in messages)
    missing = {f"{writer} {n}" for writer, count in enumerate(written) for n in range(count)} - found.keys()
    assert not missing, sorted(missing)[:20]
    assert len(found) == sum(written)
    again = found.total() - len(found)
    print(f"{sum(written)} lines, {KILLS} kills, {again} lines came again")
    # What was dispatched since the last cursor: a checkpoint's worth of reading, what it caught up with included.
    assert again <= KILLS * RATE * WRITERS * 3
    return messages
