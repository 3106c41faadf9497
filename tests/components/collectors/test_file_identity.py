"""A file is known by what is in it: not by its name, and not by its inode alone."""

from __future__ import annotations

from pathlib import Path

from tests.components.collectors.file_reading import FileReading, append, run


def test_a_file_of_one_byte_is_read(tmp_path: Path) -> None:
    async def scenario() -> list[tuple[str, object]]:
        (tmp_path / "a.log").write_text("x")
        (tmp_path / "b.log").write_text("x")
        async with FileReading(tmp_path, partial_line_timeout_ms=1) as reading:
            await reading.until(lambda: len(reading.lines) == 2)
            await reading.restart()
            await reading.to_end()
            return [(event.message, event.flags) for event in reading.events]

    assert run(scenario()) == [("x", ("partial",)), ("x", ("partial",))]


def test_a_thousand_files_with_the_same_first_line_are_a_thousand_files(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        for number in range(1_000):
            append(tmp_path / f"{number}.log", "# the same header", f"line {number}")
        async with FileReading(tmp_path) as reading:
            await reading.to_end()
            await reading.to_end()
            return reading.lines

    lines = run(scenario())
    assert len(lines) == 2_000
    assert {line for line in lines if line[0] != "#"} == {f"line {number}" for number in range(1_000)}


def test_a_file_that_got_the_inode_of_a_deleted_one_is_read_from_its_beginning(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        async with FileReading(tmp_path, forget_after_ms=0) as reading:
            for number in range(300):
                log = tmp_path / "a.log"
                append(log, f"number {number}")
                await reading.until_line(f"number {number}")
                log.unlink()
            return reading.lines

    assert run(scenario()) == [f"number {number}" for number in range(300)]


def test_the_same_contents_under_a_reused_inode_after_a_restart_are_new(tmp_path: Path) -> None:
    async def scenario() -> int:
        async with FileReading(tmp_path) as reading:
            append(tmp_path / "a.log", "the same")
            await reading.to_end()
            for _ in range(20):
                (tmp_path / "a.log").unlink()
                append(tmp_path / "a.log", "the same")
                await reading.to_end()
            return len(reading.lines)

    assert run(scenario()) == 21


def test_changed_globs_keep_positions(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        append(tmp_path / "a.log", "1")
        append(tmp_path / "b.txt", "2")
        async with FileReading(tmp_path, include=["*.log", "*.txt"]) as reading:
            await reading.to_end()
            narrow = FileReading(tmp_path, include=["*.log"])
            narrow.stored, narrow.state = reading.stored, reading.state
            append(tmp_path / "a.log", "3")
            append(tmp_path / "b.txt", "4")
            await narrow.to_end()
            wide = FileReading(tmp_path, include=["*"])
            wide.stored, wide.state = narrow.stored, narrow.state
            await wide.to_end()
            return reading.lines + narrow.lines + wide.lines

    assert sorted(run(scenario())) == ["1", "2", "3", "4"]


def test_start_end_leaves_out_what_is_there_first_but_nothing_that_comes(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        append(tmp_path / "a.log", "old")
        (tmp_path / "b.log").write_text("old\nbegun ")
        async with FileReading(tmp_path, start="end") as reading:
            await reading.step()
            append(tmp_path / "a.log", "1")
            append(tmp_path / "b.log", "before", "2")
            append(tmp_path / "c.log", "3")
            await reading.until(lambda: len(reading.lines) == 3)
            await reading.restart()
            append(tmp_path / "d.log", "4")
            await reading.until_line("4")
            return reading.lines

    assert sorted(run(scenario())) == ["1", "2", "3", "4"]
