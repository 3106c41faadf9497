"""A File collector that is killed while its files are written and rotated: every line arrives, few of them again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.killed_readers import TIMEOUT_S, messages_after_kills

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TIMEOUT_S)]


def test_killed_at_random_under_rotation_every_number_arrives_and_few_twice(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    collector = {"type": "File", "include": [str(folder / "*.log*")]}
    messages_after_kills("tests.crash.log_writers", collector, folder, tmp_path)
