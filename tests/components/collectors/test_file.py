"""The File collector reads every line once, whatever becomes of the files."""

from __future__ import annotations

from pathlib import Path

from tests.components.collectors.file_reading import FileReading, append, run


def test_lines_that_are_there_and_lines_that_come(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        append(tmp_path / "a.log", "1", "2")
        async with FileReading(tmp_path) as reading:
            await reading.until_line("2")
            append(tmp_path / "a.log", "3")
            await reading.until_line("3")
            append(tmp_path / "b.log", "4")
            await reading.until_line("4")
            return reading.lines

    assert run(scenario()) == ["1", "2", "3", "4"]


def test_a_renamed_file_is_followed_also_under_a_name_that_no_glob_means(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "a.log"
        append(log, "1")
        async with FileReading(tmp_path, include=["*.log"]) as reading:
            await reading.until_line("1")
            append(log, "2")
            log.rename(tmp_path / "a.log.1")
            append(tmp_path / "a.log.1", "3")
            append(log, "4")
            await reading.until_line("4")
            append(tmp_path / "a.log.1", "5")
            await reading.until_line("5")
            assert {event.file for event in reading.events} == {str(log)}
            return reading.lines

    assert sorted(run(scenario())) == ["1", "2", "3", "4", "5"]


def test_a_truncated_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "a.log"
        append(log, "1", "2")
        async with FileReading(tmp_path) as reading:
            await reading.until_line("2")
            log.write_text("")
            append(log, "3")
            await reading.until_line("3")
            return reading.lines

    assert run(scenario()) == ["1", "2", "3"]


def test_a_restart_goes_on_with_the_unread_rest_of_rotated_files(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "a.log"
        append(log, "1")
        async with FileReading(tmp_path) as reading:
            await reading.until_line("1")
            await reading.restart()
            append(log, "2")
            log.rename(tmp_path / "a.log.1")
            append(log, "3")
            await reading.to_end()
            return reading.lines

    assert sorted(run(scenario())) == ["1", "2", "3"]
