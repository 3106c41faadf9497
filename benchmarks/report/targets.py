"""What the figures are to be, beside what they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.report.book import OURS, Book, times
from benchmarks.result import Result

DECODE, DECODED = "decode", "decode + JSON"
PEERS, E2E, LATENCY = "peers", "end to end", "latency"
KAFKA, KEYED, FILE = "binlog -> Kafka", "binlog -> Kafka, 12 partitions", "binlog -> file"
LINES, LINES_TO_FILE, CONTAINER = "file -> Kafka", "file -> file", "Docker -> file"
LOGS = (LINES_TO_FILE, LINES, CONTAINER)
"""What is done with log lines: tables of its own."""
LINES_INPUT = "150-byte lines"
ALL_AT_ONCE = "binlog -> Kafka + "
DEBEZIUM = ("Debezium engine", "Debezium Server")
ECHO = "aiokafka echo"
RSS_LIMIT_MB = 150
MEMORY_SHARE = 0.25
ALL_LIMIT = 2.2
LATENCY_RATE = "1,000 tx/s"
LATENCY_MARGIN_MS = 10.0


class Reached(NamedTuple):
    """One figure. `holds` is None where nothing was measured."""

    what: str
    target: str
    reached: str
    holds: bool | None

    @property
    def verdict(self) -> str:
        """For the table."""
        return {True: "yes", False: "no", None: ""}[self.holds]


def _beside(
    book: Book, what: str, suite: str, case: str, least: dict[str, float], who: tuple[str, ...]
) -> Iterator[Reached]:
    """Speed as a multiple of the fastest of `who`, by input."""
    for input, target in least.items():
        ours = book.find(suite, case, input)
        others = [found for name in who if ours is not None and (found := book.rival(ours, name)) is not None]
        if ours is None or not others:
            why = _why(book, who) if ours is not None else ""
            yield Reached(f"{what}, {input}", f"{target:g} x", f"not measured{why}", None)
            continue
        ratio = min(times(ours, other) for other in others)
        yield Reached(f"{what}, {input}", f"{target:g} x", f"{ratio:.2f} x", ratio >= target)


def _why(book: Book, who: tuple[str, ...]) -> str:
    absent = book.absent()
    reasons = [absent[name] for name in who if name in absent]
    return f": {reasons[0]}" if reasons else ""


def _memory(book: Book) -> Iterator[Reached]:
    """Beside Debezium's, in the same cases."""
    pairs = [
        (ours, other)
        for case, inputs in ((KAFKA, "ABC"), (KEYED, "D"))
        for input in inputs
        if (ours := book.find(PEERS, case, input)) is not None
        for name in DEBEZIUM
        if (other := book.rival(ours, name)) is not None and other.peak_rss_mb
    ]
    what, target = "binlog -> Kafka, peak RSS as a share of Debezium's", f"at most {MEMORY_SHARE:g}"
    if not pairs:
        yield Reached(what, target, "not measured", None)
        return
    share = max(ours.peak_rss_mb / other.peak_rss_mb for ours, other in pairs)
    yield Reached(what, target, f"{share:.2f}", share <= MEMORY_SHARE)


def _all_at_once(book: Book) -> Iterator[Reached]:
    """CPU seconds of wlf with three sinks, beside Kafka alone; the start is left out where it was told apart."""
    found = False
    for result in book.results:
        if result.suite != E2E or not result.case.startswith(ALL_AT_ONCE) or result.who != OURS or result.missing:
            continue
        alone = book.find(E2E, KAFKA, result.input) or book.find(E2E, KEYED, result.input)
        if alone is None or result.case.endswith("live") or alone.machine != result.machine:
            continue
        ratio = _cpu(result) / _cpu(alone)
        found = True
        what = f"CPU of wlf with {result.case.removeprefix('binlog -> ')}, beside Kafka alone, {result.input}"
        yield Reached(what, f"at most {ALL_LIMIT:g} x", f"{ratio:.2f} x", ratio <= ALL_LIMIT)
    if not found:
        yield Reached(
            "CPU of wlf with three sinks, beside Kafka alone", f"at most {ALL_LIMIT:g} x", "not measured", None
        )


def _cpu(result: Result) -> float:
    return (result.cpu_seconds - getattr(result, "start_cpu_seconds", 0.0)) / result.events


def _latency(book: Book) -> Iterator[Reached]:
    measured = {
        result.who: result
        for result in book.results
        if result.suite == LATENCY and result.input == LATENCY_RATE and not result.missing
    }
    found = {
        who: result.p99_ms for who, result in measured.items() if result.machine == measured.get(OURS, result).machine
    }
    what = f"p99 from commit to readable in Kafka at {LATENCY_RATE}"
    target = f"a bare client's + {LATENCY_MARGIN_MS:g} ms"
    if OURS not in found or ECHO not in found:
        yield Reached(what, target, "not measured", None)
        return
    limit = found[ECHO] + LATENCY_MARGIN_MS
    reached = f"{found[OURS]:.1f} ms, the bare client's {found[ECHO]:.1f} ms"
    yield Reached(what, target, reached, found[OURS] <= limit)


def _peak(book: Book) -> Iterator[Reached]:
    peaks = [(r.peak_rss_mb, f"{r.case}, {r.input}") for r in book.results if r.who == OURS and r.peak_rss_mb]
    what, target = "peak RSS in any of these", f"under {RSS_LIMIT_MB} MB"
    if not peaks:
        yield Reached(what, target, "not measured", None)
        return
    most, where = max(peaks)
    yield Reached(what, target, f"{most:.0f} MB ({where})", most < RSS_LIMIT_MB)


_SPEEDS: tuple[tuple[str, str, str, dict[str, float], tuple[str, ...]], ...] = (
    ("decode + JSON / `mysqlbinlog -v`", DECODE, DECODED, {"A": 1.0, "B": 0.6, "C": 1.3}, ("mysqlbinlog -v",)),
    (
        "decode + JSON / mysql-replication, which only decodes",
        DECODE,
        DECODED,
        {"A": 10.0, "B": 12.0, "C": 30.0},
        ("mysql-replication",),
    ),
    ("binlog -> file / rivet", PEERS, FILE, {"A": 2.5, "B": 1.5, "C": 8.0}, ("rivet",)),
    ("binlog -> Kafka / Debezium", PEERS, KAFKA, {"A": 6.0, "B": 4.0, "C": 4.0}, DEBEZIUM),
    ("binlog -> Kafka, keyed, 12 partitions / Debezium", PEERS, KEYED, {"D": 4.0}, DEBEZIUM),
    ("binlog -> Kafka / Maxwell", PEERS, KAFKA, {"A": 6.0, "B": 4.0, "C": 4.0}, ("Maxwell",)),
    ("file -> Kafka / rsyslog", PEERS, LINES, {LINES_INPUT: 1.5}, ("rsyslog",)),
    ("file -> Kafka / syslog-ng", PEERS, LINES, {LINES_INPUT: 4.0}, ("syslog-ng",)),
)
"""What, where it is found, the least ratio by input, and beside whom; of several, the fastest counts."""


def reached(book: Book) -> list[Reached]:
    """All targets."""
    found = [row for what, suite, case, least, who in _SPEEDS for row in _beside(book, what, suite, case, least, who)]
    return [*found, *_memory(book), *_all_at_once(book), *_latency(book), *_peak(book)]
