"""`python -m benchmarks`: all ratios and memory figures of one run; `--readme` puts the table into the README."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
from pathlib import Path

from benchmarks.bench_decode import FLOORS, Ratio, ratios
from benchmarks.bench_replay import RSS_LIMIT_MB, Replay, long_transaction, many_files
from benchmarks.corpus import NAMES
from benchmarks.loads import LOADS

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MARKED = re.compile(r"<!-- benchmarks -->.*?<!-- /benchmarks -->", re.DOTALL)


def machine() -> str:
    """What it was measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}"


def table(decoded: list[Ratio], replayed: list[Replay]) -> str:
    """The Markdown that stands in the README."""
    lines = [
        "## Speed and memory",
        "",
        "Decoding a binlog file and encoding its rows as JSON with all that `wlf run` adds (xid, commit, old, cursor),",
        "one process, pure Python, against mysql-replication decoding alone and MySQL's own C decoder printing text.",
        f"One run of `make bench`, in CPU seconds, on {machine()}:",
        "",
        "| binlog | rows a CPU second | x mysql-replication | x `mysqlbinlog -v` | with checksums verified |",
        "|---|---|---|---|---|",
    ]
    for row in decoded:
        if row.checksum == "NONE":
            other = next(r for r in decoded if r.corpus == row.corpus and r.checksum != "NONE")
            lines.append(
                f"| {row.corpus}: {LOADS[row.corpus].what} | {row.rows_per_second:,.0f} | {_times(row)} | "
                f"{row.times_mysqlbinlog:.2f} | {_times(other)} / {other.times_mysqlbinlog:.2f} |"
            )
    lines += [
        "",
        "| `wlf run`, binlog files to a JSON-lines file | rows | MB of binlog a CPU second | peak RSS |",
        "|---|---|---|---|",
    ]
    lines += [f"| {r.what} | {r.lines:,} | {r.megabytes / r.seconds:.0f} | {r.peak_rss_mb} MB |" for r in replayed]
    return "\n".join(lines)


def _times(row: Ratio) -> str:
    return f"{row.times_mysql_replication:.1f}" if row.times_mysql_replication else "it cannot"


def problems(decoded: list[Ratio], replayed: list[Replay]) -> list[str]:
    """The floors and limits that do not hold."""
    found = [
        f"{r.corpus}: {r.times_mysql_replication:.1f} and {r.times_mysqlbinlog:.2f}, expected {FLOORS[r.corpus]}"
        for r in decoded
        if not r.is_fast_enough
    ]
    found += [
        f"{r.what}: {r.peak_rss_mb} MB, expected {RSS_LIMIT_MB}" for r in replayed if r.peak_rss_mb > RSS_LIMIT_MB
    ]
    return found + [f"{r.what}: {r.lines} of {r.rows} rows arrived" for r in replayed if r.lines != r.rows]


def main() -> int:
    """Measure, print, write; 1 where a floor or limit does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many passes counts")
    parser.add_argument("--readme", action="store_true", help="put the table into the README")
    options = parser.parse_args()
    decoded = list(ratios(NAMES, options.rounds))
    replayed = [many_files(), long_transaction()]
    text = table(decoded, replayed)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    figures = {
        "machine": machine(),
        "decode": [r._asdict() for r in decoded],
        "replay": [r._asdict() for r in replayed],
    }
    (RESULTS / "latest.json").write_text(json.dumps(figures, indent=1) + "\n")
    if options.readme:
        readme = ROOT / "README.md"
        marked = f"<!-- benchmarks -->\n{text}\n<!-- /benchmarks -->"
        readme.write_text(MARKED.sub(lambda _: marked, readme.read_text()))
    failed = problems(decoded, replayed)
    for problem in failed:
        print(f"does not hold: {problem}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
