"""Files are found wherever a glob means them, by the kernel's notices or without."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.components.collectors.file_reading import FileReading, append, run
from wlf.components.following import inotify
from wlf.components.following.discovery import Inotify
from wlf.components.following.globs import Globs
from wlf.components.following.inotify import Notice
from wlf.components.following.names import originals_of, stem_of


@pytest.mark.parametrize(
    ("pattern", "path", "is_meant"),
    [
        ("/l/*.log", "/l/a.log", True),
        ("/l/*.log", "/l/d/a.log", False),
        ("/l/*.log", "/l/.a.log", False),
        ("/l/.*.log", "/l/.a.log", True),
        ("/l/**/*.log", "/l/a.log", True),
        ("/l/**/*.log", "/l/d/e/a.log", True),
        ("/l/**/*.log", "/l/.d/a.log", False),
        ("/l/**", "/l/d/e/a", True),
        ("/l/a?[0-9].log", "/l/ab7.log", True),
        ("/l/a?[!0-9].log", "/l/ab7.log", False),
        ("/l/d*/x/**/a", "/l/d1/x/y/a", True),
        ("/l/[", "/l/[", True),
        ("/l/a+(b).log", "/l/a+(b).log", True),
    ],
)
def test_globs(pattern: str, path: str, is_meant: bool) -> None:
    assert Globs([pattern]).matches(path) is is_meant
    if is_meant:
        above = [str(parent) for parent in Path(path).parents]
        assert all(Globs([pattern]).descends(each) for each in above)


def test_directories_that_can_hold_nothing_are_not_entered() -> None:
    globs = Globs(["/l/a*/x.log", "/m/n/**/y"], ["/m/n/tmp/**"])
    assert globs.roots == ["/l", "/m/n"]
    assert globs.descends("/l/ab")
    assert not globs.descends("/l/b")
    assert not globs.descends("/l/ab/c")
    assert globs.descends("/m/n/o/p")
    assert not globs.descends("/m/n/tmp")
    assert not globs.matches("/m/n/tmp/y")


@pytest.mark.parametrize(
    ("path", "original"),
    [
        ("/l/app.log.1", "/l/app.log"),
        ("/l/app.log.1.gz", "/l/app.log.1"),
        ("/l/app.log-20260101.zst", "/l/app.log"),
        ("/l/app-2026-01-01.log", "/l/app.log"),
        ("/l/old/app.log.2", "/l/app.log"),
    ],
)
def test_what_a_rotation_makes_of_a_name(path: str, original: str) -> None:
    assert original in originals_of(path)
    assert path not in originals_of(path)


def test_names_of_one_log_have_one_stem() -> None:
    assert {stem_of(f"/l/{name}") for name in ("a.log", "a.log.1", "a.log.12.gz", "a-20260101.log")} == {"/l/a.log"}


def test_new_directories_are_watched_with_what_is_in_them_already(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        append(tmp_path / "0.log", "0")
        async with FileReading(tmp_path, include=["**/*.log"], rescan_interval_ms=600_000) as reading:
            await reading.until_line("0")
            (tmp_path / "a" / "b").mkdir(parents=True)
            append(tmp_path / "a" / "b" / "1.log", "1")
            await reading.until_line("1")
            append(tmp_path / "a" / "b" / "2.log", "2")
            await reading.until_line("2")
            (tmp_path / "a").rename(tmp_path / "c")
            append(tmp_path / "c" / "b" / "1.log", "3")
            await reading.until_line("3")
            append(tmp_path / "c" / "b" / "4.log", "4")
            await reading.until_line("4")
            shutil.rmtree(tmp_path / "c")
            append(tmp_path / "0.log", "5")
            await reading.until_line("5")
            return reading.lines

    assert run(scenario()) == [str(number) for number in range(6)]


def test_writes_behind_a_link_are_told_of(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        (tmp_path / "real").mkdir()
        append(tmp_path / "real" / "a", "1")
        (tmp_path / "a.log").symlink_to(tmp_path / "real" / "a")
        async with FileReading(tmp_path, rescan_interval_ms=600_000) as reading:
            await reading.until_line("1")
            append(tmp_path / "real" / "a", "2")
            await reading.until_line("2")
            append(tmp_path / "real" / "b", "3")
            (tmp_path / "b.log").symlink_to(tmp_path / "real" / "b")
            await reading.until_line("3")
            append(tmp_path / "real" / "b", "4")
            await reading.until_line("4")
            return [event.file.rpartition("/")[2] for event in reading.events]

    assert run(scenario()) == ["a.log", "a.log", "b.log", "b.log"]


def test_two_names_of_one_file_are_one_file(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        append(tmp_path / "a.log", "1")
        (tmp_path / "b.log").hardlink_to(tmp_path / "a.log")
        (tmp_path / "c.log").symlink_to(tmp_path / "a.log")
        return (await FileReading(tmp_path).to_end()).lines

    assert run(scenario()) == ["1"]


def test_an_overflow_of_the_kernels_queue_is_made_good_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_but_an_overflow(self: Inotify) -> Iterator[Notice]:
        if list(real(self)):
            yield Notice(-1, inotify.OVERFLOW, 0, "")

    real = Inotify.read
    monkeypatch.setattr(Inotify, "read", nothing_but_an_overflow)

    async def scenario() -> tuple[list[str], float]:
        log = tmp_path / "a.log"
        append(log, "1")
        async with FileReading(tmp_path, include=["*.log"], rescan_interval_ms=600_000) as reading:
            await reading.until_line("1")
            append(log, "2")
            log.rename(tmp_path / "a.log.1")
            append(log, "3")
            await reading.until(lambda: len(reading.lines) == 3)
            return sorted(reading.lines), reading.counted("wlf_file_overflows_total")

    lines, overflows = run(scenario())
    assert lines == ["1", "2", "3"]
    assert overflows > 0


def test_without_notices_everything_is_found_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: Inotify) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Inotify, "__init__", none)

    async def scenario() -> list[str]:
        log = tmp_path / "a.log"
        append(log, "1")
        async with FileReading(tmp_path, include=["*.log"], rescan_interval_ms=100) as reading:
            await reading.until_line("1")
            append(log, "2")
            log.rename(tmp_path / "a.log.1")
            append(log, "3")
            await reading.until(lambda: len(reading.lines) == 3)
            log.write_text("4\n")
            await reading.until_line("4")
            return sorted(reading.lines)

    assert run(scenario()) == ["1", "2", "3", "4"]


def test_more_files_than_may_be_open(tmp_path: Path) -> None:
    async def scenario() -> int:
        for number in range(100):
            append(tmp_path / f"{number}.log", *(f"{number} {n}" for n in range(20)))
        async with FileReading(tmp_path, max_open_files=3) as reading:
            await reading.until(lambda: len(reading.lines) == 2_000)
            for number in range(100):
                append(tmp_path / f"{number}.log", f"{number} more")
            await reading.until(lambda: len(reading.lines) == 2_100)
            return len(set(reading.lines))

    assert run(scenario()) == 2_100
