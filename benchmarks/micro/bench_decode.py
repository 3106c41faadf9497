"""From the bytes of a binlog to JSON, in steps: each corpus walked through, decoded, made into events, and encoded.

The walk is what all cost together when nobody wants the rows; each step holds the ones before it. The first megabytes
of a corpus are enough: they are the same all through.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare_driver
from benchmarks.corpus import NAMES, beginning, corpus
from benchmarks.micro.notes import note
from tests.servers.cache import NotInstalled

MEGABYTES = 6


@pytest.fixture(scope="module", params=NAMES)
def shortened(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, int]:
    """A corpus by name, its file, and how many rows are in it."""
    try:
        whole = corpus(request.param)
    except NotInstalled as missing:
        pytest.skip(str(missing))
    path = beginning(whole, MEGABYTES << 20, tmp_path_factory.mktemp("corpus"))
    return request.param, path, compare_driver.decode(path)


@pytest.mark.parametrize("part", compare_driver.PARTS)
def test_decode(benchmark: Any, shortened: tuple[str, Path, int], part: str) -> None:
    name, path, rows = shortened
    benchmark.group = f"binlog {name}"
    amount = benchmark.pedantic(compare_driver.PARTS[part], (path,), rounds=3, warmup_rounds=1)
    assert amount == {"walk": 0, "decode": rows, "events": rows}.get(part, amount)
    note(benchmark, rows, path.stat().st_size)
