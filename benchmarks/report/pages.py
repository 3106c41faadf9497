"""The files that are made of the results: the README's section, a page, and the chart."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.report import tables
from benchmarks.report.book import Book
from benchmarks.report.chart import draw
from benchmarks.report.targets import DECODE, E2E, LATENCY, LOGS, PEERS

ROOT = Path(__file__).parents[2]
LATEST = ROOT / "benchmarks" / "results" / "latest.json"
KEPT = ROOT / "docs" / "benchmarks.json"
README, PAGE, CHART = ROOT / "README.md", ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.svg"
COMMANDS = {
    DECODE: "make bench",
    E2E: "make bench",
    "replay": "make bench",
    LATENCY: "make bench",
    PEERS: "make bench-peers",
}
_MARKED = "<!-- {0} -->.*?<!-- /{0} -->"


def rendered(book: Book) -> dict[Path, str]:
    """What each file is to be; outside the marks, the two Markdown files stay as they are."""
    readme = put(README.read_text(encoding="utf-8"), "benchmarks", readme_section(book))
    page = PAGE.read_text(encoding="utf-8")
    for name, text in page_sections(book).items():
        page = put(page, name, text)
    return {README: readme, PAGE: page, CHART: draw(book, commands(book))}


def write(book: Book) -> None:
    """Put the results into the files."""
    for path, text in rendered(book).items():
        path.write_text(text, encoding="utf-8")


def put(text: str, mark: str, content: str) -> str:
    """The text with the content between its marks. Raises ValueError where there are none."""
    pattern = re.compile(_MARKED.format(mark), re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"expected <!-- {mark} --> ... <!-- /{mark} -->, got neither")
    return pattern.sub(lambda _: f"<!-- {mark} -->\n{content}\n<!-- /{mark} -->", text)


def commands(book: Book) -> str:
    """What was run for what is there."""
    return " and ".join(dict.fromkeys(COMMANDS[r.suite] for r in book.results if r.suite in COMMANDS)) or "make bench"


def readme_section(book: Book) -> str:
    """The table; the chart stands further up."""
    return "\n".join(
        [
            "## Speed and memory",
            "",
            "Events a second in one run beside others, the same data and the same sinks; decoding and files in CPU",
            f"seconds. `{commands(book)}` on {book.machine}{_elsewhere(book)}.",
            "Every figure, the targets and how to run it: [docs/benchmarks.md](docs/benchmarks.md).",
            "",
            tables.comparison(book, PEERS, DECODE, "replay", is_meant=lambda case: case not in LOGS),
            "",
            "Logs, in lines a second beside rsyslog and syslog-ng in the same run. Each has a number: what is lost or",
            "comes twice would be told. Of a container all read the json-file log; `Engine API` asks for the lines.",
            "",
            tables.comparison(book, PEERS, is_meant=lambda case: case in LOGS),
        ]
    )


def _elsewhere(book: Book) -> str:
    """The other machines, by the marks that their results bear in the tables."""
    others = book.machines()[1:]
    return "".join(f"; what is marked {tables.mark(number)} on {name}" for number, name in enumerate(others, start=2))


def page_sections(book: Book) -> dict[str, str]:
    """By mark."""
    found = {
        "machine": f"Measured on {book.machine}{_elsewhere(book)}.",
        "inputs": tables.inputs(),
        "targets": tables.targets(book),
        "absent": tables.absent(book) if book.absent() else "Nothing is missing.",
        "versions": tables.versions(book) or "Their versions were not noted.",
    }
    suites = [f"### {title}\n\n{tables.everything(book, suite)}" for suite, title in tables.SUITES.items()]
    return {**found, "results": "\n\n".join(suites)}
