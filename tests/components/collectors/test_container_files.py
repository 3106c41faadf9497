"""Log files of containers: records become lines, whatever is between the parts of a line."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import suppress
from pathlib import Path

from tests.components.collectors.container_files import CriReading, record, run_all, write
from tests.components.collectors.file_reading import run
from wlf.components.containers.source import Verdict

MULTILINE = {"start": "^\\S", "timeout_ms": 50}


def reading(folder: Path, **options: object) -> CriReading:
    options.setdefault("partial_line_timeout_ms", 50)
    return CriReading(folder, include=["*/*.log*"], **options)


def test_records_become_lines_with_their_time_and_stream(tmp_path: Path) -> None:
    write(tmp_path / "c" / "0.log", "out F one", "err F two", "out F ", "out F a  b ")
    found = run_all(reading(tmp_path, offset=True))
    assert [(event.file, event.message, event.host) for event in found.events] == [
        ("stdout", "one", "2026-01-31T10:00:00.000000000Z"),
        ("stderr", "two", "2026-01-31T10:00:01.000000001Z"),
        ("stdout", "", "2026-01-31T10:00:02.000000002Z"),
        ("stdout", "a  b ", "2026-01-31T10:00:03.000000003Z"),
    ]
    assert [event.ts for event in found.events] == [1769853600 + n + n * 1e-9 for n in range(4)]
    assert [event.offset for event in found.events] == [0, 44, 88, 129]


def test_parts_of_a_line_are_merged_though_the_other_stream_writes_between_them(tmp_path: Path) -> None:
    write(tmp_path / "c" / "0.log", "out P on", "err F x", "out P e", "err P y", "out F !", "err F z")
    found = run_all(reading(tmp_path, offset=True))
    assert found.lines == ["x", "one!", "yz"]
    assert [event.offset for event in found.events] == [43, 0, 127]


def test_parts_are_merged_across_a_rotation(tmp_path: Path) -> None:
    async def scenario() -> CriReading:
        log = tmp_path / "c" / "0.log"
        write(log, "out F a", "out P be", "err P x")
        async with reading(tmp_path, partial_line_timeout_ms=60_000) as found:
            await found.until_line("a")
            log.rename(log.with_name("0.log.20260131-101500"))
            write(log, "out F fore", "err F y", "out F end")
            await found.until_line("end")
        return found

    found = run(scenario())
    assert found.lines == ["a", "before", "xy", "end"]


def test_parts_are_merged_across_a_rotation_and_a_restart(tmp_path: Path) -> None:
    async def scenario() -> CriReading:
        log = tmp_path / "c" / "0.log"
        write(log, "out P a", "out P b", "err F 1")
        async with reading(tmp_path, partial_line_timeout_ms=60_000) as found:
            await found.until_line("1")
            await found.restart()
            log.rename(log.with_name("0.log.20260131-101500"))
            write(log, "out P c", "err F 2")
            await found.until_line("2")
            await found.restart()
            write(log, "err F 3", "out F d", "out F e")
            await found.until_line("e")
        return found

    assert run(scenario()).lines == ["1", "2", "3", "abcd", "e"]


def test_a_rotated_and_compressed_file_gives_its_part_of_a_line_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> CriReading:
        log = tmp_path / "c" / "0.log"
        write(log, "err F 0", "out P a", "err F 1")
        async with reading(tmp_path, partial_line_timeout_ms=60_000) as found:
            await found.until_line("1")
            await found.restart()
            packed = log.with_name("0.log.20260131-101500.gz")
            packed.write_bytes(gzip.compress(log.read_bytes()))
            log.unlink()
            write(log, "out F b", "err F 2")
            await found.until_line("2")
        return found

    assert run(scenario()).lines == ["0", "1", "ab", "2"]


def test_a_part_whose_rest_does_not_come_is_delivered_marked_and_its_rest_later(tmp_path: Path) -> None:
    async def scenario() -> CriReading:
        log = tmp_path / "c" / "0.log"
        write(log, "out P a")
        async with reading(tmp_path) as found:
            await found.until_line("a")
            await found.restart()
            write(log, "out P b", "out F c", "out F d")
            await found.until_line("d")
        return found

    found = run(scenario())
    assert [(event.message, event.flags) for event in found.events] == [
        ("a", ("partial",)), ("bc", ("continued",)), ("d", ()),
    ]  # fmt: skip


def test_a_part_is_due_though_the_other_stream_goes_on_writing(tmp_path: Path) -> None:
    async def scenario() -> CriReading:
        log = tmp_path / "c" / "0.log"
        write(log, "out P a")
        async with reading(tmp_path, partial_line_timeout_ms=5_000) as found:
            await found.step()
            write(log, record(4, "stderr", "F", "x"), record(6, "stderr", "F", "y"))
            await found.until_line("y")
        return found

    assert run(scenario()).lines == ["x", "y", "a"]


def test_a_line_that_is_too_long_is_cut_marked_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "c" / "0.log", *["out P " + "x" * 600] * 4, "out F y", "out F next", "err F " + "z" * 2000)
    found = run_all(reading(tmp_path, max_line_bytes=1024))
    assert [(event.message, event.flags) for event in found.events] == [
        ("x" * 1024, ("truncated",)), ("next", ()), ("z" * 1024, ("truncated",)),
    ]  # fmt: skip
    assert found.counted("wlf_file_truncated_lines_total") == 2
    assert found.counted("wlf_file_cut_bytes_total") == 4 * 600 + 1 - 1024 + 2000 - 1024


def test_lines_that_belong_together_are_one_event_for_each_stream(tmp_path: Path) -> None:
    write(tmp_path / "c" / "0.log", "out F A", "err F B", "out F  1", "err F  2", "out F C", "out P  3", "out F 4")
    found = run_all(reading(tmp_path, multiline=MULTILINE))
    assert found.of("stdout") == ["A\n 1", "C\n 34"]
    assert found.of("stderr") == ["B\n 2"]
    assert {event.flags for event in found.events} == {("multiline",)}


def test_lines_that_belong_together_go_on_after_a_rotation_and_a_restart(tmp_path: Path) -> None:
    async def scenario() -> CriReading:
        log = tmp_path / "c" / "0.log"
        slow = MULTILINE | {"timeout_ms": 60_000}
        write(log, "out F A", "out F  1", "out F B", "out F  2", "err F x", "err F y")
        async with reading(tmp_path, multiline=slow) as found:
            await found.until_line("x")
            await found.restart()
            log.rename(log.with_name("0.log.20260131-101500"))
            write(log, "out F  3", "out F C", "err F z")
            await found.until_line("y")
            await found.restart()
            write(log, "out F D", "err F -")
            await found.until_line("z")
        return found

    found = run(scenario())
    assert found.of("stdout") == ["A\n 1", "B\n 2\n 3", "C"]
    assert found.of("stderr") == ["x", "y", "z"]


def test_the_last_lines_are_delivered_after_a_while(tmp_path: Path) -> None:
    async def scenario() -> CriReading:
        write(tmp_path / "c" / "0.log", "out F A", "out F  1")
        async with reading(tmp_path, multiline=MULTILINE) as found:
            return await found.until_line("A\n 1")

    assert run(scenario()).lines == ["A\n 1"]


def test_each_start_of_a_container_has_lines_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "c" / "0.log", "out P a")
    write(tmp_path / "c" / "1.log", "out F b")
    assert sorted(run_all(reading(tmp_path)).lines) == ["a", "b"]


def test_what_is_no_record_is_delivered_as_it_is_marked_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "c" / "0.log", "out F a", b"no record\n", b"2026-13-31T10:00:00Z stdout F x\n", "out F b", b"\n")
    found = run_all(reading(tmp_path))
    assert [(event.file, event.message, event.flags) for event in found.events] == [
        ("stdout", "a", ()),
        ("unknown", "no record", ("malformed",)),
        ("unknown", "2026-13-31T10:00:00Z stdout F x", ("malformed",)),
        ("stdout", "b", ()),
        ("unknown", "", ("malformed",)),
    ]
    assert found.counted("wlf_file_malformed_records_total") == 3


def test_tags_that_nobody_defined_and_other_time_zones_are_understood(tmp_path: Path) -> None:
    write(
        tmp_path / "c" / "0.log",
        b"2026-01-31T11:00:00.5+01:00 stdout F:new one\n",
        b"2026-01-31T10:00:00Z stdout P:new t\n",
        b"2026-01-31T10:00:01.25Z stdout F wo\n",
        b"2026-01-31T10:00:02Z stderr F\n",
    )
    found = run_all(reading(tmp_path))
    assert [(event.message, event.ts) for event in found.events] == [
        ("one", 1769853600.5), ("two", 1769853600.0), ("", 1769853602.0),
    ]  # fmt: skip


def test_json_files_are_known_by_their_first_byte(tmp_path: Path) -> None:
    entries = [("a\n", "stdout"), ("b", "stderr"), ("c\r\n", "stdout"), ("d\n", "stderr")]
    time = "2026-01-31T10:00:00.123456789Z"
    text = "".join(json.dumps({"log": log, "stream": stream, "time": time}) + "\n" for log, stream in entries)
    write(
        tmp_path / "c" / "0.log",
        text.encode(),
        b"{torn\n",
        b'{"log":"e\\n","stream":"stdout","time":"' + time.encode() + b'"}\n',
    )
    found = run_all(reading(tmp_path))
    assert found.lines == ["a", "c", "bd", "{torn", "e"]
    assert found.events[0].host == time


def test_a_record_larger_than_any_chunk_is_read(tmp_path: Path) -> None:
    write(tmp_path / "c" / "0.log", "out F " + "x" * 1_000_000, "out F y")
    assert [len(line) for line in run_all(reading(tmp_path)).lines] == [1_000_000, 1]


def test_a_record_whose_end_is_not_written_waits(tmp_path: Path) -> None:
    async def scenario() -> CriReading:
        log = tmp_path / "c" / "0.log"
        whole = record(1, "stdout", "F", "late")
        write(log, "out F a", whole[:20])
        async with reading(tmp_path) as found:
            await found.until_line("a")
            write(log, whole[20:])
            await found.until_line("late")
        return found

    assert run(scenario()).lines == ["a", "late"]


def test_files_that_nobody_wants_are_passed_over_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "a" / "0.log", "out F a", "out F b")
    write(tmp_path / "b" / "0.log", "out F c")
    found = reading(tmp_path)
    found.verdicts = {"a": Verdict.SKIP}
    run_all(found)
    assert found.lines == ["c"]
    assert found.counted("wlf_file_passed_over_bytes_total") == (tmp_path / "a" / "0.log").stat().st_size
    found.verdicts = {}
    write(tmp_path / "a" / "0.log", "out F d")
    assert run_all(found).lines == ["c", "d"]


def test_an_older_file_of_a_log_is_read_before_a_newer_one(tmp_path: Path) -> None:
    names = ["0.log.20260131-101500.gz", "0.log.20260131-101600", "0.log.20260131-101700", "0.log"]
    for number, name in enumerate(names):
        path = tmp_path / "c" / name
        write(path, *[f"out F {number}-{n}" for n in range(20_000)], f"out P {number}-")
        if name.endswith(".gz"):
            path.write_bytes(gzip.compress(path.read_bytes(), 1))
    found = run_all(reading(tmp_path, partial_line_timeout_ms=10_000_000))
    assert found.lines[0] == "0-0"
    assert [line for line in found.lines if line.endswith(("-0", "-"))] == ["0-0", "0-1-0", "1-2-0", "2-3-0", "3-"]
    assert len(found.lines) == 4 * 20_000 + 1


def test_a_character_that_lies_in_two_parts_is_whole_and_what_is_none_is_replaced_and_counted(tmp_path: Path) -> None:
    time = b"2026-01-31T10:00:00.000000000Z stdout "
    half, other_half = "\u00e9".encode()[:1], "\u00e9".encode()[1:]
    lines = [
        time + b"P caf" + half + b"\n",
        time + b"F " + other_half + b"!\n",
        time + b"F bad \xff\n",
        time + b"F na\xc3\xafve\n",
    ]
    write(tmp_path / "c" / "0.log", *lines)
    found = run_all(reading(tmp_path))
    assert found.lines == ["caf\u00e9!", "bad \ufffd", "na\u00efve"]
    assert found.counted("wlf_file_replaced_lines_total") == 1


async def notice(found: CriReading) -> None:
    """Hear of what happened; nothing is to be read yet."""
    for _ in range(4):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await found.step()


def test_a_file_that_waits_for_its_turn_is_what_its_compressed_copy_is_made_of(tmp_path: Path) -> None:
    async def scenario() -> CriReading:
        log = tmp_path / "c" / "0.log"
        found = reading(tmp_path, rescan_interval_ms=100)
        found.verdicts = {"c": Verdict.LATER}
        await found.restart()
        async with found:
            for number in range(3):
                write(log, f"out F {number}a", f"out P {number}b")
                await notice(found)
                rotated = log.rename(log.with_name(f"0.log.20260131-10150{number}"))
                write(log, "out F -")
                await notice(found)
                rotated.with_name(rotated.name + ".gz").write_bytes(gzip.compress(rotated.read_bytes()))
                rotated.unlink()
                await notice(found)
            found.collector.verdicts = {}  # type: ignore[attr-defined]
            write(log, "out F end")
            await found.until_line("end")
        return found

    assert run(scenario()).lines == ["0a", "0b-", "1a", "1b-", "2a", "2b-", "end"]
