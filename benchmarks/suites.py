"""What `python -m benchmarks` runs, in steps: the figures of wlf itself, and those beside other programs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.bench_decode import BEYOND_THE_PEER, FLOORS, measure
from benchmarks.bench_replay import RSS_LIMIT_MB, Replay, long_transaction, many_files
from benchmarks.corpus import CHECKSUMS, NAMES, corpus
from benchmarks.loads import LOADS
from benchmarks.report.book import OURS, Book, times
from benchmarks.report.targets import DECODE, DECODED, PEERS
from benchmarks.result import Result

NOTES = {"mysql-replication": "decodes only", "mysqlbinlog": "prints text"}
SHOWN = {"mysqlbinlog": "mysqlbinlog -v"}
RACES = {"A": ("kafka", "file"), "B": ("kafka", "file"), "C": ("kafka", "file"), "D": ("kafka-12",)}
"""Sinks by corpus, for the comparison."""
LOG_LINES, QUICK_LOG_LINES = 1_000_000, 50_000
QUICK_ROWS = 20_000


class Step(NamedTuple):
    """One part of a run; its results come as they are measured."""

    name: str
    run: Callable[[], Iterator[Result]]


def ours(stack: ExitStack, *, rounds: int, quick: bool) -> list[Step]:
    """wlf: decoding, files, and all ways from end to end where that suite is there."""
    checksums = CHECKSUMS[:1] if quick else CHECKSUMS
    steps = [
        Step(f"decode {name} {how}", partial(decode, name, how, rounds)) for name, how in product(NAMES, checksums)
    ]
    if not quick:
        steps += [Step("replay files", partial(_replay, many_files))]
        steps += [Step("replay transaction", partial(_replay, long_transaction))]
    return [*steps, *_end_to_end(stack, quick=quick)]


def _is_there(module: str) -> bool:
    """Is this part of the benchmarks, or what it needs, in this checkout?"""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _end_to_end(stack: ExitStack, *, quick: bool) -> list[Step]:
    if not _is_there("benchmarks.end_to_end"):
        return []
    from benchmarks.end_to_end.suite import Scene, steps

    scene: list[Any] = []  # made by the first step that needs it

    def run(step: Any) -> Iterator[Result]:
        if not scene:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            scene.append(stack.enter_context(Scene(folder)))
        yield from step.run(scene[0])

    return [Step(step.name, partial(run, step)) for step in steps(quick=quick)]


def decode(name: str, checksum: str, rounds: int) -> Iterator[Result]:
    """A binlog file in memory, in CPU seconds of each program in turn."""
    path = corpus(name, checksum)
    best = measure(name, checksum, rounds)
    if name in BEYOND_THE_PEER:
        best["mysql-replication"] = 0.0
    for who, seconds in best.items():
        yield Result(
            suite=DECODE,
            case=DECODED,
            who=SHOWN.get(who, who),
            input=name if checksum == "NONE" else f"{name}, checksums",
            events=LOADS[name].changes() if seconds else 0,
            cpu_seconds=round(seconds, 4),
            megabytes=round(path.stat().st_size / 1e6, 1),
            note=NOTES.get(who, ""),
            missing="" if seconds else "it leaves compressed transactions out",
        )


def _replay(work: Callable[[], Replay]) -> Iterator[Result]:
    found = work()
    yield Result(
        suite="replay",
        case="binlog files -> file of JSON lines",
        who=OURS,
        input=found.what,
        events=found.lines,
        cpu_seconds=round(found.seconds, 2),
        megabytes=round(found.megabytes, 1),
        peak_rss_mb=found.peak_rss_mb,
        lost=found.rows - found.lines,
    )


def peers(stack: ExitStack, *, rounds: int, quick: bool) -> list[Step]:
    """wlf and every peer with the same corpora and sinks; what is missing says so."""
    if not (_is_there("benchmarks.peers.every") and _is_there("benchmarks.end_to_end")):
        return []
    from benchmarks.peers.every import MISSING
    from benchmarks.peers.every import PEERS as FOUND
    from benchmarks.peers.wlf import Wlf, WlfByApi

    contenders = [Wlf(), *FOUND.values()]
    limit = QUICK_ROWS if quick else None
    steps = [
        Step(f"{name} {sink}", partial(_race, contenders, name, sink, limit, rounds))
        for name, sinks in RACES.items()
        for sink in sinks
    ]
    lines = QUICK_LOG_LINES if quick else LOG_LINES
    steps += [Step(f"lines {sink}", partial(_lines, contenders, lines, sink, rounds)) for sink in ("file", "kafka")]
    if _is_there("tests.servers.docker"):
        steps.append(Step("lines docker", partial(_container, [*contenders, WlfByApi()], lines, rounds)))
    steps.append(Step("missing", lambda: (_missing(who, why) for who, why in MISSING.items())))
    return steps


def versions() -> dict[str, str]:
    """Of the peers that are installed."""
    if not _is_there("benchmarks.peers.every"):
        return {}
    from benchmarks.peers.every import PEERS as FOUND

    return {name: version for name, peer in FOUND.items() if (version := peer.version())}


def _race(contenders: Sequence[Any], name: str, sink: str, limit: int | None, rounds: int) -> Iterator[Result]:
    from benchmarks.end_to_end.matrix import run

    yield from run(contenders, [name], [sink], limit=limit, rounds=rounds, suite=PEERS)


def _lines(contenders: Sequence[Any], lines: int, sink: str, rounds: int) -> Iterator[Result]:
    from benchmarks.end_to_end.lines import log_file
    from benchmarks.end_to_end.matrix import compare
    from benchmarks.end_to_end.servers import Servers

    with tempfile.TemporaryDirectory() as name, Servers(Path(name)) as servers:
        folder = Path(name)
        given = log_file(folder / "lines.log", lines)
        receiver = servers.receiver(sink)
        yield from compare(contenders, given, receiver, folder / "race", rounds=rounds, suite=PEERS)


def _container(contenders: Sequence[Any], lines: int, rounds: int) -> Iterator[Result]:
    from benchmarks.end_to_end.container import container
    from benchmarks.end_to_end.matrix import compare
    from benchmarks.end_to_end.receivers.file import FileReceiver

    with tempfile.TemporaryDirectory() as name, container(Path(name) / "engine", lines) as given:
        yield from compare(contenders, given, FileReceiver(), Path(name) / "race", rounds=rounds, suite=PEERS)


def _missing(who: str, why: str) -> Result:
    return Result(suite=PEERS, case="", who=who, missing=why)


def problems(book: Book, fresh: Sequence[Result]) -> list[str]:
    """What of the fresh results must not be: too slow, too large, something lost."""
    mine = [result for result in fresh if result.who == OURS]
    found = [f"{r.case}, {r.input}: {r.peak_rss_mb:.0f} MB" for r in mine if r.peak_rss_mb > RSS_LIMIT_MB]
    found += [f"{r.case}, {r.input}: {r.lost} lost" for r in mine if r.lost]
    found += [f"{r.case}, {r.input}: {r.missing}" for r in mine if r.missing]
    for result in mine:
        if result.suite == DECODE and result.input in FLOORS:
            for who, floor in zip(("mysql-replication", "mysqlbinlog -v"), FLOORS[result.input], strict=True):
                other = book.find(DECODE, DECODED, result.input, who)
                if other is not None and times(result, other) < floor:
                    found.append(f"{result.input}: {times(result, other):.2f} of {who}, expected {floor}")
    return found
