"""Lines are the same whatever the chunks, the cuts between writes, and the encoding."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.components.collectors.file_reading import FileReading, run
from wlf.components.following import reading as reading_module
from wlf.components.following.multiline import MultilineConfig, grouping_of

TEXT = st.text(st.characters(blacklist_characters="\n\r\ufeff", blacklist_categories=("Cs",)), max_size=40)
LINES = st.lists(TEXT, max_size=30)
ENCODINGS = st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "gb18030"])
SETTINGS = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@SETTINGS
@given(LINES, ENCODINGS, st.sampled_from(["\n", "\r\n"]), st.sampled_from([16, 64, 1024]), st.booleans())
def test_lines_do_not_depend_on_chunks(
    lines: list[str], encoding: str, end: str, chunk_bytes: int, with_offset: bool
) -> None:
    async def scenario(folder: Path) -> None:
        content = [(line + end).encode(encoding) for line in lines]
        (folder / "a.log").write_bytes(b"".join(content))
        with patch.object(reading_module, "CHUNK_BYTES", chunk_bytes):
            reading = await FileReading(folder, encoding=encoding, offset=with_offset, compression="none").to_end()
        assert reading.lines == lines
        if with_offset:
            assert [event.offset for event in reading.events] == [sum(map(len, content[:n])) for n in range(len(lines))]

    with tempfile.TemporaryDirectory() as folder:
        run(scenario(Path(folder)))


@SETTINGS
@given(st.lists(st.tuples(st.sampled_from(["START", " more", "other"]), st.integers(0, 60)), max_size=40))
def test_events_of_several_lines_do_not_depend_on_chunks(lines: list[tuple[str, int]]) -> None:
    text = "\n".join(word + "x" * count for word, count in lines)

    async def scenario(folder: Path) -> None:
        (folder / "a.log").write_text(text + "\n" if lines else "")
        with patch.object(reading_module, "CHUNK_BYTES", 32):
            reading = await FileReading(folder, multiline={"start": "^START"}).to_end()
        assert reading.lines == (grouping_of(MultilineConfig(start="^START"))(text) if lines else [])

    with tempfile.TemporaryDirectory() as folder:
        run(scenario(Path(folder)))


@SETTINGS
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_any_bytes_in_any_pieces_are_all_delivered(content: bytes, cuts: list[int]) -> None:
    async def scenario(folder: Path) -> None:
        log = folder / "a.log"
        async with FileReading(folder, encoding="latin1", compression="none", host="") as reading:
            at = 0
            for cut in sorted({*cuts, len(content)}):
                with log.open("ab") as file:
                    file.write(content[at:cut])
                at = max(at, cut)
                await reading.to_end()
            text = "".join(
                event.message + ("" if "partial" in (event.flags or ()) else "\n") for event in reading.events
            )
            expected = content.decode("latin1").replace("\r\n", "\n")
            assert text.replace("\r", "").rstrip("\n") == expected.replace("\r", "").rstrip("\n")

    with tempfile.TemporaryDirectory() as folder:
        run(scenario(Path(folder)))
