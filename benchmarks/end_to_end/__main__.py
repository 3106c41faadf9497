"""`python -m benchmarks.end_to_end [--only TEXT] [--quick] [--json FILE]`: wlf from real servers into real servers."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.end_to_end.suite import Scene, steps
from benchmarks.end_to_end.table import HEAD, line
from benchmarks.result import Result
from tests.servers.cache import NotInstalled


def main() -> int:
    """Print each result when it is there; 1 where anything was lost or failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="steps whose name has this text")
    parser.add_argument("--quick", action="store_true", help="smaller inputs and fewer steps")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument("--list", action="store_true", help="print the steps' names alone")
    options = parser.parse_args()
    chosen = [step for step in steps(quick=options.quick) if options.only in step.name]
    if options.list or not chosen:
        print("\n".join(step.name for step in chosen or steps(quick=options.quick)))
        return not chosen
    results: list[Result] = []
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder, Scene(Path(folder)) as scene:
        for step in chosen:
            try:
                for result in step.run(scene):
                    print(line(result), flush=True)
                    results.append(result)
            except NotInstalled as missing:
                print(f"{step.name}: {missing}", file=sys.stderr)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1))
    return any(result.lost or result.missing for result in results)


if __name__ == "__main__":
    sys.exit(main())
