"""Lines of any program's files: each line, or each group of lines, is an event."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from itertools import repeat

from msgspec import UNSET, UnsetType

from wlf.components.base import Context
from wlf.components.collectors._file.options import FileConfig
from wlf.components.collectors._file.pending import Pending
from wlf.components.following.follow import Followed
from wlf.components.following.lines import Splitters
from wlf.components.following.multiline import grouping_of
from wlf.components.following.reading import NOTHING_YET, LineReader, Lines, Read
from wlf.components.following.roster import Roster
from wlf.components.following.tally import Tally
from wlf.events import Event
from wlf.events.log import FileLine

_MULTILINE = ("multiline",)


class PlainReading:
    """The Reading of the File collector."""

    def __init__(self, config: FileConfig, context: Context, tally: Tally, roster: Roster) -> None:
        self._config = config
        self._context = context
        self._roster = roster
        self._read_bytes = tally.read_bytes
        multiline = config.multiline
        self._reader = LineReader(
            Splitters(config.encoding, tally.replaced.add),
            None if multiline is None else grouping_of(multiline),
            config.max_line_bytes,
            tally,
            want_offsets=config.offset,
        )
        self._groups = None if multiline is None else Pending(multiline.timeout_ms / 1000)
        self._lasts = Pending(config.partial_line_timeout_ms / 1000)
        self._host: str | UnsetType = (socket.gethostname() if config.host is None else config.host) or UNSET

    def arrived(self, followed: Followed) -> None:
        """See Reading."""

    def departed(self, followed: Followed) -> None:
        """See Reading."""

    def may_read(self, followed: Followed) -> bool:
        """See Reading."""
        return True

    def released(self) -> list[Followed]:
        """See Reading."""
        return []

    @property
    def is_held(self) -> bool:
        """See Reading."""
        return False

    def read(self, followed: Followed) -> Read | None:
        """See Reading."""
        first = followed.offset
        lines = self._reader.read(followed)
        self._read_bytes.add(followed.offset - first)
        return None if lines is None else self._made(followed, lines)

    def wait(self, followed: Followed, now: float) -> None:
        """See Reading."""
        if followed.offset < followed.size or followed.is_packed:
            (self._groups or self._lasts).note(followed, now)

    def read_rest(self, followed: Followed) -> Read | None:
        """See Reading."""
        lines = self._reader.last_events(followed) or self._reader.last_line(followed)
        return None if lines is None else self._made(followed, lines)

    def overdue(self, now: float) -> Read | None:
        """See Reading."""
        events: list[Event] = []
        positions: dict[str, bytes | None] = {}
        for pending in (self._groups, self._lasts):
            for followed in pending.due(now) if pending is not None else ():
                if followed.id not in self._roster.files or followed.is_queued or not self._roster.open(followed):
                    continue
                if pending is self._groups:
                    lines = self._reader.last_events(followed)
                    self._lasts.note(followed, now)
                else:
                    lines = self._reader.last_line(followed)
                if lines is not None:
                    events += self._events(followed, lines)
                    positions[followed.id] = followed.place().encode()
        return Read(events, positions) if positions else None

    def due_at(self) -> float:
        """See Reading."""
        lasts = self._lasts.due_at()
        return lasts if self._groups is None else min(lasts, self._groups.due_at())

    def end(self) -> Read | None:
        """See Reading."""
        return None

    def _made(self, followed: Followed, lines: Lines) -> Read:
        if not lines.texts:
            return NOTHING_YET
        return Read(self._events(followed, lines), {followed.id: followed.reached()})

    def _events(self, followed: Followed, lines: Lines) -> list[Event]:
        source, ts, file, host = self._context.node, self._context.clock.time(), followed.path, self._host
        texts, offsets = lines.texts, lines.offsets if self._config.offset else None
        flags: tuple[str, ...] | UnsetType = lines.flags or UNSET
        if self._groups is not None and not lines.flags:
            places: Iterable[int | UnsetType] = repeat(UNSET) if offsets is None else offsets
            return [
                FileLine(source, ts, text, "log", UNSET, file, host, offset, _MULTILINE if "\n" in text else UNSET)
                for text, offset in zip(texts, places, strict=False)
            ]
        if offsets is None and not lines.flags:
            return [FileLine(source, ts, text, "log", UNSET, file, host) for text in texts]
        if offsets is None:
            return [FileLine(source, ts, text, "log", UNSET, file, host, UNSET, flags) for text in texts]
        return [
            FileLine(source, ts, text, "log", UNSET, file, host, offset, flags)
            for text, offset in zip(texts, offsets, strict=True)
        ]
