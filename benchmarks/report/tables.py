"""Results as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks.loads import LOADS
from benchmarks.report.book import DOES_NOT, OURS, Book, speed, times
from benchmarks.report.targets import DECODE, E2E, LATENCY, PEERS, reached
from benchmarks.result import Result

NOTHING = ""


def inputs() -> str:
    """The letters."""
    return rows(
        ("", "what is in it", "row changes"), [(n, load.what, f"{load.changes():,}") for n, load in LOADS.items()]
    )


def targets(book: Book) -> str:
    """Target and reached."""
    lines = [(_escaped(r.what), r.target, _escaped(r.reached), r.verdict) for r in reached(book)]
    return rows(("what, input", "target", "reached", "holds"), lines)


def comparison(book: Book, *suites: str, is_meant: Callable[[str], bool] = lambda case: True) -> str:
    """wlf with its figures, and how many times as fast it is as each other, a line for each case and input."""
    lines = []
    for suite, case, input in book.cases(*suites):
        ours = book.find(suite, case, input)
        if ours is not None and is_meant(case):
            beside = "; ".join(_beside(ours, other) for other in book.beside(suite, case, input))
            lines.append((case + _mark_of(book, ours), input, *_figures(ours), beside))
    return rows(("what", "input", "events/s", "CPU s a million", "peak RSS", "times as fast as"), lines)


def _beside(ours: Result, other: Result) -> str:
    if not speed(other):
        return f"{other.who}: none"
    return f"{other.who} **{_ratio(times(ours, other))}**{_wrong(other)}"


def _wrong(result: Result) -> str:
    told = [f"{result.lost:,} lost"] * bool(result.lost) + [f"{result.duplicates:,} twice"] * bool(result.duplicates)
    return f" ({', '.join(told)})" if told else ""


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _figures(result: Result) -> tuple[str, str, str]:
    rate = f"{speed(result):,.0f}" if speed(result) else NOTHING
    rate += "" if result.seconds or not rate else " a CPU s"
    peak = f"{result.peak_rss_mb:.0f} MB" if result.peak_rss_mb else NOTHING
    return rate, f"{result.cpu_per_million:.1f}" if result.cpu_seconds else NOTHING, peak


def mark(number: int) -> str:
    """What stands at results of the second machine, the third ..."""
    return f"[{number}]"


def _mark_of(book: Book, result: Result) -> str:
    return f" {mark(book.machines().index(result.machine) + 1)}" if result.machine else ""


def everything(book: Book, suite: str) -> str:
    """All results of a suite, with losses and what could not be measured."""
    lines = []
    for result in book.results:
        if result.suite != suite or not result.case or result.missing == DOES_NOT:
            continue
        case = result.case + _mark_of(book, result)
        if result.missing:
            lines.append((case, result.input, result.who, *[NOTHING] * 5, f"none: {_escaped(result.missing)}"))
            continue
        wrong = f"{result.lost:,} / {result.duplicates:,}"
        rate, cpu, peak = _figures(result)
        latency = f"{result.p50_ms:.1f} / {result.p99_ms:.1f} ms" if result.p99_ms else NOTHING
        lines.append((case, result.input, result.who, rate, cpu, peak, wrong, latency, _escaped(result.note)))
    head = ("what", "input", "who", "events/s", "CPU s a million", "peak RSS", "lost / twice", "p50 / p99", "")
    return rows(head, lines)


def absent(book: Book) -> str:
    """Who has no figures, and why."""
    return rows(("not measured", "why"), [(who, _escaped(why)) for who, why in book.absent().items()])


def versions(book: Book) -> str:
    """Of what was measured."""
    return ", ".join(f"{who} {version}" for who, version in book.versions.items() if version)


def rows(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table without what no line has: columns that are empty throughout are left out."""
    found = list(lines)
    if not found:
        return "Nothing was measured yet."
    kept = [index for index in range(len(head)) if any(line[index] for line in found)]
    table = [head, ("---",) * len(head), *found]
    return "\n".join("| " + " | ".join(line[index] for index in kept) + " |" for line in table)


def _escaped(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


SUITES = {
    DECODE: "Decoding alone",
    PEERS: "Beside others",
    E2E: "End to end",
    LATENCY: "Latency",
    "replay": "From files",
}
"""The suites with their headings, in the order of the page."""
__all__ = ["OURS", "SUITES", "absent", "comparison", "everything", "inputs", "mark", "rows", "targets", "versions"]
