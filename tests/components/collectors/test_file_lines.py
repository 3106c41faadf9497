"""What a line is: its end, its encoding, its length, its neighbours."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from tests.components.collectors.file_reading import FileReading, append, run


def read_all(folder: Path, **options: object) -> FileReading:
    async def scenario() -> FileReading:
        return await FileReading(folder, **options).to_end()

    return run(scenario())


def test_carriage_returns_belong_to_the_line_end(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"1\r\n\r\n2\n3\r4\r\n")
    assert read_all(tmp_path).lines == ["1", "", "2", "3\r4"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin1", "shift_jis", "utf-32"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    lines = ["plain", "", "zwölf"] if encoding == "latin1" else ["plain", "漢字ソ", "ਊ਀"[: 2 * ("utf" in encoding)]]
    (tmp_path / "a.log").write_bytes("".join(line + "\r\n" for line in lines).encode(encoding))
    assert read_all(tmp_path, encoding=encoding, offset=True).lines == lines


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\xef\xbb\xbfone\n")
    (tmp_path / "b.log").write_bytes(b"\xef\xbb\xbftwo")
    assert sorted(read_all(tmp_path).lines) == ["one", "two"]


def test_big_endian_is_known_by_its_mark(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes("\ufeffone\ntwo\n".encode("utf-16-be"))
    assert read_all(tmp_path, encoding="utf-16").lines == ["one", "two"]


def test_bytes_that_are_no_text_are_replaced_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"good\nbad \xff\xfe\n\xe4\xbd\xa0\nbad too \x80\n")
    reading = read_all(tmp_path)
    assert reading.lines == ["good", "bad \ufffd\ufffd", "你", "bad too \ufffd"]
    assert reading.counted("wlf_file_replaced_lines_total") == 2


def test_a_line_that_is_too_long_is_cut_marked_and_counted_and_the_file_goes_on(tmp_path: Path) -> None:
    long = "x" * 1_000_000
    append(tmp_path / "a.log", "before", long, "after", long + "y", "end")
    reading = read_all(tmp_path, max_line_bytes=10_000)
    assert [(e.message[:9], len(e.message), e.flags or ()) for e in reading.events] == [
        ("before", 6, ()),
        ("xxxxxxxxx", 10_000, ("truncated",)),
        ("after", 5, ()),
        ("xxxxxxxxx", 10_000, ("truncated",)),
        ("end", 3, ()),
    ]
    assert reading.counted("wlf_file_truncated_lines_total") == 2
    assert reading.counted("wlf_file_cut_bytes_total") == 2_000_001 - 20_000


@pytest.mark.parametrize("size", [262_143, 262_144, 262_145, 3_000_000])
def test_a_line_longer_than_a_chunk_is_whole(tmp_path: Path, size: int) -> None:
    append(tmp_path / "a.log", "1", "x" * size, "2", "y" * size)
    reading = read_all(tmp_path, offset=True)
    assert [len(line) for line in reading.lines] == [1, size, 1, size]
    assert [event.offset for event in reading.events] == [0, 2, size + 3, size + 5]


def test_a_last_line_without_an_end_is_delivered_and_what_follows_is_told_to_belong_to_it(tmp_path: Path) -> None:
    async def scenario() -> list[tuple[str, object]]:
        log = tmp_path / "a.log"
        log.write_bytes("one\nbegun hä".encode()[:-1])
        async with FileReading(tmp_path, partial_line_timeout_ms=1) as reading:
            await reading.until_line("begun h")
            append(log, "", end="")
            with log.open("ab") as file:
                file.write("ä".encode()[1:] + b" and ended\nthree\n")
            await reading.until_line("three")
            await reading.restart()
            append(log, "fo", end="")
            await reading.until_line("fo")
            append(log, "", "five")
            await reading.until_line("five")
            return [(event.message, event.flags or ()) for event in reading.events]

    assert run(scenario()) == [
        ("one", ()),
        ("begun h", ("partial",)),
        ("ä and ended", ("continued",)),
        ("three", ()),
        ("fo", ("partial",)),
        ("five", ()),
    ]


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_compressed_files_of_several_members(tmp_path: Path, kind: str) -> None:
    compress = gzip.compress if kind == "gzip" else zstandard.compress
    parts = [b"".join(b"%d-%d\n" % (part, n) for n in range(30_000)) for part in range(3)]
    (tmp_path / "a.log").write_bytes(b"".join(compress(part) for part in parts))
    reading = read_all(tmp_path)
    assert reading.lines == b"".join(parts).decode().splitlines()


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_compressed_files_are_gone_on_with(tmp_path: Path, kind: str) -> None:
    compress = gzip.compress if kind == "gzip" else zstandard.compress

    async def scenario() -> list[str]:
        (tmp_path / "a.log").write_bytes(b"".join(compress(b"%d\n" % n * 20_000) for n in range(10, 30)))
        async with FileReading(tmp_path) as reading:
            await reading.until(lambda: len(reading.lines) > 100_000)
            assert len(reading.lines) < 400_000
            await reading.restart()
            await reading.to_end()
            await reading.to_end()
            return reading.lines

    assert run(scenario()) == [str(n) for n in range(10, 30) for _ in range(20_000)]


def test_a_damaged_compressed_file_gives_what_can_be_read_and_is_counted(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(b"line %d\n" % n for n in range(50_000)), mtime=0)
    (tmp_path / "a.log").write_bytes(packed[:60_000] + b"\0" * 1_000 + packed[61_000:])
    append(tmp_path / "b.log", "whole")
    reading = read_all(tmp_path)
    assert "whole" in reading.lines
    assert reading.counted("wlf_file_damaged_total") == 1


def test_padding_behind_the_last_member_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(gzip.compress(b"1\n") + b"\0" * 100_000)
    reading = read_all(tmp_path)
    assert reading.lines == ["1"]
    assert reading.counted("wlf_file_damaged_total") == 0
