"""What a File collector holds and uses: behind a backlog, after a million short-lived files, with idle ones.

    python -m benchmarks.bench_file_resources backlog [--gigabytes 20]
    python -m benchmarks.bench_file_resources shortlived [--files 1000000]
    python -m benchmarks.bench_file_resources idle [--files 100000]

Each is a `wlf run` of its own into /dev/null or a small file, seen from outside; 1 is returned where a limit does not
hold. The files lie below the directory for temporary files (TMPDIR), and are removed in the end.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks.measure import Meter
from tests.servers.ports import free_port

BACKLOG_RSS_MB, IDLE_CPU_PERCENT = 150, 5
BLOCK_LINES = 100_000
BACKLOG_FILES = 20
SHORT_LIVED_AT_ONCE = 1_000
SETTLE_S, IDLE_S = 15, 60
FILES_A_DIRECTORY = 1_000
PATIENCE_S = 3_600
LINE = "2026-11-28T14:00:00.123Z INFO  [worker-{}] request id={:08} path=/orders/{} status=200 " + "x" * 70 + "\n"
CONFIG = """\
http: "127.0.0.1:{port}"
collectors: [{{id: files, type: File, destination: out, include: ["{include}"], forget_after_ms: {forget_ms}}}]
dispatchers: [{{id: out, type: Stdout}}]
"""


class Running:
    """A `wlf run` whose lines go nowhere."""

    def __init__(self, folder: Path, include: Path, forget_ms: int = 60_000, *options: str) -> None:
        self.port = free_port()
        self.state = folder / "state"
        config = folder / "pipeline.yaml"
        config.write_text(CONFIG.format(port=self.port, include=include, forget_ms=forget_ms))
        self.log = folder / "wlf.log"
        command = [sys.executable, "-m", "wlf", "run", str(config), "--state-dir", str(self.state), *options]
        self.began = time.monotonic()
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, process_group=0)
        self.meter = Meter(self._child)

    def value(self, name: str) -> float:
        """Of a metric, all its labels together; 0 while nobody answers."""
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
            return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((name + "{", name + " ")))
        return 0.0

    def is_ready(self) -> bool:
        """Are all files found?"""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait_for(self, condition: Callable[[], bool], poll_s: float = 0.1) -> None:
        """Raises TimeoutError, and RuntimeError where wlf ended."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if self.meter.has_ended:
                raise RuntimeError(self.log.read_text(errors="replace")[-2_000:])
            if time.monotonic() > deadline:
                raise TimeoutError
            self.meter.cpu_seconds()
            time.sleep(poll_s)

    def wait_for_lines(self, count: int, poll_s: float = 0.02) -> None:
        """Until so many were dispatched."""
        self.wait_for(lambda: self.value("wlf_events_out_total") >= count, poll_s)

    def rss_mb(self) -> float:
        """At present."""
        status = Path(f"/proc/{self._child.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024

    def state_mb(self) -> float:
        """What it keeps on the disk."""
        return sum(path.stat().st_size for path in self.state.rglob("*") if path.is_file()) / 1e6

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.meter.stop()


def backlog(folder: Path, gigabytes: float) -> bool:
    """Twenty files that hold so much together, all there at the start."""
    logs = folder / "logs"
    logs.mkdir()
    block = "".join(LINE.format(n % 16, n, n * 7 % 9973) for n in range(BLOCK_LINES)).encode()
    lines = 0
    for number in range(BACKLOG_FILES):
        with (logs / f"{number:02}.log").open("wb", buffering=0) as file:
            file.write(f"the first line of file {number}\n".encode())
            blocks = max(1, round(gigabytes * 1e9 / BACKLOG_FILES / len(block)))
            for _ in range(blocks):
                file.write(block)
            lines += 1 + blocks * BLOCK_LINES
    size = sum(path.stat().st_size for path in logs.iterdir())
    with Running(folder, logs / "*.log") as running:
        running.wait_for_lines(lines, 0.5)
        seconds, cpu = time.monotonic() - running.began, running.meter.cpu_seconds()
        peak, out = running.meter.peak_rss_mb, int(running.value("wlf_events_out_total"))
    print(
        f"backlog: {size / 1e9:.1f} GB, {out:,} of {lines:,} lines in {seconds:.0f} s and {cpu:.0f} CPU s, "
        f"peak RSS {peak:.0f} MB"
    )
    return peak < BACKLOG_RSS_MB and out == lines


def shortlived(folder: Path, files: int) -> bool:
    """Files of one line, a thousand at a time, each removed as soon as it is read."""
    logs = folder / "logs"
    logs.mkdir()
    with Running(folder, logs / "*.log", 1_000) as running:
        running.wait_for(running.is_ready)
        rss = []
        for first in range(0, files, SHORT_LIVED_AT_ONCE):
            paths = [logs / f"{number}.log" for number in range(first, first + SHORT_LIVED_AT_ONCE)]
            for path in paths:
                path.write_text(f"the line of {path.name}\n")
            running.wait_for_lines(first + len(paths))
            for path in paths:
                path.unlink()
            if (first + len(paths)) * 10 // files > len(rss):
                rss.append(running.rss_mb())
        running.wait_for(lambda: running.value("wlf_file_followed_files") == 0, 0.5)
        out, cpu = int(running.value("wlf_events_out_total")), running.meter.cpu_seconds()
        seconds = time.monotonic() - running.began
    kept = running.state_mb()
    with Running(folder, logs / "*.log", 1_000) as again:
        again.wait_for(again.is_ready, 0.01)
        start = time.monotonic() - again.began
    print(
        f"shortlived: {out:,} of {files:,} lines in {seconds:.0f} s and {cpu:.0f} CPU s; RSS {rss[0]:.0f} MB after a "
        f"tenth, {rss[4]:.0f} MB after a half, {rss[-1]:.0f} MB in the end; state {kept:.2f} MB, "
        f"next start in {start:.1f} s"
    )
    return out == files and rss[-1] < 1.1 * rss[4] + 10


def idle(folder: Path, files: int) -> bool:
    """Files of one line that nobody writes to."""
    logs = folder / "logs"
    for number in range(files):
        path = logs / f"{number // FILES_A_DIRECTORY:03}" / f"service-{number:06}.log"
        if number % FILES_A_DIRECTORY == 0:
            path.parent.mkdir(parents=True)
        path.write_text(f"2026-11-28T14:00:00.123Z INFO the line of {number}\n")
    with Running(folder, logs / "**" / "*.log") as running:
        running.wait_for_lines(files, 0.5)
        running.wait_for(running.is_ready)
        time.sleep(SETTLE_S)  # the last checkpoints are part of the reading
        before = running.meter.cpu_seconds()
        time.sleep(IDLE_S)
        share = (running.meter.cpu_seconds() - before) / IDLE_S * 100
        now, peak = running.rss_mb(), running.meter.peak_rss_mb
    kept = running.state_mb()
    with Running(folder, logs / "**" / "*.log") as again:
        again.wait_for(again.is_ready, 0.05)
        start, resumed = time.monotonic() - again.began, again.rss_mb()
    print(
        f"idle: {files:,} files, {share:.1f} % of a core, RSS {now:.0f} MB (peak {peak:.0f} MB; {resumed:.0f} MB after "
        f"a restart), state {kept:.1f} MB, next start in {start:.1f} s"
    )
    return share < IDLE_CPU_PERCENT


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("backlog", "shortlived", "idle"))
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--files", type=int)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wlf-"))
    try:
        match given.what:
            case "backlog":
                holds = backlog(folder, given.gigabytes)
            case "shortlived":
                holds = shortlived(folder, given.files or 1_000_000)
            case _:
                holds = idle(folder, given.files or 100_000)
    finally:
        shutil.rmtree(folder)
    return int(not holds)


if __name__ == "__main__":
    sys.exit(main())
