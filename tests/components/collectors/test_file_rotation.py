"""Rotation by renaming, copying and compressing, while wlf runs and while it does not: no line lost, none doubled."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
import zstandard

from tests.components.collectors.file_reading import FileReading, append, run


def pack(path: Path, kind: str) -> Path:
    """As gzip and zstd do it: the packed file is there before the original goes."""
    packed = path.with_name(path.name + (".gz" if kind == "gzip" else ".zst"))
    text = path.read_bytes()
    packed.write_bytes(gzip.compress(text) if kind == "gzip" else zstandard.compress(text))
    path.unlink()
    return packed


def copytruncate(log: Path, to: Path) -> None:
    shutil.copy(log, to)
    log.write_text("")


@pytest.mark.parametrize("while_down", [False, True])
@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_rotated_file_that_is_compressed_is_not_read_again(tmp_path: Path, kind: str, while_down: bool) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "app.log"
        append(log, "1", "2")
        async with FileReading(tmp_path, include=["app.log*"]) as reading:
            await reading.until_line("2")
            if while_down:
                await reading.restart()
            append(log, "3")
            log.rename(tmp_path / "app.log.1")
            append(log, "4")
            if not while_down:
                await reading.until_line("4")
            pack(tmp_path / "app.log.1", kind).rename(tmp_path / f"app.log.2.{'gz' if kind == 'gzip' else 'zst'}")
            append(log, "5")
            await reading.until_line("5")
            await reading.to_end()
            return reading.lines

    assert sorted(run(scenario())) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("while_down", [False, True])
def test_copytruncate_loses_nothing_and_doubles_nothing(tmp_path: Path, while_down: bool) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "app.log"
        append(log, "1", "2")
        async with FileReading(tmp_path, include=["app.log*"]) as reading:
            await reading.until_line("2")
            if while_down:
                await reading.restart()
            append(log, "3")
            copytruncate(log, tmp_path / "app.log.1")
            append(log, "4")
            await reading.until_line("4")
            if while_down:
                await reading.restart()
            append(log, "5")
            (tmp_path / "app.log.1").rename(tmp_path / "app.log.2")
            copytruncate(log, tmp_path / "app.log.1")
            pack(tmp_path / "app.log.2", "gzip")
            append(log, "6")
            await reading.until_line("6")
            await reading.to_end()
            await reading.to_end()
            assert len(reading.stored) == 3
            return reading.lines

    assert sorted(run(scenario())) == ["1", "2", "3", "4", "5", "6"]


def test_a_copy_of_a_file_that_stays_is_read_once_it_is_known_to_stay(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "app.log"
        append(log, "1")
        async with FileReading(tmp_path, include=["app.log*"]) as reading:
            await reading.until_line("1")
            shutil.copy(log, tmp_path / "app.log.1")
            append(log, "2")
            await reading.until_line("2")
            assert reading.lines == ["1", "2"]
            append(tmp_path / "app.log.1", "3")  # it goes another way: a file of its own
            await reading.until_line("3")
            return reading.lines

    assert run(scenario()) == ["1", "2", "1", "3"]


def test_an_unread_rest_is_found_in_the_packed_file(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "app.log"
        append(log, *map(str, range(5_000)))
        async with FileReading(tmp_path, include=["app.log*"]) as reading:
            await reading.until_line("1000")
            await reading.restart()
            append(log, *map(str, range(5_000, 100_000)))
            pack(log, "gzip")
            await reading.to_end()
            return reading.lines

    assert run(scenario()) == [str(n) for n in range(100_000)]


def test_a_file_that_is_written_renamed_and_packed_in_one_go_is_read_once(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "app.log"
        log.touch()
        async with FileReading(tmp_path, include=["app.log*"]) as reading:
            await reading.step()
            append(log, "1")
            log.rename(tmp_path / "app.log.1")
            pack(tmp_path / "app.log.1", "gzip")
            append(log, "2")
            await reading.until_line("2")
            await reading.to_end()
            return reading.lines

    assert sorted(run(scenario())) == ["1", "2"]


def test_files_rotated_away_before_their_turn_are_read(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "app.log"
        async with FileReading(tmp_path, include=["app.log"]) as reading:
            append(log, "0")
            await reading.until_line("0")
            for number in range(1, 20):
                log.rename(tmp_path / f"app.log.{number}")
                append(log, str(number))
            await reading.until(lambda: len(reading.lines) >= 20)
            return reading.lines

    assert sorted(map(int, run(scenario()))) == list(range(20))


def test_files_rotated_while_wlf_is_down_are_found_by_their_inode_though_no_glob_means_them(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "app.log"
        append(log, "1")
        async with FileReading(tmp_path, include=["app.log"]) as reading:
            await reading.until_line("1")
            await reading.restart()
            append(log, "2")
            log.rename(tmp_path / "app.log.1")
            append(log, "3")
            await reading.to_end()
            return reading.lines

    assert sorted(run(scenario())) == ["1", "2", "3"]


def test_a_file_written_anew_and_larger_with_the_same_first_line_is_read_anew(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        log = tmp_path / "app.log"
        append(log, "header", "1")
        async with FileReading(tmp_path) as reading:
            await reading.until_line("1")
            log.write_text("header\n2\n3\n4\n")
            await reading.until_line("4")
            return reading.lines

    assert run(scenario()) == ["header", "1", "header", "2", "3", "4"]


def test_a_deleted_file_is_read_to_its_end_and_then_forgotten(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[str], int]:
        log = tmp_path / "app.log"
        append(log, "1")
        async with FileReading(tmp_path, forget_after_ms=0) as reading:
            await reading.until_line("1")
            append(log, "2")
            log.unlink()
            append(tmp_path / "b.log", "3")
            await reading.until(lambda: len(reading.forgotten) == 1)
            await reading.until_line("3")
            return reading.lines, len(reading.stored)

    lines, stored = run(scenario())
    assert sorted(lines) == ["1", "2", "3"]
    assert stored == 1


def test_a_new_file_is_read_though_all_that_may_be_open_are_removed_ones(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with FileReading(tmp_path, max_open_files=2) as reading:
            for round in range(3):
                names = [tmp_path / f"{round}-{number}.log" for number in range(3)]
                for name in names:
                    append(name, name.stem)
                await reading.until(lambda: len(reading.lines) == 3 * (round + 1))  # noqa: B023
                for name in names:
                    name.unlink()
            assert sorted(reading.lines) == [f"{round}-{number}" for round in range(3) for number in range(3)]

    run(scenario())
