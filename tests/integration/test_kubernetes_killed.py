"""A Kubernetes collector that is killed while pods write: every line arrives, whole, and few of them again."""

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

import pytest

from tests.components.collectors.kube_api import ApiThread, pod
from tests.components.collectors.kube_cluster import kubeconfig
from tests.integration.wlf_run import WlfRun

KILLS = int(os.environ.get("WLF_KILLS", "5"))
PODS = 5
RATE = 1000

pytestmark = [pytest.mark.crash, pytest.mark.timeout(90 + 10 * KILLS)]


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Path]:
    """The folder in whose `pods` a node writes its logs."""
    (tmp_path / "pods").mkdir()
    command = [sys.executable, "-m", "tests.components.collectors.kube_writers", str(tmp_path), str(PODS), str(RATE)]
    program = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    yield tmp_path
    program.kill()
    program.wait()


def test_killed_at_random_under_rotation_and_restarts_every_line_of_every_pod_arrives(writing: Path) -> None:
    out = writing / "out.jsonl"
    moments = random.Random(2026)
    with ApiThread() as api:
        api.do(*(pod(f"web-{number}", f"u{number}", labels={"n": str(number)}) for number in range(PODS)))
        collector = {
            "id": "pods",
            "type": "Kubernetes",
            "destination": "out",
            "directory": str(writing / "pods"),
            "node": "n1",
            "kubeconfig": kubeconfig(writing, api.server),
        }
        config = {
            "checkpoint_interval_ms": 200,
            "collectors": [collector],
            "dispatchers": [{"id": "out", "type": "File", "path": str(out)}],
        }
        run = WlfRun(writing / "run", config)
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
        last = WlfRun(writing / "run", run.config, "--until-end")
        last.launch()
        assert last.wait(120) == 0, last.text()
    written = [int(count) for count in (writing / "written").read_text().split()]
    events = [json.loads(line) for line in out.read_bytes().splitlines() if line.endswith(b"}")]
    found = Counter(event["message"] for event in events)
    missing = {f"{number} {n}" for number, count in enumerate(written) for n in range(count)} - found.keys()
    assert not missing, sorted(missing)[:20]
    assert len(found) == sum(written), sorted(found - Counter(list(found)))[:20]
    assert all(event["kubernetes"]["labels"]["n"] == event["message"].split()[0] for event in events)
    again = found.total() - len(found)
    print(f"{sum(written)} lines, {KILLS} kills, {again} lines came again")
    assert again <= KILLS * RATE * PODS * 3
