"""The Kubernetes collector on log files that containerd wrote: each line once, whole, while files are rotated."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.wlf_run import WlfRun
from tests.servers.cri import Containerd, Pod

LONG = 100_000
ENDLESS = (
    "i=0; until [ -e /shared/end ]; do "
    "n=0; while [ $n -lt 100 ]; do n=$((n+1)); i=$((i+1)); echo line-$i; done; sleep 0.01; "
    "done; echo last-$i"
)


@pytest.fixture
def pod(containerd: Containerd, request: pytest.FixtureRequest) -> Pod:
    """A pod of the test's own; what remains of it ends with the server."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[:60].strip("-")
    return containerd.run_pod("shop", name)


def collecting(containerd: Containerd, pod: Pod, directory: Path, *options: str, **more: Any) -> WlfRun:
    """A run that reads one pod into a file."""
    pods = {"include": [pod.config["metadata"]["name"]]}
    collector = {"id": "pods", "type": "Kubernetes", "destination": "out", "directory": str(containerd.pods)}
    out = {"id": "out", "type": "File", "path": str(directory / "out.jsonl")}
    config = {"collectors": [{**collector, "api": "none", "pods": pods, **more}], "dispatchers": [out]}
    return WlfRun(directory, config, *options)


def delivered(directory: Path) -> list[dict[str, Any]]:
    path = directory / "out.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def count(directory: Path) -> int:
    path = directory / "out.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_lines_in_parts_come_whole_each_of_its_stream(containerd: Containerd, pod: Pod, tmp_path: Path) -> None:
    long = f"head -c {LONG} /dev/zero | tr '\\0' {{0}}; echo"
    script = f"echo before; ({long.format('o')}) & ({long.format('e')}) >&2 & wait; echo behind"
    containerd.wait(containerd.run_container(pod, "app", script))
    run = collecting(containerd, pod, tmp_path, "--until-end")
    run.launch()
    assert run.wait() == 0, run.text()
    lines = [(each["stream"], each["message"]) for each in delivered(tmp_path)]
    assert Counter(lines) == Counter(
        [("stdout", "before"), ("stdout", "o" * LONG), ("stderr", "e" * LONG), ("stdout", "behind")]
    )
    told = delivered(tmp_path)[0]["kubernetes"]
    named = pod.config["metadata"]
    assert told == {
        "namespace": "shop",
        "name": named["name"],
        "uid": named["uid"],
        "container": "app",
        "restart": 0,
    }


def test_no_line_is_lost_or_doubled_while_kubelet_rotates(containerd: Containerd, pod: Pod, tmp_path: Path) -> None:
    log = pod.log_directory / "app" / "0.log"
    container = containerd.run_container(pod, "app", ENDLESS)
    with collecting(containerd, pod, tmp_path) as run:
        for rotation in range(5):
            enough = count(tmp_path) + 300
            run.wait_for(lambda enough=enough: count(tmp_path) > enough, "read on")  # type: ignore[misc]
            containerd.rotate(container, log, f"20261128-18000{rotation}")
        (pod.shared / "end").touch()
        containerd.wait(container)
        run.wait_for(lambda: b'"last-' in (tmp_path / "out.jsonl").read_bytes()[-1000:], "read the end")
        assert run.terminate() == 0, run.text()
    *lines, last = (each["message"] for each in delivered(tmp_path))
    assert lines == [f"line-{number}" for number in range(1, int(last.removeprefix("last-")) + 1)]


def test_a_line_that_a_rotation_divides_comes_whole(containerd: Containerd, pod: Pod, tmp_path: Path) -> None:
    script = f"head -c {LONG} /dev/zero | tr '\\0' x; until [ -e /shared/end ]; do sleep 0.01; done; echo y"
    container = containerd.run_container(pod, "app", script)
    log = pod.log_directory / "app" / "0.log"
    with collecting(containerd, pod, tmp_path, partial_line_timeout_ms=60_000) as run:
        run.wait_for(lambda: log.stat().st_size > LONG - 20_000, "have a part")
        containerd.rotate(container, log, "20261128-180000")
        (pod.shared / "end").touch()
        containerd.wait(container)
        run.wait_for(lambda: count(tmp_path) > 0, "read the line")
        assert run.terminate() == 0, run.text()
    assert [each["message"] for each in delivered(tmp_path)] == ["x" * LONG + "y"]


def test_a_container_that_begins_anew_has_a_file_of_its_own(containerd: Containerd, pod: Pod, tmp_path: Path) -> None:
    for restart in range(3):
        containerd.wait(containerd.run_container(pod, "app", f"echo run {restart}", restart=restart))
    run = collecting(containerd, pod, tmp_path, "--until-end")
    run.launch()
    assert run.wait() == 0, run.text()
    lines = [(each["kubernetes"]["restart"], each["message"]) for each in delivered(tmp_path)]
    assert sorted(lines) == [(0, "run 0"), (1, "run 1"), (2, "run 2")]
