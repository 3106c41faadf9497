"""Contenders against each other: the same corpora into the same sinks, in turn, in one run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.contender import BinlogSource, ContainerSource, Contender, FileSource, Source
from benchmarks.end_to_end.expected import Expected
from benchmarks.end_to_end.race import NOT_ITS_JOB, race
from benchmarks.end_to_end.receivers.base import Receiver
from benchmarks.end_to_end.servers import Servers
from benchmarks.end_to_end.source import filled
from benchmarks.result import Result

_KINDS = {BinlogSource: "binlog", FileSource: "file", ContainerSource: "Docker"}


class Input(NamedTuple):
    """What is moved: its name for the tables, where it is, and what must come of it."""

    name: str
    source: Source
    expected: Expected


def run(
    contenders: Sequence[Contender],
    corpora: Sequence[str],
    sinks: Sequence[str] | Mapping[str, Sequence[str]],
    *,
    limit: int | None = None,
    rounds: int = 1,
    suite: str = "end to end",
) -> Iterator[Result]:
    """Every contender with every corpus and sink; `sinks` are names of `servers.SINKS`, the same for all corpora or by
    corpus. `limit`: at least so many row changes of a corpus in place of all."""
    with tempfile.TemporaryDirectory() as name, Servers(Path(name)) as servers:
        receivers: dict[str, Receiver] = {}
        for corpus in corpora:
            with filled(corpus, Path(name), limit) as (source, expected):
                for sink in sinks[corpus] if isinstance(sinks, Mapping) else sinks:
                    receiver = receivers.setdefault(sink, servers.receiver(sink))
                    given = Input(corpus, source, expected)
                    yield from compare(contenders, given, receiver, Path(name) / "race", rounds=rounds, suite=suite)


def compare(
    contenders: Sequence[Contender],
    given: Input,
    receiver: Receiver,
    folder: Path,
    *,
    rounds: int = 1,
    suite: str = "end to end",
) -> list[Result]:
    """One input into one receiver, the contenders that do this in turn.

    Of several rounds the one with the least CPU time, its start aside, counts, with the losses and duplicates of all.
    """
    case = f"{_KINDS[type(given.source)]} -> {receiver.title}"
    tried: dict[str, list[Result]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            before = tried[contender.name]
            if not before or not before[-1].missing:
                before.append(
                    race(
                        contender,
                        given.source,
                        receiver,
                        given.expected,
                        folder,
                        case=case,
                        input=given.name,
                        suite=suite,
                    )
                )
    return [best(results) for results in tried.values() if results[0].missing != NOT_ITS_JOB]


def best(results: Sequence[Result]) -> Result:
    """The one with the least CPU time, its start aside, with the losses and duplicates of all; or a failure."""
    for result in results:
        if result.missing:
            return result
    least = min(results, key=lambda result: result.moving_cpu_per_million)
    lost, duplicates = sum(r.lost for r in results), sum(r.duplicates for r in results)
    peak = max(r.peak_rss_mb for r in results)
    return msgspec.structs.replace(least, lost=lost, duplicates=duplicates, peak_rss_mb=peak)
