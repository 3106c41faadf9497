"""The suite of wlf alone: backlogs into every sink, a writer beside it, latency, log files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from benchmarks.contender import Contender
from benchmarks.end_to_end import latency
from benchmarks.end_to_end.lines import log_file
from benchmarks.end_to_end.live import keep_up, live_server
from benchmarks.end_to_end.matrix import Input, best, compare
from benchmarks.end_to_end.servers import Servers
from benchmarks.end_to_end.source import filled
from benchmarks.peers.wlf import Wlf
from benchmarks.result import Result
from tests.servers.mysql import MySQL

REDIS = ("redis-publish", "redis-lpush", "redis-rpush", "redis-xadd")
BACKLOGS: tuple[tuple[str, int | None, tuple[str, ...]], ...] = (
    ("A", None, ("kafka", *REDIS, "file")),
    ("A", 100_000, ("search", "mirror")),
    ("B", None, ("kafka", "file")),
    ("C", None, ("kafka", "file")),
    ("C", 50_000, ("mirror",)),
    ("D", None, ("kafka-12", "all")),
)
"""Corpus, row changes of it (None: all), sinks. The search server is slow, and gets less."""
QUICK_BACKLOGS: tuple[tuple[str, int | None, tuple[str, ...]], ...] = (
    ("A", 50_000, ("kafka", "redis-xadd", "file")),
    ("C", 20_000, ("kafka",)),
)
FAN_OUTS, QUICK_FAN_OUTS = (("A", 100_000), ("C", 50_000)), (("A", 50_000),)
FAN_OUT_ROUNDS, QUICK_FAN_OUT_ROUNDS = 2, 1
LIVE, QUICK_LIVE = ((1_000, 10_000), (0, 60_000)), ((1_000, 3_000),)
"""Transactions a second, 0 for as many as go, and how many."""
RATES, QUICK_RATES = ((100, 1), (1_000, 3), (5_000, 1)), ((1_000, 1),)
"""Transactions a second, and rounds."""
LATENCY_S, QUICK_LATENCY_S = 6.0, 4.0
LOG_LINES, QUICK_LOG_LINES = 1_000_000, 100_000


class Scene:
    """The servers of a run, and one MySQL at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contenders: list[Contender] = [Wlf()]
        self.servers = Servers(folder)
        self._source: AbstractContextManager[Any] | None = None
        self._wanted: object = None
        self._given: Any = None

    def backlog(self, corpus: str, limit: int | None) -> Input:
        """A server with a corpus, whole or cut."""
        held = self._one(("corpus", corpus, limit), lambda: filled(corpus, self.folder, limit))
        name = corpus if limit is None else f"{corpus}, {limit:,} rows"
        return Input(name, held.source, held.expected)

    def live(self) -> MySQL:
        """A server for a writer."""
        server: MySQL = self._one("live", lambda: live_server(self.folder))
        return server

    @property
    def race(self) -> Path:
        """Where a run has its files."""
        return self.folder / "race"

    def _one(self, wanted: object, make: Callable[[], AbstractContextManager[Any]]) -> Any:
        if self._wanted != wanted:
            self._leave()
            self._source = make()
            self._given, self._wanted = self._source.__enter__(), wanted
        return self._given

    def _leave(self) -> None:
        if self._source is not None:
            self._source.__exit__(None, None, None)
            self._source = self._wanted = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._leave()
        self.servers.__exit__(kind, error, at)


class Step(NamedTuple):
    """One part of the suite."""

    name: str
    run: Callable[[Scene], Iterator[Result]]


def steps(*, quick: bool) -> list[Step]:
    """All of them, in an order in which no server is started twice."""
    found = [
        Step(f"backlog {corpus} {sink}", partial(_backlog, corpus, limit, sink))
        for corpus, limit, sinks in (QUICK_BACKLOGS if quick else BACKLOGS)
        for sink in sinks
    ]
    fan_outs, rounds = (QUICK_FAN_OUTS, QUICK_FAN_OUT_ROUNDS) if quick else (FAN_OUTS, FAN_OUT_ROUNDS)
    found += [Step(f"fan-out {corpus}", partial(_fan_out, corpus, limit, rounds)) for corpus, limit in fan_outs]
    found += [
        Step(f"live {rate or 'full'} {sink}", partial(_live, rate, count, sink))
        for rate, count in (QUICK_LIVE if quick else LIVE)
        for sink in ("kafka", "all")
    ]
    seconds, lines = (QUICK_LATENCY_S, QUICK_LOG_LINES) if quick else (LATENCY_S, LOG_LINES)
    rates = QUICK_RATES if quick else RATES
    found += [Step(f"latency {rate}", partial(_latency, rate, seconds, rounds)) for rate, rounds in rates]
    found += [Step(f"lines {sink}", partial(_lines, lines, sink)) for sink in ("kafka", "file")]
    if find_spec("tests.servers.docker") is not None:
        found.append(Step("lines docker", partial(_container, lines)))
    return found


def _backlog(corpus: str, limit: int | None, sink: str, scene: Scene) -> Iterator[Result]:
    given, receiver = scene.backlog(corpus, limit), scene.servers.receiver(sink)
    yield from compare(scene.contenders, given, receiver, scene.race)


def _fan_out(corpus: str, limit: int, rounds: int, scene: Scene) -> Iterator[Result]:
    """Kafka alone and all three at once in turn: what the other two cost beside it."""
    given = scene.backlog(corpus, limit)
    receivers = [scene.servers.receiver(sink) for sink in ("kafka", "all")]
    for contender in scene.contenders:
        tried: list[list[Result]] = [[], []]
        for _ in range(rounds):
            for results, receiver in zip(tried, receivers, strict=True):
                results += compare([contender], given, receiver, scene.race)
        yield from against_first([best(results) for results in tried])


def against_first(results: list[Result]) -> list[Result]:
    """With the ratio of CPU time to that of the first result as a note of the others."""
    first, *others = results
    if first.missing:
        return results
    noted = []
    for other in others:
        moving, whole = (
            other.moving_cpu_per_million / first.moving_cpu_per_million,
            other.cpu_seconds / first.cpu_seconds,
        )
        note = f"{moving:.2f} x the CPU time of the line before, with start {whole:.2f} x"
        noted.append(other if other.missing else msgspec.structs.replace(other, note=note))
    return [first, *noted]


def _live(rate: int, count: int, sink: str, scene: Scene) -> Iterator[Result]:
    receiver = scene.servers.receiver(sink)
    for contender in scene.contenders:
        yield keep_up(contender, scene.live(), receiver, scene.race, count=count, rate=rate).result


def _latency(rate: int, seconds: float, rounds: int, scene: Scene) -> Iterator[Result]:
    kafka, server = scene.servers.kafka, scene.live()
    yield from latency.measure(scene.contenders, server, kafka, scene.race, rate=rate, seconds=seconds, rounds=rounds)


def _container(lines: int, scene: Scene) -> Iterator[Result]:
    from benchmarks.end_to_end.container import container

    with container(scene.folder / "engine", lines) as given:
        yield from compare(scene.contenders, given, scene.servers.receiver("file"), scene.race)


def _lines(lines: int, sink: str, scene: Scene) -> Iterator[Result]:
    given = log_file(scene.folder / "lines.log", lines)
    yield from compare(scene.contenders, given, scene.servers.receiver(sink), scene.race)
