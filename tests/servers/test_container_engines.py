"""The container engines of the tests: what the tests of the collectors build on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.servers.container_api import NoAnswer
from tests.servers.docker import CGROUPS, Docker, Engine
from tests.servers.fixtures import Make

TICKS = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"


def processes_with(text: str) -> list[str]:
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in found if text in line]


def test_a_container_runs_to_its_end_and_its_log_is_kept(container_engine: Engine) -> None:
    id = container_engine.api.run_to_end("hello", "echo out; exit 3")
    assert container_engine.api.wait(id) == 3
    assert "out" in container_engine.api.request("GET", f"/containers/{id}/logs", stdout=1)
    container_engine.reset()
    assert container_engine.api.list() == []


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_a_killed_engine_leaves_nothing_behind(kind: str, request: pytest.FixtureRequest) -> None:
    engine: Engine = request.getfixturevalue(f"make_{kind}")()
    engine.api.run("ticking", TICKS)
    assert processes_with(TICKS)
    engine.kill()
    assert not processes_with(TICKS)
    assert not processes_with(str(engine.datadir))
    assert not [path for path in (CGROUPS, *CGROUPS.glob("*")) if (path / engine.group).is_dir()]
    with pytest.raises(NoAnswer):
        engine.api.ping()
    engine.start()
    assert [container["Names"] for container in engine.api.list()] == [["/ticking"]]


def test_a_crashed_engine_finds_its_containers_running_where_it_may(make_docker: Make[Docker]) -> None:
    engine = make_docker(options={"live-restore": "true"})
    engine.api.run("ticking", TICKS)
    engine.crash()
    with pytest.raises(NoAnswer):
        engine.api.ping()
    engine.come_back()
    assert [container["State"] for container in engine.api.list()] == ["running"]


def test_the_log_of_json_file_lies_where_it_is_said_to(docker: Docker) -> None:
    docker.reset()
    path: Path = docker.log_file(docker.api.run_to_end("hello", "echo out"))
    assert '"log":"out\\n"' in path.read_text()
