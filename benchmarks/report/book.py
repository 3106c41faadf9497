"""The results of a run as they are kept in a file, and how they are looked up."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from benchmarks.result import Result

OURS = "wlf"
DOES_NOT = "it does not do this"
"""Why a contender has no figures where that is nothing to wonder about: such results are not shown."""


class Book(msgspec.Struct, kw_only=True):
    """All results with the machine they are from. A newer result takes the place of the older one."""

    machine: str
    versions: dict[str, str] = {}
    """Of the contenders, by name."""
    results: list[Result] = []

    def add(self, results: Iterable[Result]) -> None:
        """Take results in; each keeps the place of the one that it replaces."""
        places = {_key(result): index for index, result in enumerate(self.results)}
        for result in results:
            index = places.setdefault(_key(result), len(self.results))
            self.results[index : index + 1] = [result]

    def find(self, suite: str, case: str, input: str, who: str = OURS) -> Result | None:
        """A result with figures."""
        for result in self.results:
            if (result.suite, result.case, result.input, result.who) == (suite, case, input, who):
                return None if result.missing else result
        return None

    def beside(self, suite: str, case: str, input: str) -> list[Result]:
        """What others did in one case with one input; what they do not do is left out."""
        return [
            result
            for result in self.results
            if (result.suite, result.case, result.input) == (suite, case, input)
            and result.who != OURS
            and result.missing != DOES_NOT
        ]

    def cases(self, *suites: str) -> Iterator[tuple[str, str, str]]:
        """Each suite, case and input once, in the order of the results."""
        yield from dict.fromkeys((r.suite, r.case, r.input) for r in self.results if r.suite in suites and r.case)

    def absent(self) -> dict[str, str]:
        """Who has no figures anywhere although it was asked for, and why."""
        there = {result.who for result in self.results if not result.missing}
        return {
            result.who: result.missing
            for result in self.results
            if result.who not in there and result.missing not in ("", DOES_NOT)
        }


def _key(result: Result) -> tuple[str, str, str, str]:
    return result.suite, result.case, result.input, result.who


def speed(result: Result) -> float:
    """Events a second, a CPU second where no wall time was taken."""
    if result.seconds:
        return result.events_per_second
    return result.events / result.cpu_seconds if result.cpu_seconds else 0.0


def times(ours: Result, other: Result) -> float:
    """How many times as fast ours is; 0 where the other has no figures."""
    return speed(ours) / speed(other) if speed(other) else 0.0


def machine() -> str:
    """What it was measured on."""
    told = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in told if "model name" in line), platform.processor())
    return f"{os.cpu_count()} cores of {model}, {_python()}"


def _python() -> str:
    """Distributions build theirs with profiles, and it is a fifth faster than a plain build."""
    version = f"Python {platform.python_version()}"
    return f"{version} of {platform.freedesktop_os_release()['NAME']}" if sys.base_prefix == "/usr" else version


def load(path: Path) -> Book:
    """The results in a file; none, of this machine, where there is no such file."""
    if not path.is_file():
        return Book(machine=machine())
    return msgspec.json.decode(path.read_bytes(), type=Book)


def save(book: Book, path: Path) -> None:
    """One result a line, so that a change is seen where it is."""
    lines = [msgspec.json.encode(result).decode() for result in book.results]
    head = msgspec.json.encode({"machine": book.machine, "versions": book.versions}).decode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{head[:-1]},"results":[\n' + ",\n".join(lines) + "\n]}\n")
