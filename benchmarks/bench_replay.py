"""`wlf run` as a whole process, from binlog files to a JSON-lines file: speed, loss, and peak memory.

Two inputs: 1 GiB of corpus B as a row of files, and one transaction of two million rows of corpus A.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.bench_decode import big_transaction, chunks_of, replay
from benchmarks.corpus import corpus

GIB = 1 << 30
LONG_ROWS = 2_000_000
MAGIC = b"\xfebin"
RSS_LIMIT_MB = 150
"""The most that counts as small."""


class Replay(NamedTuple):
    """One run. `lines` is what arrived, `rows` what the files hold; both must be equal."""

    what: str
    rows: int
    lines: int
    megabytes: float
    seconds: float
    peak_rss_mb: int


def run_wlf(directory: Path) -> tuple[float, int]:
    """CPU seconds and peak RSS in MB of `wlf run` over the files in `directory`/in."""
    config = directory / "replay.yaml"
    config.write_text(
        f"collectors: [{{id: binlog, type: Binlog, destination: out, files: ['{directory}/in/binlog.*']}}]\n"
        f"dispatchers: [{{id: out, type: File, path: '{directory}/out/all.jsonl'}}]\n"
    )
    argv = [sys.executable, "-m", "wlf", "run", str(config), "--until-end", "--state-dir", str(directory / "state")]
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(said.decode())
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def count_lines(path: Path) -> int:
    """Lines of a file too large to be read at once."""
    with path.open("rb", buffering=0) as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def _measure(what: str, directory: Path, rows: int) -> Replay:
    size = sum(path.stat().st_size for path in (directory / "in").iterdir())
    seconds, peak = run_wlf(directory)
    return Replay(what, rows, count_lines(directory / "out" / "all.jsonl"), size / 1e6, seconds, peak)


def many_files() -> Replay:
    """1 GiB: corpus B again and again, as a server's files would lie."""
    path = corpus("B")
    rows, _ = replay(path, chunks_of(path), verify=False)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "in").mkdir()
        count = -(-GIB // path.stat().st_size)
        for number in range(1, count + 1):
            (directory / "in" / f"binlog.{number:06}").symlink_to(path)
        return _measure("1 GiB of binlog", directory, rows * count)


def long_transaction() -> Replay:
    """Rows events of corpus A as one transaction, in one file."""
    path = corpus("A")

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "in").mkdir()
        with (directory / "in" / "binlog.000001").open("wb") as file:
            file.write(MAGIC)
            file.writelines(big_transaction(path, LONG_ROWS))
        rows_each, _ = replay(path, chunks_of(path), verify=False)
        return _measure("one transaction of over 2 million rows", directory, -(-LONG_ROWS // rows_each) * rows_each)
