"""Positions belong to files: no new pattern, no new id and no number of files makes wlf read anything again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.complaints_logs.pipelines import Run
from tests.components.collectors.file_reading import append


def test_an_edited_glob_keeps_all_positions_and_nothing_is_deleted(tmp_path: Path) -> None:
    run = Run(tmp_path)
    append(run.logs / "a.log", "1")
    run.to_end()
    append(run.logs / "a.log", "2")
    append(run.logs / "b.txt", "3")
    run.to_end(include=["*.log", "*.txt", "c*"])
    run.to_end(include=["*"])
    assert sorted(run.lines()) == ["1", "2", "3"]
    assert sorted(path.name for path in run.logs.iterdir()) == ["a.log", "b.txt"]


def test_a_collector_with_a_new_id_takes_over_the_positions_of_the_old_one(tmp_path: Path) -> None:
    run = Run(tmp_path)
    append(run.logs / "a.log", "1")
    run.to_end()
    append(run.logs / "a.log", "2")
    for _ in range(2):
        run.to_end(id="logs", take_over="files")
    assert [(event["source"], event["message"]) for event in run.events()] == [("files", "1"), ("logs", "2")]
    run.to_end()  # what was taken over is gone under the old id
    assert run.lines() == ["1", "2", "1", "2"]


def test_taking_over_from_a_collector_that_is_there_is_refused(tmp_path: Path) -> None:
    run = Run(tmp_path).make("--until-end", take_over="files")
    run.launch()
    assert run.wait() == 1
    assert "take_over: expected an id that no node has any more, got 'files'" in run.text()


def test_files_that_are_gone_leave_nothing_in_the_state(tmp_path: Path) -> None:
    run = Run(tmp_path, forget_after_ms=0, rescan_interval_ms=200)
    running = run.make()
    count = 2_000
    with running:
        for first in range(0, count, 200):
            for number in range(first, first + 200):
                append(run.logs / f"{number}.log", f"line {number}")
            running.wait_for(lambda until=first + 200: len(run.lines()) == until, "deliver")  # type: ignore[misc]
            for path in run.logs.iterdir():
                path.unlink()
        running.wait_for(lambda: stored(running.state / "test.db") == 0, "forget all")
        assert running.terminate() == 0
    assert sorted(run.lines()) == sorted(f"line {number}" for number in range(count))


def stored(database: Path) -> int:
    with sqlite3.connect(database) as connection:
        return int(connection.execute("SELECT count(*) FROM cursors").fetchone()[0])
