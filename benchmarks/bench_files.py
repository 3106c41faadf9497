"""Lines of a file to lines of JSON: `wlf run` beside a bare loop that does only what cannot be left out.

    python -m benchmarks.bench_files [--lines 4000000] [--rounds 3]

The prototype reads a chunk, decodes and splits it, makes a struct of each line (the same fields as wlf's) and writes
what one call encodes. No rotation, no positions, no backpressure. `wlf run` does the same with all that a user gets,
into a File dispatcher; the parts of it are measured alone besides. Each is a process of its own, they take turns, and
CPU seconds (user and system, of the best round) count, less those of a run over an empty file: the start.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from wlf.components.base import Context
from wlf.components.collectors.file import FileCollector, FileConfig
from wlf.events.formats.lines import encode_lines
from wlf.events.log import FileLine
from wlf.runtime.instances import SystemClock
from wlf.runtime.metrics import MetricsRegistry, NodeMetrics

LINE = "2026-11-28T14:00:00.123Z INFO  [worker-{}] request id={:08} path=/orders/{} status=200 " + "x" * 70
FLOOR = 0.7
CHUNK_BYTES = 262_144
CONFIG = """\
collectors: [{{id: files, type: File, destination: out, include: ["{source}"]}}]
dispatchers: [{{id: out, type: File, path: "{target}"}}]
"""


class Measured(NamedTuple):
    """One contender, the best of its rounds."""

    what: str
    cpu_seconds: float
    peak_rss_mb: int


def write_log(path: Path, lines: int) -> int:
    """A log of about 150 bytes a line; its size."""
    with path.open("w") as file:
        for first in range(0, lines, 50_000):
            file.writelines(LINE.format(n % 16, n, n * 7 % 9973) + "\n" for n in range(first, first + 50_000))
    return path.stat().st_size


def prototype(source: str, target: str) -> None:
    """What cannot be left out."""
    encode = msgspec.json.Encoder().encode_lines
    fd = os.open(source, os.O_RDONLY)
    with open(target, "wb", buffering=0) as out:
        at = 0
        while True:
            chunk = os.pread(fd, CHUNK_BYTES, at)
            end = chunk.rfind(b"\n") + 1
            if not end:
                break
            now = time.time()
            texts = chunk[: end - 1].decode().split("\n")
            out.write(encode([FileLine("files", now, text, file=source, host="bench") for text in texts]))
            at += end
        os.fsync(out.fileno())


def collector_alone(source: str, *, encoded: bool) -> None:
    """The collector without the runtime, and what it brings encoded or not."""

    async def collect() -> None:
        config = msgspec.convert({"id": "files", "destination": "x", "include": [source]}, FileConfig)
        metrics = NodeMetrics(MetricsRegistry(), "files")
        context = Context("files", logging.getLogger("wlf"), metrics, SystemClock(), until_end=True)
        collector = FileCollector(config, context)
        await collector.open({})
        while (collected := await collector.collect()) is not None:
            if encoded:
                encode_lines(collected.events)
        await collector.close()

    asyncio.run(collect())


def measure(command: list[str]) -> tuple[float, int]:
    """(CPU seconds, peak MB) of a child."""
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(started.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def contenders(folder: Path, source: Path) -> dict[str, Any]:
    """Commands by name; each makes its output anew."""
    own = [sys.executable, "-m", "benchmarks.bench_files", "--part"]
    config = folder / f"{source.stem}.yaml"
    config.write_text(CONFIG.format(source=source, target=folder / "wlf.jsonl"))
    run = [sys.executable, "-m", "wlf", "run", str(config), "--until-end", "--state-dir", str(folder / "state")]
    return {
        "prototype": [*own, "prototype", str(source), str(folder / "prototype.jsonl")],
        "collector alone": [*own, "collect", str(source)],
        "collector, encoded": [*own, "encode", str(source)],
        "wlf run": run,
    }


def fresh(folder: Path) -> None:
    """Without what the last round left."""
    for path in (*folder.glob("*.jsonl"), *folder.glob("state/*")):
        path.unlink()


def rounds(folder: Path, source: Path, empty: Path, count: int) -> dict[str, Measured]:
    """The best of so many rounds, less the start."""
    best: dict[str, Measured] = {}
    for _ in range(count):
        starts = contenders(folder, empty)
        for what, command in contenders(folder, source).items():
            fresh(folder)
            start, _ = measure(starts[what])
            fresh(folder)
            seconds, peak = measure(command)
            found = Measured(what, seconds - start, peak)
            best[what] = min(best.get(what, found), found, key=lambda measured: measured.cpu_seconds)
    return best


def part(name: str, arguments: list[str]) -> None:
    """One contender, in this process."""
    if name == "prototype":
        prototype(*arguments)
    else:
        collector_alone(*arguments, encoded=name == "encode")


def main() -> int:
    """Measure and print; 1 where the floor does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        part(options.part[0], options.part[1:])
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, empty = folder / "bench.log", folder / "empty.log"
        empty.touch()
        size = write_log(source, options.lines)
        best = rounds(folder, source, empty, options.rounds)
    bare = best["prototype"].cpu_seconds
    print(f"{options.lines:,} lines, {size / 1e6:.0f} MB")
    print("| | lines a CPU second | MB a CPU second | x prototype | peak RSS |\n|---|---|---|---|---|")
    for what, spent, peak in best.values():
        rates = f"{options.lines / spent:,.0f} | {size / spent / 1e6:.0f} | {bare / spent:.2f}"
        print(f"| {what} | {rates} | {peak} |")
    return int(bare / best["wlf run"].cpu_seconds < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
