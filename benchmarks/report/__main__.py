"""`python -m benchmarks.report [FILE]`: write README, docs/benchmarks.md and the chart anew from docs/benchmarks.json.

With a FILE, such as benchmarks/results/latest.json, its results are taken into docs/benchmarks.json first: each takes
the place of the older one, and what FILE does not hold stays. `--anew`: nothing of the older ones is kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.report import pages
from benchmarks.report.book import load, save


def main(arguments: list[str] | None = None) -> int:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--anew", action="store_true", help="keep nothing of what was published before")
    given = parser.parse_args(arguments)
    if given.file is not None:
        fresh = load(given.file)
        if not given.anew and pages.KEPT.is_file():
            kept = load(pages.KEPT)
            kept.merge(fresh)
            fresh = kept
        save(fresh, pages.KEPT)
    pages.write(load(pages.KEPT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
