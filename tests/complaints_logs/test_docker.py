"""Long lines, rotations between their parts, and time that nobody read: whole runs over containers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.wlf_run import WlfRun
from tests.servers.docker import Docker

LONG = 'head -c 50000 /dev/zero | tr "\\0" x; echo'


class ContainerRun:
    """`wlf run` over all containers of an Engine."""

    def __init__(self, folder: Path, docker: Docker, **options: Any) -> None:
        docker.reset()
        self.out = folder / "out.jsonl"
        config = {
            "checkpoint_interval_ms": 100,
            "collectors": [
                {"id": "containers", "type": "Docker", "destination": "out", "address": docker.url, **options}
            ],
            "dispatchers": [{"id": "out", "type": "File", "path": str(self.out)}],
        }
        self.folder, self.config = folder, config

    def make(self, *flags: str) -> WlfRun:
        return WlfRun(self.folder / "run", self.config, *flags)

    def to_end(self) -> None:
        run = self.make("--until-end")
        run.launch()
        assert run.wait(120) == 0, run.text()

    def lines(self) -> list[str]:
        if not self.out.exists():
            return []
        return [json.loads(line)["message"] for line in self.out.read_bytes().splitlines() if line.endswith(b"}")]


def test_a_line_of_50_kb_is_one_event(docker: Docker, tmp_path: Path) -> None:
    run = ContainerRun(tmp_path, docker)
    for driver in ("json-file", "local"):
        docker.api.run_to_end(driver, LONG, log={"Type": driver, "Config": {}})
    run.to_end()
    assert run.lines() == ["x" * 50_000] * 2


def test_parts_of_a_line_that_a_rotation_separates_are_one_event(docker: Docker, tmp_path: Path) -> None:
    run = ContainerRun(tmp_path, docker)
    small = {"Type": "json-file", "Config": {"max-size": "20k", "max-file": "9"}}
    id = docker.api.run_to_end("rotated", f"echo first; {LONG}; echo last", log=small)
    assert docker.log_file(id).with_name(f"{id}-json.log.1").exists()
    run.to_end()
    assert run.lines() == ["first", "x" * 50_000, "last"]


def test_lines_written_while_wlf_was_down_come_once(docker: Docker, tmp_path: Path) -> None:
    run = ContainerRun(tmp_path, docker)
    count = "i={}; while [ $i -lt {} ]; do echo $i; i=$((i+1)); done"
    waits = "trap go=1 USR1; while [ -z $go ]; do sleep 0.02; done"
    docker.api.run("counting", f"{count.format(0, 500)}; {waits}; {count.format(500, 3_000)}")
    with run.make() as running:
        running.wait_for(lambda: len(run.lines()) == 500, "deliver")
        assert running.terminate() == 0
    docker.api.request("POST", "/containers/counting/kill", signal="USR1")
    docker.api.wait("counting")
    for _ in range(2):
        with run.make() as running:
            running.wait_for(lambda: len(run.lines()) >= 3_000, "deliver")
            assert running.terminate() == 0
    assert run.lines() == [str(number) for number in range(3_000)]
