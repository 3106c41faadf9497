"""Reading many files does not stall, slow down or swell, however long it goes on.

A few seconds of it in the suite; `make soak` takes an hour (WLF_SOAK_SECONDS), and then the CPU time of a line counts
too.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.complaints_logs.soak import Soak

SECONDS = float(os.environ.get("WLF_SOAK_SECONDS", "6"))
IS_LONG = SECONDS >= 120
FILES = 50
RATE = 50
PARTS = 10
ROTATE_SECONDS = 30.0 if IS_LONG else 2.0
BEHIND_SECONDS = 10
"""What may be under way at any time: the lines of so many seconds."""


@pytest.mark.timeout(300 + int(2 * SECONDS))
def test_fifty_files_are_read_on_and_on_without_a_stall_at_no_higher_cost(tmp_path: Path) -> None:
    soak = Soak(tmp_path, FILES, RATE, ROTATE_SECONDS)
    seen = []
    with soak.writing(), soak.staged.make() as running:
        for part in soak.parts(running, SECONDS, PARTS):
            print(
                f"{part.lines} lines, {part.behind} behind, {part.cpu_per_line * 1e6:.0f} us each, {part.rss_mb:.0f} MB"
            )
            seen.append(part)
        assert running.terminate() == 0
    assert soak.arrivals.twice == 0
    assert max(part.behind for part in seen) <= BEHIND_SECONDS * FILES * RATE
    assert max(part.rss_mb for part in seen) < 150
    # The first part holds what is set up once.
    assert seen[-1].rss_mb <= 1.25 * seen[1].rss_mb + 10
    if IS_LONG:
        assert seen[-1].cpu_per_line <= 2 * seen[0].cpu_per_line
