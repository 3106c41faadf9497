"""Rotations faster than any scan, copies that are truncated again and again, one huge file among small ones."""

from __future__ import annotations

import gzip
import shutil
from itertools import pairwise
from pathlib import Path

from tests.complaints_logs.pipelines import Run
from tests.components.collectors.file_reading import FileReading, append, run

LINE = "x" * 100


def test_rotations_faster_than_any_scan_lose_no_line(tmp_path: Path) -> None:
    lines, per_file = 200_000, 5_000
    staged = Run(tmp_path, include=["app.log"], rescan_interval_ms=600_000)
    with staged.make() as running:
        for first in range(0, lines, per_file):
            append(staged.logs / "app.log", *(f"{number} {LINE}" for number in range(first, first + per_file)))
            (staged.logs / "app.log").rename(staged.logs / f"app.log.{first}")
        running.wait_for(lambda: staged.out.exists() and staged.out.read_bytes().count(b"\n") >= lines, "deliver all")
        assert running.terminate() == 0
    assert sorted(int(line.partition(" ")[0]) for line in staged.lines()) == list(range(lines))


def test_a_file_that_is_copied_and_truncated_again_and_again_is_still_read(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "app.log"
        async with FileReading(tmp_path, include=["app.log*"]) as reading:
            for number in range(60):
                append(log, f"{number} a", f"{number} b")
                if number % 3:
                    await reading.until_line(f"{number} b")
                shutil.copy(log, tmp_path / f"app.log.{number}")
                log.write_bytes(b"")
            append(log, "end")
            await reading.until(lambda: len(reading.lines) >= 121)
            return reading.lines

    assert sorted(run(scenario())) == sorted([*(f"{n} {part}" for n in range(60) for part in "ab"), "end"])


def test_small_files_do_not_wait_for_a_huge_one(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, int]:
        with (tmp_path / "huge.log").open("w") as file:
            file.writelines(f"{number} {LINE}\n" for number in range(400_000))
        for number in range(1_000):
            append(tmp_path / f"small{number}.log", f"small {number}")
        async with FileReading(tmp_path) as reading:
            await reading.until(lambda: sum(line.startswith("small") for line in reading.lines) == 1_000)
            before = sum(not line.startswith("small") for line in reading.lines)
            await reading.until(lambda: len(reading.lines) == 401_000)
            return before, len(set(reading.lines))

    before, distinct = run(scenario())
    assert before < 50_000
    assert distinct == 401_000


def test_compressed_files_are_read_one_after_the_other(tmp_path: Path) -> None:

    async def scenario() -> list[str]:
        for number in range(200):
            (tmp_path / f"{number}.log.gz").write_bytes(gzip.compress(b"%d\n" % number * 20_000))
        return (await FileReading(tmp_path).to_end()).lines

    lines = run(scenario())
    assert len(lines) == 200 * 20_000
    changes = sum(one != other for one, other in pairwise(lines))
    assert changes == 199
