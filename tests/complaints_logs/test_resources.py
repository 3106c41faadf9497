"""What is waiting in files takes no memory, and files in which nothing happens are left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.complaints_logs.pipelines import Run
from tests.components.collectors.file_reading import FileReading, append, run


def test_a_backlog_takes_no_more_memory_than_a_short_file(tmp_path: Path) -> None:
    staged = Run(tmp_path)
    block = "".join(f"{number} {'x' * 200}\n" for number in range(100_000))
    with (staged.logs / "a.log").open("w") as file:
        for _ in range(15):
            file.write(block)
    lines = 1_500_000
    with staged.make() as running:
        assert running.running is not None
        status = Path(f"/proc/{running.running.pid}/status")
        running.wait_for(lambda: delivered(running.metrics()) == lines, "deliver all", 200)
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        assert running.terminate() == 0
    assert int(peak.split()[1]) < 150_000


def delivered(metrics: str) -> float:
    found = [line for line in metrics.splitlines() if line.startswith("wlf_events_out_total{")]
    return float(found[0].rpartition(" ")[2]) if found else 0


def test_a_file_that_did_not_change_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    plain_open = os.open

    def noting_open(path: str, flags: int, *more: int, **others: int) -> int:
        opened.append(os.path.basename(path))
        return plain_open(path, flags, *more, **others)

    async def scenario() -> None:
        for number in range(100):
            append(tmp_path / f"{number}.log", "1")
        async with FileReading(tmp_path, rescan_interval_ms=100, max_open_files=10) as reading:
            await reading.until(lambda: len(reading.lines) == 100)
            monkeypatch.setattr(os, "open", noting_open)
            walks = reading.walks()
            while reading.walks() < walks + 3:
                append(tmp_path / "new.log", "2")
                await reading.step()
            await reading.restart()
            await reading.to_end()

    run(scenario())
    assert set(opened) == {"new.log"}
