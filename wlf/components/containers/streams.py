"""From the records of one stream of one container to events: parts of lines are put together, then lines that belong
together.

Engines cut a line every 16 KiB and write each part as a record of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from wlf.components.base import Counter
from wlf.components.following.multiline import Grouping
from wlf.components.following.position import INSIDE, SKIPPING, WHOLE
from wlf.components.following.reading import CONTINUED, PARTIAL, TRUNCATED

MULTILINE = "multiline"


class Cuts(Protocol):
    """Counters of lines that were too long."""

    truncated: Counter
    cut_bytes: Counter


class Record(NamedTuple):
    """What an engine wrote down at once: a line, or a part of one that goes on in the stream's next record.

    Args:
        text: without a line end.
        place: where it begins; opaque to whoever puts records together.
    """

    time: str
    text: str
    is_part: bool
    place: Any


class Made(NamedTuple):
    """A line, or lines that belong together, with the time and the place of the first record."""

    time: str
    text: str
    flags: tuple[str, ...]
    place: Any


class Kept(NamedTuple):
    """Something that is not delivered yet.

    Args:
        place: of its first record.
        time: of a part the first record's, of lines the last one's.
    """

    place: Any
    size: int
    time: str


class LogStream:
    """Keeps what is not complete yet: the parts of a line, and the lines of an event that may go on.

    Args:
        grouping: which lines are one event; None: each is.
        max_line_bytes: a longer line is cut; as many bytes of lines that belong together are delivered.
        cuts: counts the lines that were cut, and the bytes that were left out of them.
    """

    __slots__ = (
        "_cuts", "_grouping", "_line", "_line_bytes", "_lines", "_lines_bytes", "_max_bytes", "_place", "_time",
        "within",
    )  # fmt: skip

    def __init__(self, grouping: Grouping | None, max_line_bytes: int, cuts: Cuts) -> None:
        self._grouping = grouping
        self._max_bytes = max_line_bytes
        self._cuts = cuts
        self.within = WHOLE
        """Where the next record lies: between two lines, in one whose beginning is delivered, or in a cut one."""
        self._line: list[str] = []
        self._line_bytes = 0
        self._time = ""
        self._place: Any = None
        self._lines: list[Made] = []
        self._lines_bytes = 0

    @property
    def is_plain(self) -> bool:
        """Does each whole record make an event by itself just now?"""
        return self._grouping is None and not self._line and self.within == WHOLE

    @property
    def part(self) -> Kept | None:
        """The beginning of a line that is kept; None where none is."""
        return Kept(self._place, self._line_bytes, self._time) if self._line else None

    @property
    def lines(self) -> Kept | None:
        """Lines that are kept, as others may belong to them."""
        return Kept(self._lines[0].place, self._lines_bytes, self._lines[-1].time) if self._lines else None

    def held(self) -> Any | None:
        """The place of the first record that is not delivered; None where nothing is kept."""
        if self._lines:
            return self._lines[0].place
        return self._place if self._line else None

    def take(self, records: Iterable[Record]) -> list[Made]:
        """The events that are complete by now."""
        lines: list[Made] = []
        for time, text, is_part, place in records:
            if self.within == SKIPPING:
                self._cuts.cut_bytes.add(_size(text))
                if not is_part:
                    self.within = WHOLE
                continue
            if is_part or self._line:
                line = self._add(time, text, is_part, place)
                if line is not None:
                    lines.append(line)
            else:
                lines += self._whole(time, text, place)
        return lines if self._grouping is None else self._group(lines, self._grouping)

    def end_part(self) -> list[Made]:
        """The line whose end is not there, as far as it goes; what follows comes marked as its continuation."""
        if not self._line:
            return []
        made = self._end_line((CONTINUED, PARTIAL) if self.within == INSIDE else (PARTIAL,))
        self.within = INSIDE
        return [made]

    def end_lines(self) -> list[Made]:
        """The lines that others may belong to."""
        lines, self._lines, self._lines_bytes = self._lines, [], 0
        return [_joined(lines)] if lines else []

    def regroup(self, grouping: Grouping | None) -> list[Made]:
        """Other lines are one event from now on; answers with those that were kept."""
        self._grouping = grouping
        return self.end_lines()

    def _whole(self, time: str, text: str, place: Any) -> list[Made]:
        if self.within == INSIDE:
            self.within = WHOLE
            return [Made(time, text, (CONTINUED,), place)] if text else []
        if _size(text) > self._max_bytes:
            return [Made(time, self._cut(text, self._max_bytes), (TRUNCATED,), place)]
        return [Made(time, text, (), place)]

    def _add(self, time: str, text: str, is_part: bool, place: Any) -> Made | None:
        """A part, or the last one of a line."""
        if not self._line:
            self._time, self._place = time, place
        size, room = _size(text), self._max_bytes - self._line_bytes
        flags = (CONTINUED,) if self.within == INSIDE else ()
        if size > room:
            self._line.append(self._cut(text, room))
            self.within = SKIPPING if is_part else WHOLE
            return self._end_line((*flags, TRUNCATED))
        self._line.append(text)
        self._line_bytes += size
        if is_part:
            return None
        self.within = WHOLE
        return self._end_line(flags)

    def _cut(self, text: str, room: int) -> str:
        self._cuts.truncated.add()
        self._cuts.cut_bytes.add(_size(text) - room)
        return text[:room] if text.isascii() else _bytes_of(text)[:room].decode(errors="ignore")

    def _end_line(self, flags: tuple[str, ...]) -> Made:
        made = Made(self._time, "".join(self._line), flags, self._place)
        self._line, self._line_bytes, self._place = [], 0, None
        return made

    def _group(self, lines: list[Made], grouping: Grouping) -> list[Made]:
        """Lines that are marked stand by themselves; of the others the last event may go on."""
        made: list[Made] = []
        for line in lines:
            if line.flags:
                made += self._grouped(grouping, is_last=True)
                made.append(line)
            else:
                self._lines.append(line)
                self._lines_bytes += _size(line.text)
        if lines:
            made += self._grouped(grouping, is_last=False)
        return made

    def _grouped(self, grouping: Grouping, *, is_last: bool) -> list[Made]:
        if not self._lines:
            return []
        made: list[Made] = []
        first = 0
        for text in grouping("\n".join([line.text for line in self._lines])):
            end = first + text.count("\n") + 1
            made.append(_joined(self._lines[first:end]))
            first = end
        if is_last:
            self._lines, self._lines_bytes = [], 0
            return made
        last = made.pop()
        self._lines = self._lines[-(last.text.count("\n") + 1) :]
        self._lines_bytes = _size(last.text)
        if self._lines_bytes >= self._max_bytes:
            made += [_joined(self._lines, (PARTIAL,))]
            self._lines, self._lines_bytes = [], 0
        return made


def _size(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(_bytes_of(text))


def _bytes_of(text: str) -> bytes:
    """Bytes that are no text stand in it as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _joined(lines: list[Made], flags: tuple[str, ...] = ()) -> Made:
    first = lines[0]
    if len(lines) == 1:
        return first._replace(flags=flags) if flags else first
    return Made(first.time, "\n".join([line.text for line in lines]), (MULTILINE, *flags), first.place)
