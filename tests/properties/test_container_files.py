"""However records of two streams lie between each other, are rotated, and reading is ended: each line comes once and
whole; after a crash some come again, whole too."""

from __future__ import annotations

import asyncio
import gzip
import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.components.collectors.container_files import CriReading, record
from tests.components.collectors.file_reading import run

STEPS = st.lists(
    st.sampled_from(["write", "write", "write", "rotate", "compress", "read", "read", "restart"]),
    min_size=3,
    max_size=30,
)
STREAMS = ("stdout", "stderr")


class Pod:
    """Writes lines in parts, those of the one stream between those of the other."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.log = folder / "c" / "0.log"
        self.log.parent.mkdir()
        self.log.touch()
        self.chance = random.Random(seed)
        self.lines: dict[str, list[str]] = {name: [] for name in STREAMS}
        self.parts: dict[str, list[str]] = {name: [] for name in STREAMS}
        self.records = 0
        self.rotations = 0

    def write(self, stream: str) -> None:
        """One record."""
        if not self.parts[stream]:
            count = self.chance.choice((1, 1, 2, 3))
            number = len(self.lines[stream])
            self.parts[stream] = [f"{stream}{number}.{part} " for part in range(count)]
            self.lines[stream].append("".join(self.parts[stream]))
        text = self.parts[stream].pop(0)
        tag = "P" if self.parts[stream] else "F"
        with self.log.open("ab") as file:
            file.write(record(self.records, stream, tag, text))
        self.records += 1

    def step(self, step: str) -> None:
        if step == "write":
            for _ in range(self.chance.randrange(12)):
                self.write(self.chance.choice(STREAMS))
        elif step == "rotate" and self.log.stat().st_size:
            self.rotations += 1
            self.log.rename(self.log.with_name(f"0.log.20260131-{self.rotations:06}"))
            self.log.touch()
        elif step == "compress":
            for path in sorted(self.log.parent.glob("0.log.*[0-9]"))[:-1]:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 1))
                path.unlink()

    def finish(self) -> None:
        for stream in STREAMS:
            while self.parts[stream]:
                self.write(stream)


async def read(steps: list[str], seed: int, crashes: bool, **options: Any) -> tuple[Pod, CriReading]:
    with tempfile.TemporaryDirectory() as name:
        pod = Pod(Path(name), seed)
        options = {"partial_line_timeout_ms": 10**9, "include": ["*/*.log*"], **options}
        async with CriReading(Path(name), **options) as reading:
            before = dict(reading.stored)
            for step in steps:
                pod.step(step)
                if step == "restart":
                    if crashes and pod.chance.random() < 0.5:
                        reading.stored = before
                    await reading.restart()
                    before = dict(reading.stored)
                elif step == "read":
                    await reading.restart()
                    await some(reading, pod.chance.randrange(8))
            pod.finish()
            await reading.to_end()
        return pod, reading


async def some(reading: CriReading, count: int) -> None:
    """A few batches, or as many as there are."""
    for _ in range(count):
        try:
            async with asyncio.timeout(0.02):  # longer than it takes to find that nothing is there
                await reading.step()
        except TimeoutError:
            return


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(0, 10**6))
def test_each_line_comes_once_and_in_order(steps: list[str], seed: int) -> None:
    pod, reading = run(read(steps, seed, crashes=False))
    assert {name: reading.of(name) for name in STREAMS} == pod.lines


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(0, 10**6))
def test_after_a_crash_no_line_is_lost_or_torn(steps: list[str], seed: int) -> None:
    pod, reading = run(read(steps, seed, crashes=True))
    for name in STREAMS:
        assert set(reading.of(name)) == set(pod.lines[name])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(0, 10**6))
def test_lines_that_belong_together_come_once_and_in_order(steps: list[str], seed: int) -> None:
    """Each line with an odd number belongs to the one before."""
    multiline = {"continue": r"^std\w+[13579]\.", "timeout_ms": 10**9}
    pod, reading = run(read(steps, seed, crashes=False, multiline=multiline))
    for name in STREAMS:
        assert "\n".join(reading.of(name)).split("\n") == (pod.lines[name] or [""])
        assert all(len(message.split("\n")) <= 2 for message in reading.of(name))
