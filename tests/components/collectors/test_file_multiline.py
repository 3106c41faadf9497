"""Lines that belong together are one event, wherever chunks end and however long the next line takes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.components.collectors.file_reading import FileReading, append, run
from wlf.components.following.multiline import MultilineConfig, grouping_of

JAVA = """\
INFO started
java.lang.IllegalStateException: no
	at a.B.c(B.java:1)
	at a.B.d(B.java:2)
Caused by: java.lang.NullPointerException
	at a.E.f(E.java:3)
	... 2 more
INFO went on"""
PYTHON = """\
INFO started
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    f()
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
    g()
ValueError: y
INFO went on"""
GO = """\
2026/01/01 started
panic: runtime error: index out of range [1] with length 1

goroutine 1 [running]:
main.f(...)
	/app/main.go:6
main.main()
	/app/main.go:9 +0x1d
exit status 2
2026/01/01 went on"""


@pytest.mark.parametrize(("preset", "text"), [("java", JAVA), ("python", PYTHON), ("go", GO)])
def test_presets_keep_traces_together(preset: str, text: str) -> None:
    events = grouping_of(MultilineConfig(preset=preset))(text)
    assert "\n".join(events) == text
    assert [len(event.splitlines()) for event in events] == [1, len(text.splitlines()) - 2, 1]


def test_start_and_continue_are_found_anywhere_in_a_line_unless_they_say_where() -> None:
    text = "a START\nb\nc START\n d\n e"
    assert grouping_of(MultilineConfig(start="START"))(text) == ["a START\nb", "c START\n d\n e"]
    assert grouping_of(MultilineConfig(start=r"^[ac]"))(text) == ["a START\nb", "c START\n d\n e"]
    assert grouping_of(MultilineConfig(continue_=r"^\s"))(text) == ["a START", "b", "c START\n d\n e"]


@pytest.mark.parametrize("options", [{}, {"start": "a", "preset": "go"}, {"start": "("}])
def test_one_rule_that_is_a_rule(options: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, MultilineConfig)


def test_the_last_event_waits_for_its_lines(tmp_path: Path) -> None:
    async def scenario() -> list[tuple[str, object, object]]:
        log = tmp_path / "a.log"
        append(log, "one", " of", "two")
        options = {"multiline": {"continue": "^ ", "timeout_ms": 1}, "offset": True}
        async with FileReading(tmp_path, **options) as reading:
            await reading.until_line("two")
            append(log, "three", " of", " three")
            await reading.until_line("three\n of\n three")
            await reading.restart()
            append(log, "four", " of")
            await reading.to_end()
            return [(event.message, event.offset, event.flags or ()) for event in reading.events]

    assert run(scenario()) == [
        ("one\n of", 0, ("multiline",)),
        ("two", 8, ()),
        ("three\n of\n three", 12, ("multiline",)),
        ("four\n of", 29, ("multiline",)),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_events_larger_than_a_chunk(tmp_path: Path, encoding: str) -> None:
    events = ["\n".join(["START"] + [" x" * 40] * lines) for lines in (3, 10_000, 1, 20_000)]
    (tmp_path / "a.log").write_bytes(("\r\n".join("\n".join(events).split("\n")) + "\r\n").encode(encoding))

    async def scenario() -> list[str]:
        reading = FileReading(tmp_path, multiline={"start": "^START"}, encoding=encoding)
        return (await reading.to_end()).lines

    assert run(scenario()) == events


def test_an_event_without_end_is_cut_into_parts(tmp_path: Path) -> None:
    append(tmp_path / "a.log", "START", *[" " + "x" * 98] * 10_000)

    async def scenario() -> FileReading:
        return await FileReading(tmp_path, multiline={"start": "^START"}, max_line_bytes=50_000).to_end()

    reading = run(scenario())
    assert sum(len(line.split("\n")) for line in reading.lines) == 10_001
    assert max(len(line) for line in reading.lines) <= 300_000


@pytest.mark.parametrize(
    ("options", "events"),
    [
        ({"continue": r"^\s"}, ["a\n b", "", "c", ""]),
        ({"start": r"^[^ ]"}, ["a\n b\n", "c\n"]),
        ({"start": r"^\S"}, ["a\n b\n", "c\n"]),
    ],
)
def test_an_expression_never_looks_beyond_its_line(options: dict[str, str], events: list[str]) -> None:
    """A line feed is white space too, and no blank: an empty line is asked by itself."""
    grouping = grouping_of(msgspec.convert(options, MultilineConfig))
    assert grouping("a\n b\n\nc\n") == events
    assert grouping == grouping_of(msgspec.convert(options, MultilineConfig))
