"""The chart: for each case a row of panels, one an input, with a bar for each program. Readable light and dark.

Bars of one panel share a scale; panels do not, for it is the ratios within one that count.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from benchmarks.report.book import OURS, Book, speed, times
from benchmarks.report.targets import (
    CONTAINER,
    DECODE,
    DECODED,
    FILE,
    KAFKA,
    KEYED,
    LINES,
    LINES_INPUT,
    LINES_TO_FILE,
    PEERS,
)
from benchmarks.result import Result

WIDTH, MARGIN, NAMES, GAP = 800, 24, 128, 16
LINE, BAR, COLUMNS = 20, 12, 3
SHARE = 0.52
"""Of a panel for the longest bar; the rest is for what stands behind it."""

_STYLE = """
text{font-family:-apple-system,"Segoe UI","Noto Sans","DejaVu Sans",Helvetica,Arial,sans-serif}
text{font-size:12px;fill:#1f2328}
.paper{fill:#ffffff;stroke:#d1d9e0}.title{font-size:17px;font-weight:600}.case{font-size:13px;font-weight:600}
.soft{fill:#59636e}.small{font-size:11px}.us{font-weight:600}.rule{stroke:#d1d9e0}
.ours{fill:#0969da}.peer{fill:#afb8c1}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.paper{fill:#0d1117;stroke:#3d444d}.soft{fill:#9198a1}
.rule{stroke:#3d444d}.ours{fill:#4493f8}.peer{fill:#545d68}}
"""
_INPUTS = {
    "A": "A: inserts of 1,000 rows",
    "B": "B: orders of 11 columns",
    "C": "C: single-row transactions",
    "D": "D: 200 tables in turn",
}


_LESS = {
    "mysqlbinlog -v": "mysqlbinlog -v is MySQL's own decoder, in C++, and prints text; it makes no JSON.",
    "mysql-replication": "mysql-replication is a library for Python; where decoding is compared, it only decodes.",
}
"""What is to be known of who does less than the others."""


class Group(NamedTuple):
    """A row of the chart."""

    title: str
    suite: str
    case: str
    inputs: tuple[str, ...]
    unit: str = "rows/s"


GROUPS = (
    Group("binlog → Kafka", PEERS, KAFKA, ("A", "B", "C")),
    Group("binlog → Kafka, keyed, 12 partitions", PEERS, KEYED, ("D",)),
    Group("binlog → file", PEERS, FILE, ("A", "B", "C")),
    Group("log file → Kafka", PEERS, LINES, (LINES_INPUT,), "lines/s"),
    Group("log file → file", PEERS, LINES_TO_FILE, (LINES_INPUT,), "lines/s"),
    Group("log of a container → file", PEERS, CONTAINER, (LINES_INPUT,), "lines/s"),
    Group("decoding a binlog file, wlf with JSON (rows a CPU second)", DECODE, DECODED, ("A", "B", "C"), "rows/s"),
)


class _Page:
    """SVG elements from the top down."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.y = MARGIN

    def text(self, x: float, y: float, text: str, classes: str = "", anchor: str = "start") -> None:
        """One line."""
        end = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(f'<text x="{x:g}" y="{y:g}" class="{classes}"{end}>{escape(text)}</text>')

    def bar(self, x: float, y: float, width: float, classes: str) -> None:
        """One bar."""
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{BAR}" rx="2" class="{classes}"/>')

    def rule(self) -> None:
        """A line from side to side."""
        self.parts.append(
            f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{self.y}" y2="{self.y}" class="rule" stroke-width="1"/>'
        )


def draw(book: Book, command: str) -> str:
    """The chart as an SVG text."""
    page = _Page()
    page.y += 12
    page.text(MARGIN, page.y, "Rows a second: wlf beside other programs, same data, same run", "title")
    page.y += LINE
    others = ", some on another machine" if len(book.machines()) > 1 else ""
    page.text(MARGIN, page.y, f"{command} on {book.machine}{others}", "soft")
    page.y += LINE - 3
    page.text(MARGIN, page.y, "Longer is faster. In brackets: beside wlf, so 0.5x is half as fast.", "soft small")
    page.y += LINE - 6
    drawn = [_group(page, book, group) for group in GROUPS if _has(book, group)]
    if not drawn:
        page.y += LINE
        page.text(MARGIN, page.y, "nothing was measured yet", "soft")
    _footer(page, book)
    height = page.y + MARGIN - 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        f' role="img" aria-label="Rows a second of wlf and of other programs">\n<style>{_STYLE}</style>\n'
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6" class="paper"/>\n'
        + "\n".join(page.parts)
        + "\n</svg>\n"
    )


def _has(book: Book, group: Group) -> bool:
    return any(book.find(group.suite, group.case, input) is not None for input in group.inputs)


def _group(page: _Page, book: Book, group: Group) -> None:
    """The case's title, and its panels side by side: the programs have the same line in all of them."""
    inputs = [input for input in group.inputs if book.find(group.suite, group.case, input) is not None]
    who = _lines(book, group, inputs)
    page.rule()
    page.y += LINE
    page.text(MARGIN, page.y, group.title, "case")
    left, width = MARGIN + NAMES, (WIDTH - 2 * MARGIN - NAMES - GAP * (COLUMNS - 1)) / COLUMNS
    if inputs != [LINES_INPUT]:
        page.y += LINE - 2
        for column, input in enumerate(inputs):
            page.text(left + column * (width + GAP), page.y, _INPUTS.get(input, input), "soft small")
    top = page.y + 8
    for line, name in enumerate(who):
        is_ours = name == OURS
        page.text(left - 10, top + line * LINE + BAR - 1, name, "us" if is_ours else "", "end")
    for column, input in enumerate(inputs):
        _panel(page, book, group, input, who, left + column * (width + GAP), top, width)
    page.y = top + len(who) * LINE + 2


def _lines(book: Book, group: Group, inputs: Sequence[str]) -> list[str]:
    """wlf and then the others that were tried here, the fastest first."""
    best: dict[str, float] = {}
    for input in inputs:
        for other in book.beside(group.suite, group.case, input):
            best[other.who] = max(best.get(other.who, 0.0), speed(other))
    return [OURS, *sorted(best, key=lambda name: -best[name])]


def _panel(
    page: _Page, book: Book, group: Group, input: str, who: Sequence[str], x: float, top: float, width: float
) -> None:
    """The bars of one input."""
    ours = book.find(group.suite, group.case, input)
    assert ours is not None
    others = {other.who: other for other in book.beside(group.suite, group.case, input)}
    most = max([speed(ours), *map(speed, others.values())])
    for line, name in enumerate(who):
        y = top + line * LINE
        result = ours if name == OURS else others.get(name)
        if result is None or not speed(result):
            page.text(x, y + BAR - 1, "-" if result is None else "none", "soft small")
            continue
        length = max(1.5, width * SHARE * speed(result) / most)
        page.bar(x, y, length, "ours" if name == OURS else "peer")
        page.text(x + length + 6, y + BAR - 1, _label(ours, result, group.unit), f"small {'us' * (name == OURS)}")


def _label(ours: Result, result: Result, unit: str) -> str:
    rate = _short(speed(result))
    if result is ours:
        return f"{rate} {unit}"
    ratio = 1 / times(ours, result)
    return f"{rate} ({ratio:.2f}x)" if ratio >= 0.095 else f"{rate} ({ratio:.3f}x)"


def _short(rate: float) -> str:
    if rate >= 999_500:
        return f"{rate / 1e6:.2f} M"
    return f"{rate / 1e3:.0f} k" if rate >= 9_950 else f"{rate / 1e3:.1f} k"


def _footer(page: _Page, book: Book) -> None:
    notes = [f"Not measured, for they could not be had: {', '.join(absent)}."] if (absent := book.absent()) else []
    shown = {(group.suite, group.case) for group in GROUPS}
    lossy = dict.fromkeys(r.who for r in book.results if r.lost and (r.suite, r.case) in shown)
    notes += [f"Lost some of the events: {', '.join(lossy)}."] if lossy else []
    told = {r.who for r in book.results if not r.missing and (r.suite, r.case) in shown}
    notes += [note for who, note in _LESS.items() if who in told]
    if notes:
        page.rule()
    for note in notes:
        page.y += LINE - 2
        page.text(MARGIN, page.y, note, "soft small")
