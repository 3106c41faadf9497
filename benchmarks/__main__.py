"""`python -m benchmarks`: wlf's own figures. `python -m benchmarks peers`: wlf beside other programs.

Results go into benchmarks/results/latest.json as they are measured, those of both commands together; `--publish` takes
them into docs/benchmarks.json, where what was not measured again stays, and writes the README's tables,
docs/benchmarks.md and the chart. What `--quick` measures is kept apart.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import suites
from benchmarks.report import __main__ as report
from benchmarks.report import pages
from benchmarks.report.book import load, machine, save, speed
from benchmarks.result import Result
from tests.servers.cache import NotInstalled

WHICH = {"ours": suites.ours, "peers": suites.peers}


def line(result: Result) -> str:
    """One result on the terminal."""
    where = f"{result.suite:11}{result.case:46}{result.input:24}{result.who:19}"
    if result.missing:
        return f"{where}none: {result.missing}"
    wrong = f"  {result.lost} lost" if result.lost else ""
    wrong += f"  {result.duplicates} twice" if result.duplicates else ""
    return (
        f"{where}{speed(result):11,.0f}/s{result.cpu_per_million:8.2f} CPU s/M{result.peak_rss_mb:7.0f} MB"
        f"{f'{result.p99_ms:9.1f} ms p99' if result.p99_ms else ''}{wrong}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 where a floor or limit of wlf does not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", choices=WHICH, nargs="?", default="ours")
    parser.add_argument("--rounds", type=int, help="the best of so many counts; default: 3 alone, 1 beside others")
    parser.add_argument("--quick", action="store_true", help="less of each, to see that it works")
    parser.add_argument("--only", default="", metavar="TEXT", help="steps whose name has this text")
    parser.add_argument("--list", action="store_true", help="print the names of the steps")
    parser.add_argument("--publish", action="store_true", help="into the README and docs")
    given = parser.parse_args(arguments)
    if given.quick and given.publish:
        parser.error("expected --quick or --publish, got both: only whole runs are shown")
    path = pages.LATEST.with_name("quick.json") if given.quick else pages.LATEST
    rounds = given.rounds or (3 if given.which == "ours" else 1)
    with ExitStack() as stack:
        steps = [s for s in WHICH[given.which](stack, rounds=rounds, quick=given.quick) if given.only in s.name]
        if given.list or not steps:
            print("\n".join(step.name for step in steps) or "there is no such step")
            return not steps
        fresh = _run(steps, path)
    failed = suites.problems(load(path), fresh)
    for problem in failed:
        print(f"does not hold: {problem}", file=sys.stderr)
    if given.publish:
        report.main([str(path)])
    return bool(failed)


def _run(steps: Sequence[suites.Step], path: Path) -> list[Result]:
    """The fresh results; all that came are in the file also when a step fails or is interrupted."""
    book = load(path)
    book.move_to(machine())
    fresh: list[Result] = []
    for step in steps:
        try:
            for result in step.run():
                print(line(result), flush=True)
                fresh.append(result)
                book.add([result])
                save(book, path)
        except NotInstalled as missing:
            print(f"{step.name}: {missing}", file=sys.stderr)
    book.versions.update(suites.versions())
    save(book, path)
    return fresh


if __name__ == "__main__":
    sys.exit(main())
