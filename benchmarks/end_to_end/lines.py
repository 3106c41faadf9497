"""A log file of 150-byte lines, each with its number."""

from __future__ import annotations

from pathlib import Path

from benchmarks.contender import FileSource
from benchmarks.end_to_end.expected import Numbered
from benchmarks.end_to_end.matrix import Input

LINE_BYTES = 150
_TEXT = '2024-02-29T12:00:00.%03dZ INFO shop "GET /orders/%d?page=2 HTTP/1.1" 200 %d "Mozilla/5.0 (Linux)" seq=%d '
_AT_ONCE = 10_000


def log_file(path: Path, lines: int) -> Input:
    """Write it; what must come of it."""
    with path.open("w", encoding="ascii") as file:
        for start in range(0, lines, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, lines))
            file.write("".join(_line(number) for number in numbers))
    expected = Numbered(lines, lines * LINE_BYTES / 1e6)
    return Input(f"{LINE_BYTES}-byte lines", FileSource(path, lines), expected)


def _line(number: int) -> str:
    text = _TEXT % (number % 1000, number * 7919 % 100_000, number * 31 % 50_000, number)
    return text.ljust(LINE_BYTES - 1, ".") + "\n"
