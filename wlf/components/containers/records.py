"""What container engines write: a time, a stream and a line, or a part of one, in each record of a log file.

- CRI (containerd, CRI-O, Podman's k8s-file): `2026-01-31T23:59:59.123456789Z stdout F the line`, with `P` for a part of
  a line that goes on. Source: the logging format of the Kubernetes container runtime interface.
- json-file (Docker): `{"log": "the line\\n", "stream": "stdout", "time": "2026-01-31T23:59:59.123456789Z"}`; a part has
  no line end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import DecodeError, Struct

from wlf.components.containers.times import seconds_of
from wlf.components.following.lines import LineSplitter

UNKNOWN = "unknown"
"""The stream of what is no record."""
STREAMS = frozenset(("stdout", "stderr"))


class Columns(NamedTuple):
    """Consecutive records, index by index.

    Args:
        seconds: `times` as numbers.
        parts: which of them go on in the stream's next record; None: none does.
        bad: indices of lines that are no records; their text is the whole line.
        has_bytes: bytes that are no UTF-8 stand in `texts` as lone surrogates; see `as_text`.
    """

    times: Sequence[str]
    seconds: Sequence[float]
    streams: Sequence[str]
    texts: Sequence[str]
    parts: Sequence[bool] | None = None
    bad: Sequence[int] = ()
    has_bytes: bool = False


def as_text(text: str) -> tuple[str, bool]:
    """The text of a whole line, and whether bytes of it had to be replaced.

    Engines cut lines between any two bytes: a character may lie half in one part and half in the next one.
    """
    if text.isascii():
        return text, False
    try:
        content = text.encode("utf-8", "surrogateescape")
        return content.decode(), False
    except UnicodeDecodeError:
        return content.decode(errors="replace"), True


class LineRecords:
    """Records that are lines of their file: CRI, or json-file where a line begins with a brace."""

    def __init__(self) -> None:
        self._splitter = LineSplitter("utf-8", lambda count: None)

    def last_end(self, chunk: bytes) -> int:
        """Where the last whole record ends; 0 where there is none."""
        return chunk.rfind(b"\n") + 1

    def parse(self, body: bytes) -> Columns:
        """Whole records."""
        if body.startswith(b"{"):
            columns = _parse_json(body)
            return _without_returns(columns) if b"\\r" in body else columns
        try:
            text, has_bytes = body[:-1].decode(), False
        except UnicodeDecodeError:
            text, has_bytes = body[:-1].decode("utf-8", "surrogateescape"), True
        columns = _parse_cri(text.split("\n"))
        if has_bytes:
            columns = columns._replace(has_bytes=True)
        return _without_returns(columns) if b"\r" in body else columns

    def offsets(self, body: bytes, first: int) -> list[int]:
        """Where each record begins, `first` being the place of the first one."""
        return self._splitter.offsets(body[:-1], first)


def _parse_cri(lines: list[str]) -> Columns:
    try:
        times, streams, tags, texts = zip(*[line.split(" ", 3) for line in lines], strict=True)
        seconds = [seconds_of(time) for time in times]
    except ValueError:
        return _parse_one_by_one(lines, _cri_record)
    kinds = set(tags)
    if not STREAMS.issuperset(streams) or not kinds <= {"F", "P"}:
        return _parse_one_by_one(lines, _cri_record)
    return Columns(times, seconds, streams, texts, None if kinds == {"F"} else [tag == "P" for tag in tags])


class _Fields(NamedTuple):
    time: str
    stream: str
    text: str
    is_part: bool


def _cri_record(line: str) -> _Fields:
    """One line. Raises ValueError where it is no record."""
    time, stream, tags, *rest = line.split(" ", 3)
    tag = tags.partition(":")[0]  # others may follow, of which none is defined
    if stream not in STREAMS or tag not in ("F", "P"):
        raise ValueError(line)
    return _Fields(time, stream, rest[0] if rest else "", tag == "P")


class _Entry(Struct, gc=False):
    log: str
    stream: str
    time: str


_decoder = msgspec.json.Decoder(_Entry)


def _parse_json(body: bytes) -> Columns:
    try:
        entries = _decoder.decode_lines(body)
        seconds = [seconds_of(entry.time) for entry in entries]
    except (DecodeError, ValueError):
        lines = body[:-1].decode(errors="replace").split("\n")
        return _parse_one_by_one(lines, _json_record)
    texts = [entry.log for entry in entries]
    parts = [not text.endswith("\n") for text in texts]
    return Columns(
        [entry.time for entry in entries],
        seconds,
        [entry.stream for entry in entries],
        [text.removesuffix("\n") for text in texts],
        parts if True in parts else None,
    )


def _json_record(line: str) -> _Fields:
    try:
        entry = _decoder.decode(line)
    except DecodeError as error:
        raise ValueError(line) from error
    return _Fields(entry.time, entry.stream, entry.log.removesuffix("\n"), not entry.log.endswith("\n"))


def _parse_one_by_one(lines: list[str], record_of: Callable[[str], _Fields]) -> Columns:
    """Some of them are no records, or unusual ones."""
    records: list[_Fields] = []
    seconds: list[float] = []
    bad: list[int] = []
    for index, line in enumerate(lines):
        try:
            record = record_of(line)
            seconds.append(seconds_of(record.time))
        except ValueError:
            record = _Fields("", UNKNOWN, line, False)
            seconds.append(0.0)
            bad.append(index)
        records.append(record)
    times, streams, texts, parts = (list(column) for column in zip(*records, strict=True))
    return Columns(times, seconds, streams, texts, parts if True in parts else None, bad)


def _without_returns(columns: Columns) -> Columns:
    """What a terminal gets ends with a carriage return."""
    parts = columns.parts or [False] * len(columns.texts)
    texts = [text if is_part else text.removesuffix("\r") for text, is_part in zip(columns.texts, parts, strict=True)]
    return columns._replace(texts=texts)
