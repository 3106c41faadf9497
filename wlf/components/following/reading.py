"""From a file's bytes to its next lines: a chunk at a time, wherever lines and chunks end."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from wlf.components.following.contents import Contents, Unpacked
from wlf.components.following.follow import Followed
from wlf.components.following.lines import MARK, LineSplitter, Splitters
from wlf.components.following.multiline import Grouping
from wlf.components.following.position import INSIDE, SKIPPING, TAIL_BYTES, WHOLE
from wlf.components.following.tally import Tally
from wlf.events import Event

CHUNK_BYTES = 262_144
"""What one read asks for: large enough that a line costs next to nothing, small enough to be fair."""

TRUNCATED, PARTIAL, CONTINUED = "truncated", "partial", "continued"


class Changed(Exception):
    """The contents are not those that were read before."""


class Read(NamedTuple):
    """Events, and how far each file that they came from is read now; neither where reading came on without any."""

    events: list[Event]
    positions: dict[str, bytes | None]


NOTHING_YET = Read([], {})


class Reading(Protocol):
    """What a session asks of whoever knows what the files hold."""

    def arrived(self, followed: Followed) -> None:
        """A file is followed from now on."""
        ...

    def departed(self, followed: Followed) -> None:
        """It is not followed any more."""
        ...

    def may_read(self, followed: Followed) -> bool:
        """Has its turn come? If not, it is among the `released` later."""
        ...

    def released(self) -> list[Followed]:
        """Those whose turn has come since."""
        ...

    @property
    def is_held(self) -> bool:
        """Are there files whose turn has not come?"""
        ...

    def read(self, followed: Followed) -> Read | None:
        """The next events of an open file; None where no whole line is there. Raises Changed, Damaged and OSError."""
        ...

    def wait(self, followed: Followed, now: float) -> None:
        """No whole line is there: what stands behind the last one is due some time later."""
        ...

    def read_rest(self, followed: Followed) -> Read | None:
        """What stands there, as no more will come; None where nothing does."""
        ...

    def overdue(self, now: float) -> Read | None:
        """What waited long enough for its end."""
        ...

    def due_at(self) -> float:
        """When `released` or `overdue` has something."""
        ...

    def end(self) -> Read | None:
        """All files are read to their end: what is kept of any of them."""
        ...


class Lines(NamedTuple):
    """Consecutive lines, or events of several lines, of one file; none where reading came on without a whole one."""

    texts: list[str]
    offsets: list[int] | None = None
    flags: tuple[str, ...] = ()


_NO_LINES = Lines([])


class LineReader:
    """Reads any number of files; what it keeps of each stands in Followed."""

    def __init__(
        self,
        splitters: Splitters,
        grouping: Grouping | None,
        max_line_bytes: int,
        tally: Tally,
        *,
        want_offsets: bool,
    ) -> None:
        self._splitters = splitters
        self._grouping = grouping
        self._max_line_bytes = max_line_bytes
        self._tally = tally
        self._want_offsets = want_offsets

    def read(self, followed: Followed) -> Lines | None:
        """The next lines; None where no whole one is there.

        Raises:
            Changed: a compressed file holds something else than what was read of it.
            Damaged: it cannot be decompressed.
        """
        contents = followed.contents
        assert contents is not None, "it is open"
        if isinstance(contents, Unpacked) and not find_place(followed, contents, followed.offset):
            return _NO_LINES if not contents.is_whole or contents.reached else None
        chunk = contents.read(wanted_bytes(followed), followed.scanned)
        splitter = followed.splitter
        if splitter is None:
            if not chunk:
                return None
            splitter = followed.splitter = self._splitters.choose(
                chunk[:4] if not followed.scanned else followed.beginning(4)
            )
        if splitter.width > 1:
            chunk = chunk[: len(chunk) - len(chunk) % splitter.width]
        if not chunk:
            return None
        if followed.within == SKIPPING:
            return self._skip(followed, splitter, chunk)
        if followed.within == INSIDE:
            return self._go_on(followed, splitter, chunk)
        if self._grouping is not None:
            return self._group(followed, splitter, chunk, self._grouping)
        return self._split(followed, splitter, chunk)

    def last_events(self, followed: Followed) -> Lines | None:
        """The last event, made of whole lines, though more of them may come; None where there is none."""
        contents, splitter = followed.contents, followed.splitter
        if contents is None or splitter is None or self._grouping is None or followed.within != WHOLE:
            return None
        part = self._unread(followed, contents)
        end = splitter.last_end(part)
        if not end:
            return None
        return self._events(followed, splitter, part, end, self._grouping(self._text(followed, splitter, part, end)))

    def last_line(self, followed: Followed) -> Lines | None:
        """What stands behind the last line end, as far as it is text; None where there is nothing."""
        contents, splitter = followed.contents, followed.splitter
        if contents is None or splitter is None or followed.within == SKIPPING:
            return None
        part = splitter.beginning(self._unread(followed, contents))
        if not part:
            return None
        flags = (CONTINUED, PARTIAL) if followed.within == INSIDE else (PARTIAL,)
        first = followed.offset
        followed.move(part, len(part))
        followed.within = INSIDE
        return Lines([_unmarked(splitter.text(part), first)], [first], flags)

    def _unread(self, followed: Followed, contents: Contents) -> bytes:
        part = contents.read(self._max_line_bytes, followed.offset)
        if followed.end is None or followed.is_packed:
            return part
        return part[: max(0, followed.end - followed.offset)]

    def _split(self, followed: Followed, splitter: LineSplitter, chunk: bytes) -> Lines:
        if followed.scanned > followed.offset:
            return self._end_of_long(followed, splitter, chunk)
        end = splitter.last_end(chunk)
        if not end:
            return self._scan_on(followed, splitter, chunk)
        first = followed.offset
        body = chunk[: end - splitter.width]
        texts = splitter.split(body)
        if not first:
            texts[0] = _unmarked(texts[0], first)
        followed.move(chunk, end)
        return Lines(texts, splitter.offsets(body, first) if self._want_offsets else None)

    def _scan_on(self, followed: Followed, splitter: LineSplitter, chunk: bytes) -> Lines:
        """No line ends in the chunk: remember that, and cut the line when it is too long."""
        followed.scanned += len(chunk)
        if followed.scanned - followed.offset <= self._max_line_bytes:
            return _NO_LINES
        return self._cut(followed, splitter)

    def _end_of_long(self, followed: Followed, splitter: LineSplitter, chunk: bytes) -> Lines:
        """More of a line that began before this chunk."""
        size = splitter.first_end(chunk)
        if not size:
            return self._scan_on(followed, splitter, chunk)
        length = followed.scanned + size - followed.offset
        if length - splitter.width > self._max_line_bytes:
            return self._cut(followed, splitter)
        first = followed.offset
        line = self._read_again(followed, length)
        followed.move(line, length)
        return Lines([_unmarked(splitter.split(line[: -splitter.width])[0], first)], [first])

    def _cut(self, followed: Followed, splitter: LineSplitter) -> Lines:
        """The beginning of a line that is too long; its rest is skipped."""
        first = followed.offset
        line = splitter.beginning(self._read_again(followed, self._max_line_bytes))
        followed.move(line, len(line))
        followed.within = SKIPPING
        self._tally.truncated.add()
        return Lines([_unmarked(splitter.text(line), first)], [first], (TRUNCATED,))

    def _read_again(self, followed: Followed, size: int) -> bytes:
        assert followed.contents is not None
        return followed.contents.read(size, followed.offset)

    def _skip(self, followed: Followed, splitter: LineSplitter, chunk: bytes) -> Lines:
        """Leave out what belongs to a line that was cut."""
        size = splitter.first_end(chunk)
        self._tally.cut_bytes.add((size - splitter.width) if size else len(chunk))
        followed.move(chunk, size or len(chunk))
        if size:
            followed.within = WHOLE
        return _NO_LINES

    def _go_on(self, followed: Followed, splitter: LineSplitter, chunk: bytes) -> Lines | None:
        """The rest of a line whose beginning was delivered before its end was written."""
        if followed.scanned > followed.offset:
            chunk = self._read_again(followed, followed.scanned - followed.offset + len(chunk))
        size = splitter.first_end(chunk)
        first = followed.offset
        if not size:
            followed.scanned = first + len(chunk)
            if len(chunk) <= self._max_line_bytes:
                return _NO_LINES
            return self._cut(followed, splitter)
        text = splitter.split(chunk[: size - splitter.width])[0]
        followed.move(chunk, size)
        followed.within = WHOLE
        return Lines([text], [first], (CONTINUED,)) if text else _NO_LINES

    def _group(self, followed: Followed, splitter: LineSplitter, chunk: bytes, grouping: Grouping) -> Lines | None:
        """All events but the last one, to which more lines may belong."""
        if followed.scanned > followed.offset:
            return self._end_of_long(followed, splitter, chunk)
        end = splitter.last_end(chunk)
        is_full = len(chunk) >= self._max_line_bytes
        if not end:
            if is_full:
                followed.scanned += len(chunk)
                return self._cut(followed, splitter)
            return self._want_more(followed, chunk)
        events = grouping(self._text(followed, splitter, chunk, end))
        if len(events) == 1:
            if is_full:
                return self._events(followed, splitter, chunk, end, events)._replace(flags=(PARTIAL,))
            return self._want_more(followed, chunk)
        for _ in range(events.pop().count("\n") + 1):
            end = splitter.end_before(chunk, end - splitter.width)
        return self._events(followed, splitter, chunk, end, events)

    def _want_more(self, followed: Followed, chunk: bytes) -> Lines | None:
        """The last event may go on in the next chunk; None where that is not there yet."""
        if len(chunk) < (followed.want_bytes or CHUNK_BYTES):
            return None
        followed.want_bytes = 2 * len(chunk)
        return _NO_LINES

    def _text(self, followed: Followed, splitter: LineSplitter, chunk: bytes, end: int) -> str:
        text = _unmarked(splitter.text(chunk[: end - splitter.width]), followed.offset)
        if "\r" in text:
            text = text.replace("\r\n", "\n").removesuffix("\r")
        return text

    def _events(self, followed: Followed, splitter: LineSplitter, chunk: bytes, end: int, texts: list[str]) -> Lines:
        """Events of one or several lines that end at `end`."""
        offsets = None
        if self._want_offsets:
            starts = splitter.offsets(chunk[: end - splitter.width], followed.offset)
            offsets, line = [], 0
            for text in texts:
                offsets.append(starts[line])
                line += text.count("\n") + 1
        followed.move(chunk, end)
        return Lines(texts, offsets)


def wanted_bytes(followed: Followed) -> int:
    """What the next read asks for."""
    wanted = followed.want_bytes or CHUNK_BYTES
    if followed.end is None or followed.is_packed:
        return wanted
    return max(0, min(wanted, followed.end - followed.scanned))


def find_place(followed: Followed, contents: Unpacked, start: int) -> bool:
    """Decompress a step towards `start`, and see that what lies before the offset is what was read. Raises Changed."""
    if contents.reached < start:
        if not contents.skip(start, TAIL_BYTES) and contents.is_whole:
            raise Changed
        return False
    if not followed.is_checked:
        if start < followed.offset:
            contents.read(followed.offset - start, start)
        if not followed.is_checked_by(contents):
            raise Changed
        followed.note_checked()
    return True


def _unmarked(text: str, first: int) -> str:
    """Without the byte order mark that may stand at the beginning of a file."""
    return text if first else text.removeprefix(MARK)
