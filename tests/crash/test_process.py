"""A real process with a real store, killed, stopped and started twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = 20_000
KILLS = 20

pytestmark = pytest.mark.crash


class Pipeline:
    """Starts the program, and leaves none of it behind."""

    def __init__(self, folder: Path) -> None:
        self.source, self.sink, self.state = folder / "source", folder / "sink", folder / "state"
        self.write(LINES)
        self.running: list[subprocess.Popen[str]] = []

    def start(self, *flags: str) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "tests.crash.pipeline",
            *map(str, (self.source, self.sink, self.state)),
            *flags,
        ]
        started = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self.running.append(started)
        return started

    def write(self, count: int) -> None:
        self.source.write_text("".join(f"{n:06}\n" for n in range(count)))

    def delivered(self) -> list[str]:
        return self.sink.read_text().splitlines() if self.sink.exists() else []


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    made = Pipeline(tmp_path)
    yield made
    for each in made.running:
        each.kill()
        each.communicate()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.002)


def test_killed_at_twenty_random_moments_it_loses_nothing(pipeline: Pipeline) -> None:
    moments = random.Random(2026)
    for _ in range(KILLS):
        before = len(pipeline.delivered())
        running = pipeline.start("--until-end")
        # Under load: some time after it has begun to deliver.
        wait_until(lambda before=before: len(pipeline.delivered()) > before)  # type: ignore[misc]
        time.sleep(moments.random() * 0.02)
        assert running.poll() is None
        running.kill()
        running.wait()
    last = pipeline.start("--until-end")
    assert last.wait(30) == 0, last.communicate()[1]
    delivered = pipeline.delivered()
    everything = [f"{n:06}" for n in range(LINES)]
    assert list(dict.fromkeys(delivered)) == everything
    # A replay is a contiguous run: within one run of the program each line is followed by its successor.
    breaks = [b for a, b in pairwise(delivered) if int(b) != int(a) + 1]
    assert len(breaks) <= KILLS
    # Bounded by what lies between two checkpoints; 10 ms hold some 200 lines here.
    assert len(delivered) - LINES <= KILLS * 1_000


def test_a_second_instance_is_refused_with_the_pid_of_the_first(pipeline: Pipeline) -> None:
    first = pipeline.start()
    wait_until(lambda: bool(pipeline.delivered()))
    second = pipeline.start()
    _, text = second.communicate(timeout=20)
    assert second.returncode == 1
    assert f"another wlf runs this pipeline, pid {first.pid}" in text
    first.send_signal(signal.SIGTERM)
    assert first.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_stores_within_the_time(pipeline: Pipeline, number: signal.Signals) -> None:
    pipeline.write(500)
    running = pipeline.start("--slow")
    wait_until(lambda: bool(pipeline.delivered()))
    began = time.monotonic()
    running.send_signal(number)
    assert running.wait(10) == 0
    assert time.monotonic() - began < 4
    count = len(pipeline.delivered())
    assert count == len(set(pipeline.delivered()))
    again = pipeline.start("--until-end")
    assert again.wait(20) == 0
    # Nothing twice: all that had been delivered was stored.
    assert pipeline.delivered() == [f"{n:06}" for n in range(500)]


def test_leftovers_end_with_1_and_a_line_for_the_node(pipeline: Pipeline) -> None:
    running = pipeline.start("--deaf")
    wait_until(pipeline.sink.with_suffix(".deaf").exists)
    running.send_signal(signal.SIGTERM)
    _, text = running.communicate(timeout=10)
    assert running.returncode == 1
    assert "append: " in text
    assert "events not delivered" in text


def test_a_second_signal_leaves_at_once(pipeline: Pipeline) -> None:
    running = pipeline.start("--deaf")
    wait_until(pipeline.sink.with_suffix(".deaf").exists)
    assert running.stderr is not None
    running.send_signal(signal.SIGTERM)
    while "once more" not in running.stderr.readline():
        assert running.poll() is None
    began = time.monotonic()
    running.send_signal(signal.SIGTERM)
    assert running.wait(5) == 1
    assert time.monotonic() - began < 1


def test_a_state_directory_that_cannot_be_used_is_named_with_a_hint(pipeline: Pipeline) -> None:
    pipeline.state.write_text("a file, not a directory")
    running = pipeline.start()
    _, text = running.communicate(timeout=20)
    assert running.returncode == 1
    assert str(pipeline.state) in text
    assert "hint: --state-dir must be a directory" in text


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self").exists(), reason="needs a directory nobody may write")
def test_a_read_only_state_directory_is_an_error_not_a_crash(pipeline: Pipeline) -> None:
    if os.geteuid() == 0:
        pipeline.state = Path("/proc/self")  # read-only even for root
    else:
        pipeline.state.mkdir(mode=0o500)
    running = pipeline.start()
    _, text = running.communicate(timeout=20)
    assert running.returncode == 1
    assert "hint: --state-dir must be a directory that wlf may write to" in text
    assert "Traceback" not in text
