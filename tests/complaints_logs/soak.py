"""A long run, staged: many files written at a steady rate and rotated, and what is seen of the run that reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.complaints_logs.pipelines import Run
from tests.integration.wlf_run import WlfRun

ROOT = Path(__file__).parents[2]
KEPT_ROTATIONS = 20
_TICK = os.sysconf("SC_CLK_TCK")


class Arrivals:
    """How far each file has come in the output, which is read as it grows: nothing missing, nothing twice."""

    def __init__(self, out: Path, files: int) -> None:
        self.frontier = [0] * files
        """By file: all numbers below are there."""
        self.twice = 0
        self._ahead: list[set[int]] = [set() for _ in range(files)]
        self._out = out
        self._read = 0

    def read(self) -> None:
        """Take in what is new."""
        if not self._out.exists():
            return
        with self._out.open("rb") as out:
            out.seek(self._read)
            for line in out:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                self._take(*map(int, json.loads(line)["message"].split()))

    def _take(self, file: int, number: int) -> None:
        ahead = self._ahead[file]
        if number < self.frontier[file] or number in ahead:
            self.twice += 1
            return
        ahead.add(number)
        while self.frontier[file] in ahead:
            ahead.discard(self.frontier[file])
            self.frontier[file] += 1


class Seen(NamedTuple):
    """What one part of the run was like."""

    lines: int
    cpu_seconds: float
    rss_mb: float
    behind: int
    """Lines of all files that were written and not there yet, at the end of the part."""

    @property
    def cpu_per_line(self) -> float:
        """In this part; nothing where the writer itself wrote nothing in it."""
        return self.cpu_seconds / self.lines if self.lines else 0.0


class Soak:
    """`files` logs of `rate` lines a second each, every one rotated each `rotate_seconds`, into one file."""

    def __init__(self, folder: Path, files: int, rate: int, rotate_seconds: float) -> None:
        self.folder = folder
        self.files = files
        self.rate = rate
        self.rotate_seconds = rotate_seconds
        self.staged = Run(folder)
        self.arrivals = Arrivals(self.staged.out, files)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While the program writes."""
        numbers = map(str, (self.files, self.rate, self.rotate_seconds, KEPT_ROTATIONS))
        command = [sys.executable, "-m", "tests.crash.log_writers", str(self.staged.logs), *numbers]
        program = subprocess.Popen(command, cwd=ROOT)
        try:
            yield
        finally:
            program.kill()
            program.wait()

    def written(self) -> list[int]:
        """Lines by file."""
        told = self.staged.logs / "progress"
        return [int(count) for count in told.read_text().split()] if told.exists() else [0] * self.files

    def parts(self, running: WlfRun, seconds: float, count: int) -> Iterator[Seen]:
        """Watch `count` parts of the run; at the end of each, all files must have come as far as they were written."""
        before, delivered = cpu_seconds(running), sum(self.arrivals.frontier)
        for number in range(1, count + 1):
            self._write_up_to(running, int(self.rate * seconds * number / count))
            written = self.written()
            self.arrivals.read()
            behind = sum(written) - sum(self.arrivals.frontier)
            running.wait_for(lambda written=written: self.has(written), "come as far as the writer", 120)  # type: ignore[misc]
            spent, there = cpu_seconds(running), sum(self.arrivals.frontier)
            yield Seen(there - delivered, spent - before, rss_mb(running), behind)
            before, delivered = spent, there

    def _write_up_to(self, running: WlfRun, lines: int) -> None:
        """Until each file has so many lines; the output is read on the way."""
        while min(self.written()) < lines:
            assert running.running is not None
            assert running.running.poll() is None, running.text()
            self.arrivals.read()
            time.sleep(0.1)

    def has(self, written: list[int]) -> bool:
        """Is all of that there?"""
        self.arrivals.read()
        return all(there >= count for there, count in zip(self.arrivals.frontier, written, strict=True))


def cpu_seconds(running: WlfRun) -> float:
    """User and system time so far."""
    assert running.running is not None
    fields = Path(f"/proc/{running.running.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def rss_mb(running: WlfRun) -> float:
    """What it holds at present."""
    assert running.running is not None
    status = Path(f"/proc/{running.running.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
