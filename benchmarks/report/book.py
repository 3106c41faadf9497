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
    """All results with the machine they are from. A newer result takes the place of the older one.

    Figures of two machines are not to be compared: a result that is from another one than most says so, stays as it
    is, and stands beside none but those of the same machine.
    """

    machine: str
    """That of the newest results."""
    versions: dict[str, str] = {}
    """Of the contenders, by name."""
    results: list[Result] = []

    def add(self, results: Iterable[Result]) -> None:
        """Take results in; each keeps the place of the one that it replaces."""
        places = {_key(result): index for index, result in enumerate(self.results)}
        for result in results:
            index = places.setdefault(_key(result), len(self.results))
            self.results[index : index + 1] = [result]

    def move_to(self, machine: str) -> None:
        """What is added from now on is from this machine; what is there already keeps its own."""
        before, self.machine = self.machine, machine
        if before != machine:
            self.results = [_said(result, result.machine or before, machine) for result in self.results]

    def merge(self, other: Book) -> None:
        """Take in what another book holds; what it does not hold stays."""
        self.move_to(other.machine)
        self.add(other.results)
        self.versions.update(other.versions)

    def machines(self) -> list[str]:
        """All machines, that of the newest results first."""
        return list(dict.fromkeys([self.machine, *(result.machine or self.machine for result in self.results)]))

    def find(self, suite: str, case: str, input: str, who: str = OURS) -> Result | None:
        """A result with figures."""
        for result in self.results:
            if (result.suite, result.case, result.input, result.who) == (suite, case, input, who):
                return None if result.missing else result
        return None

    def rival(self, ours: Result, who: str) -> Result | None:
        """What another one did of the same on the same machine."""
        found = self.find(ours.suite, ours.case, ours.input, who)
        return found if found is not None and found.machine == ours.machine else None

    def beside(self, suite: str, case: str, input: str) -> list[Result]:
        """What others did in one case with one input, on the machine on which wlf did; what they do not do is left
        out."""
        ours = self.find(suite, case, input)
        return [
            result
            for result in self.results
            if (result.suite, result.case, result.input) == (suite, case, input)
            and result.who != OURS
            and result.missing != DOES_NOT
            and (ours is None or result.machine == ours.machine)
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


def _said(result: Result, measured_on: str, usual: str) -> Result:
    return msgspec.structs.replace(result, machine="" if measured_on == usual else measured_on)


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
