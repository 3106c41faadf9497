"""`python -m benchmarks.report [FILE]`: write README, docs/benchmarks.md and the chart anew from docs/benchmarks.json.

With a FILE, such as benchmarks/results/latest.json, its results are taken into docs/benchmarks.json first.
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
    given = parser.parse_args(arguments)
    if given.file is not None:
        save(load(given.file), pages.KEPT)
    pages.write(load(pages.KEPT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
