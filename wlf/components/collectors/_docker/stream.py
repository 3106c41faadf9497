"""One stream of one container: leaves out what is delivered, keeps count, and makes events of the rest."""

from __future__ import annotations

import codecs

from wlf.components.collectors._docker.frames import PART_BYTES
from wlf.components.collectors._docker.moments import BEGINNING, normal
from wlf.components.collectors._docker.position import Place
from wlf.components.collectors._docker.tally import Tally
from wlf.components.containers.streams import LogStream, Made, Record
from wlf.components.following.multiline import Grouping
from wlf.components.following.position import WHOLE

_decoder = codecs.getincrementaldecoder("utf-8")


class Stream:
    """Stdout or stderr.

    Args:
        place: where reading goes on.
        grouping: which lines are one event.
        max_line_bytes: a longer line is cut.
        merges: are the parts of a line put together?
    """

    __slots__ = (
        "_count", "_decoder", "_era", "_is_sure", "_last", "_left", "_max_bytes", "_merges", "_part_time", "_peak",
        "_seeks", "_tally", "_time", "fell_to", "has_gap", "is_podman",
        "lines",
    )  # fmt: skip

    def __init__(
        self, place: Place, grouping: Grouping | None, max_line_bytes: int, tally: Tally, *, merges: bool
    ) -> None:
        self.lines = LogStream(grouping, max_line_bytes, tally)
        self.lines.within = place.within
        self.is_podman = False
        """Its parts have any size and a time of their own; a line that has no end is one of them."""
        self._max_bytes = max_line_bytes
        self._tally = tally
        self._merges = merges
        self._decoder = _decoder("replace")
        self._time, self._count, self._era, self._peak = place.time, place.count, place.era, place.peak
        self._part_time = place.time if place.within != WHOLE else BEGINNING
        self._left: int | None = None
        """How many records with the last time come again before the next new one; None: all are new."""
        self._seeks = False
        self._is_sure = True
        """Is what comes next known to be the next one in the log?"""
        self._last = b""
        """The last record that was read."""
        self.has_gap = False
        """Was what was read last not in the log any more?"""
        self.fell_to: str | None = None
        """A time that is not behind the one before it: nothing is taken until the log is read again."""

    @property
    def time(self) -> str:
        """Of the last record that was read."""
        return self._time

    @property
    def count(self) -> int:
        """How many records with that time were read."""
        return self._count

    @property
    def peak(self) -> str:
        """The highest time of all."""
        return max(self._peak, self._time)

    @property
    def holds(self) -> bool:
        """Does anything wait for the rest?"""
        return self.lines.held() is not None

    @property
    def holds_part(self) -> bool:
        """Is that a line that goes on?"""
        return bool(self._part_time) and self.holds

    def place(self) -> Place:
        """What lies before it is delivered."""
        held: Place | None = self.lines.held()
        return held if held is not None else self._here()

    def _here(self, count: int | None = None) -> Place:
        peak = self._peak if self._peak > self._time else BEGINNING
        return Place(self._time, self._count if count is None else count, self._era, peak, self.lines.within)

    def reread(self, since: str, is_there: bool | None) -> None:
        """The log is read again, from somewhere on.

        Args:
            since: what is earlier does not come.
            is_there: whether the last record is still in there, where that was looked for: then reading goes on behind
                it, else all is new. None: what has an earlier time was read, for times rise.
        """
        self._seeks = is_there is True
        self._left = None
        self._is_sure = True
        self.fell_to = None
        if is_there is False:
            self._era += 1
            self._peak, self._time, self._count = self.peak, BEGINNING, 0
        elif self._time:
            self._left = self._count if self._time >= since else 0

    def take(self, content: bytes) -> list[Made]:
        """The events that a record, `TIME text`, completes."""
        at = content.find(b" ", 0, 40)
        try:
            time = content[:at].decode("ascii")
            key = normal(time)
        except ValueError:
            time, key, at = self._time, self._time, -1  # Podman leaves it out now and then; the text is there
        if self._left is not None and self._was_read(key, self._left):
            return []
        if key <= self._time and not self._is_next(key, content):
            self.fell_to = key
            return []
        if key != self._time:
            if key < self._time:
                self._era += 1
                self._peak = self.peak
            self._time, self._count = key, 0
        self._count += 1
        self._is_sure = False
        self._last = content
        text = content[at + 1 :]
        if text[-1:] == b"\n":
            text = text[:-2] if text[-2:-1] == b"\r" else text[:-1]
            is_part = False
        else:
            is_part = self.is_podman or len(text) >= PART_BYTES
        return self._made(time, key, text, is_part)

    def _is_next(self, key: str, content: bytes) -> bool:
        """Is this the next record in the log, though its time is no later one?

        Docker 20.10 repeats records of a file that it rotates while it is followed. In the log itself times fall only
        where the clock was set back, so a stream that was just opened tells.
        """
        if self._is_sure or self.is_podman:
            return True
        return key == self._time and (content != self._last or content[-1:] != b"\n")

    def _was_read(self, key: str, left: int) -> bool:
        """Is this record one that comes again? The first one that is not ends the question."""
        if left and key == self._time:
            self._left = left - 1 or None
            return True
        if key != self._time if self._seeks else key < self._time:
            return True
        if left:
            self.has_gap = True
        self._left = None
        return False

    def _made(self, time: str, key: str, text: bytes, is_part: bool) -> list[Made]:
        made: list[Made] = []
        if self._part_time and self._part_time != key and not self.is_podman:
            made = self.end_line()  # all parts of a line have the same time
        lines = self.lines
        if not is_part and not self._part_time and lines.is_plain and len(text) <= self._max_bytes:
            return [*made, Made(time, self._decoded(text), (), None)]
        place = self._here(self._count - 1)
        made += lines.take((Record(time, self._decoded(text, is_part), is_part, place),))
        self._part_time = key if is_part else BEGINNING
        return made if self._merges or not is_part else made + lines.end_part()

    def end_line(self) -> list[Made]:
        """The parts that came are all of their line."""
        if not self._part_time:
            return []
        rest = self._decoder.decode(b"", True)
        self._decoder.reset()
        time, self._part_time = self._part_time, BEGINNING
        return self.lines.take((Record(time, rest, False, self._here()),))

    def end(self) -> list[Made]:
        """Nothing more comes of this container: whatever is held is complete."""
        return self.end_line() + self.lines.end_lines()

    def overdue(self) -> list[Made]:
        """What waited long enough for the rest."""
        return self.lines.end_lines() + self.lines.end_part()

    def _decoded(self, text: bytes, is_part: bool = False) -> str:
        if is_part or self._part_time:  # a part may end in the middle of a character
            decoded = self._decoder.decode(text, not is_part)
            if "\ufffd" in decoded and b"\xef\xbf\xbd" not in text:
                self._tally.replaced.add()
            return decoded
        try:
            return text.decode()
        except UnicodeDecodeError:
            self._tally.replaced.add()
            return text.decode(errors="replace")
