"""Two revisions in turn, A B A B, in CPU seconds: `python -m benchmarks.compare REV [REV]`.

The second one is by default what stands in the working tree, committed or not. Either runs `compare_driver.py` of the
working tree in a process of its own, and they take turns pass by pass. A ratio over 1 says that the second revision is
faster: `best` compares the fastest pass of each, `median` is the middle of the ratios of all turns. What is the same
in both shows how much the machine's other work blurs them: compare a revision with itself.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.corpus import NAMES, beginning, corpus

ROOT = Path(__file__).parents[1]
DRIVER = Path(__file__).with_name("compare_driver.py")
PARTS = ("walk", "decode", "events", "json", "run")
MEGABYTES = 6
RUN_FACTOR = 4
"""A whole run gets so many times more, for its start to weigh less."""


class Pass(NamedTuple):
    """One part done once. `amount` is rows, events or bytes that came out."""

    seconds: float
    amount: int


class Figure(NamedTuple):
    """One part on one corpus: the passes of either revision, turn by turn."""

    corpus: str
    part: str
    first: list[Pass]
    second: list[Pass]

    @property
    def best(self) -> float:
        """How many times faster the second is, by the best passes."""
        return min(self.first).seconds / min(self.second).seconds

    @property
    def median(self) -> float:
        """The same, by the turns' own ratios."""
        return statistics.median(a.seconds / b.seconds for a, b in zip(self.first, self.second, strict=True))

    def __str__(self) -> str:
        """One line of the table; a different amount of output is no better speed."""
        same, other = self.first[0].amount, self.second[0].amount
        differs = "" if same == other else f"  other output: {same:,} and {other:,}"
        return (
            f"{self.corpus} {self.part:8}{min(self.first).seconds:10.3f}{min(self.second).seconds:10.3f}"
            f"{self.best:8.3f}{self.median:9.3f}{len(self.first):8}{differs}"
        )


class Side:
    """A revision's process. Stops the comparison where it would measure another wlf than that of `root`."""

    def __init__(self, root: Path, compiled: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"}
        # Both start without a byte compiled, and nothing is left behind in the working tree.
        environment["PYTHONPYCACHEPREFIX"] = str(compiled)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        argv = [sys.executable, str(DRIVER)]
        self._process = subprocess.Popen(
            argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        found = str(self._answer())
        if not Path(found).is_relative_to(root):
            self.close()
            raise SystemExit(f"expected wlf of {root}, got {found}")

    def do(self, part: str, path: Path) -> Pass:
        """One pass."""
        assert self._process.stdin is not None
        print(part, path, file=self._process.stdin, flush=True)
        return Pass(*self._answer())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the revision cannot be measured: see the error above")
        return json.loads(line)


def check_out(revision: str, folder: Path) -> Path:
    """The files of a revision, in a folder of their own."""
    folder.mkdir()
    packed = subprocess.run(["git", "-C", ROOT, "archive", revision, "wlf"], check=True, capture_output=True).stdout
    subprocess.run(["tar", "x", "-C", folder], input=packed, check=True)
    return folder


def compare(sides: tuple[Side, Side], name: str, path: Path, part: str, rounds: int, seconds: float) -> Figure:
    """Turns until there are so many and either revision has worked so long; who begins alternates."""
    taken: tuple[list[Pass], list[Pass]] = [], []
    for side in sides:
        side.do(part, path)  # for the caches of files, and of what Python compiles
    while len(taken[0]) < rounds or sum(one.seconds for one in taken[0]) < seconds:
        for which in (0, 1) if len(taken[0]) % 2 == 0 else (1, 0):
            taken[which].append(sides[which].do(part, path))
    return Figure(name, part, *taken)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", metavar="REV", help="what is compared with")
    parser.add_argument("second", metavar="REV", nargs="?", help="default: the working tree")
    parser.add_argument("--only", default=",".join(NAMES), help="corpora, such as A,C")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=3, help="turns at least")
    parser.add_argument("--seconds", type=float, default=1.5, help="CPU time at least, for a part, corpus and revision")
    parser.add_argument("--megabytes", type=int, default=MEGABYTES, help="of each corpus from its beginning; 0: all")
    parser.add_argument("--checksums", action="store_true", help="the corpora with checksums")
    options = parser.parse_args(arguments)
    checksum = "CRC32" if options.checksums else "NONE"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        first = check_out(options.first, folder / "first")
        second = ROOT if options.second is None else check_out(options.second, folder / "second")
        sides = Side(first, folder / "first-compiled"), Side(second, folder / "second-compiled")
        for side in sides:
            stack.callback(side.close)
        print(f"CPU seconds{options.first[:9]:>9}{(options.second or 'here')[:9]:>10}    best   median   turns")
        for name in options.only.split(","):
            for part in options.parts.split(","):
                size = options.megabytes * (RUN_FACTOR if part == "run" else 1) << 20
                path = beginning(corpus(name, checksum), size, folder)
                print(compare(sides, name, path, part, options.rounds, options.seconds), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
