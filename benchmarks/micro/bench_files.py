"""The File and the Stdout dispatcher, whose payloads are encoded already: lines to the disk's cache and to a pipe."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.micro.bench_elasticsearch import EVENTS, Encoded
from benchmarks.micro.notes import note
from tests.components.fakes import make_context
from tests.components.rows import configured
from wlf.components.base import Dispatcher
from wlf.components.dispatchers.file import FileConfig, FileDispatcher
from wlf.components.dispatchers.stdout import StdoutConfig, StdoutDispatcher

CASES: dict[str, tuple[int, str, dict[str, Any]]] = {
    "1 file": (1, "all.jsonl", {}),
    "1 file, gzip": (1, "all.jsonl.gz", {"compression": "gzip"}),
    "100 files": (100, "%{/table}.jsonl", {}),
    "600 files, 128 open": (600, "%{/table}.jsonl", {}),
}


def timed(benchmark: Any, sink: Dispatcher, tables: int = 1, *, packs: bool = False) -> None:
    """One batch a round; compressed files are written by `flush()`."""
    batch = Encoded(tables)

    async def send() -> object:
        found = await sink.dispatch(batch)
        if packs:
            await sink.flush()
        return found

    with asyncio.Runner() as runner:
        runner.run(sink.open())
        assert benchmark.pedantic(lambda: runner.run(send()), rounds=20, warmup_rounds=1) is None
        runner.run(sink.flush())
        runner.run(sink.close())
    note(benchmark, EVENTS)


@pytest.mark.parametrize("case", CASES)
def test_file(benchmark: Any, case: str, tmp_path: Path) -> None:
    benchmark.group = "file"
    tables, name, options = CASES[case]
    config = configured(FileConfig, path=f"{tmp_path}/{name}", **options)
    timed(benchmark, FileDispatcher(config, make_context()), tables, packs="compression" in options)


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output is a pipe that a thread empties."""
    out, into = os.pipe()

    def empty() -> None:
        while os.read(out, 1 << 20):
            pass

    reader = threading.Thread(target=empty, daemon=True)
    reader.start()
    with os.fdopen(into, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        yield
        monkeypatch.undo()
    reader.join()
    os.close(out)


def test_stdout(benchmark: Any, piped: None) -> None:
    benchmark.group = "stdout"
    timed(benchmark, StdoutDispatcher(configured(StdoutConfig), make_context()))
