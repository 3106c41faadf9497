"""A container of a real Docker Engine that has written numbered lines and stays: its log is what is moved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contender import ContainerSource
from benchmarks.end_to_end.expected import Numbered
from benchmarks.end_to_end.lines import LINE_BYTES
from benchmarks.end_to_end.matrix import Input
from tests.servers.docker import Docker

NAME = "shop"
WRITING_S = 300
_POLL_S = 0.1
_CHUNK_BYTES = 1 << 20
SCRIPT = r"""
awk 'BEGIN {{
  for (dots = "."; length(dots) < {width}; dots = dots dots) continue
  for (n = 0; n < {lines}; n++) {{
    text = sprintf("2024-02-29T12:00:00.%03dZ INFO shop \"GET /orders/%d?page=2 HTTP/1.1\" 200 %d", n % 1000, n, 7)
    print substr(text " \"Mozilla/5.0 (Linux)\" seq=" n " " dots, 1, {width})
  }}
}}'
sleep 86400
"""


@contextmanager
def container(folder: Path, lines: int) -> Iterator[Input]:
    """An Engine with the container; the lines are all in its log."""
    with Docker(folder) as engine:
        id = engine.api.run(NAME, SCRIPT.format(width=LINE_BYTES - 1, lines=lines))
        log = engine.log_file(id)
        _await_lines(log, lines)
        expected = Numbered(lines, lines * LINE_BYTES / 1e6)
        yield Input(f"{LINE_BYTES}-byte lines", ContainerSource(engine.url, NAME, log, lines), expected)


def _await_lines(log: Path, lines: int) -> None:
    """The Engine writes more slowly than the container does."""
    deadline = time.monotonic() + WRITING_S
    there, read = 0, 0
    while there < lines:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{log}: expected {lines} lines, got {there}")
        time.sleep(_POLL_S)
        if not log.is_file():
            continue
        with log.open("rb") as file:
            file.seek(read)
            while chunk := file.read(_CHUNK_BYTES):
                there += chunk.count(b"\n")
                read += len(chunk)
