"""One opening of the collector: finds files, reads them in turn, and waits while there is nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping
from itertools import repeat

from msgspec import UNSET, UnsetType

from wlf.components.base import Collected, Context
from wlf.components.collectors._file.contents import Damaged
from wlf.components.collectors._file.discovery import Discovery
from wlf.components.collectors._file.follow import Followed
from wlf.components.collectors._file.globs import Globs
from wlf.components.collectors._file.lines import Splitters
from wlf.components.collectors._file.multiline import grouping_of
from wlf.components.collectors._file.options import FileConfig
from wlf.components.collectors._file.pending import Pending
from wlf.components.collectors._file.reading import Changed, LineReader, Lines
from wlf.components.collectors._file.roster import Roster
from wlf.components.collectors._file.tally import Tally
from wlf.events import Event
from wlf.events.log import FileLine

BATCH_EVENTS = 2_000
"""A batch is full with so many lines: what the runtime runs through the graph in one go."""
PAUSE_SECONDS = 0.01
"""Writes come in bursts: after the first notice the others are waited for."""
POLL_SECONDS = 1.0
"""How often all is looked through where the kernel gives no notices."""
_BEGAN = "began"
_MULTILINE = ("multiline",)


class Session:
    """Everything that is open."""

    def __init__(self, config: FileConfig, context: Context, tally: Tally) -> None:
        self._config = config
        self._context = context
        self._tally = tally
        self._now = context.clock.monotonic
        globs = Globs(config.include, config.exclude)
        self.roster = Roster(config, self._now, globs.matches, tally, context.logger)
        self._discovery = Discovery(globs, self.roster, tally, context.logger)
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
        self._walk_every = config.rescan_interval_ms / 1000
        if self._discovery.fd is None:
            self._walk_every = min(self._walk_every, POLL_SECONDS)
        self._next_walk = 0.0

    async def begin(self, positions: Mapping[str, bytes]) -> None:
        """Find all that is there."""
        roster = self.roster
        roster.resume(positions)
        roster.has_end = self._context.until_end
        is_first = not positions and not await self._context.state.load(_BEGAN)
        roster.starts_at_end = is_first and self._config.start == "end"
        self._discovery.walk_all()
        roster.starts_at_end = False
        roster.is_closed = self._context.until_end
        self._next_walk = self._now() + self._walk_every
        if is_first:
            await self._context.state.save({_BEGAN: b"1"})

    async def collect(self) -> Collected | None:
        """See Collector."""
        roster = self.roster
        while True:
            self._look_around()
            if roster.news:
                news, roster.news = roster.news, {}
                return Collected([], news)
            collected = self._round() or self._overdue()
            if collected is not None:
                return collected
            if roster.news or roster.queue or self._discovery.is_walking:
                await asyncio.sleep(0)
            elif not self._context.until_end:
                await self._wait()
            elif not roster.release():
                return None

    def close(self) -> None:
        """Let go of everything."""
        self._discovery.close()
        self.roster.close()

    def _look_around(self) -> None:
        """What the kernel told, and a step of the look through all directories when it is time for one."""
        self._discovery.drain()
        now = self._now()
        if not self._discovery.is_walking and (self._discovery.needs_walk or now >= self._next_walk):
            self._next_walk = now + self._walk_every
            self._discovery.begin_walk()
        self._discovery.step()
        self.roster.look_after(self._config.forget_after_ms / 1000)

    def _round(self) -> Collected | None:
        """One chunk of each file that has some, until the batch is full."""
        queue = self.roster.queue
        events: list[Event] = []
        positions: dict[str, bytes | None] = {}
        for _ in range(len(queue)):
            if self.roster.news:
                break  # where a file begins is told before what is in it
            followed = queue.take()
            if positions and followed.offset < followed.is_alone_until:
                queue.again(followed)
                break
            lines = self._read(followed)
            if lines is None or not lines.texts:
                continue
            events += self._events(followed, lines)
            positions[followed.id] = followed.place().encode()
            if len(events) >= BATCH_EVENTS or followed.offset <= followed.is_alone_until:
                break
        return Collected(events, positions) if positions else None

    def _read(self, followed: Followed) -> Lines | None:
        """The next lines of a file that has its turn."""
        roster = self.roster
        if followed.originals:
            roster.judge(followed)
            return None
        if not roster.open(followed):
            roster.rest(followed)
            return None
        try:
            lines = self._reader.read(followed)
        except Changed:
            roster.begin_anew(followed)
            return None
        except (Damaged, OSError) as error:
            self._stop(followed, error)
            return None
        if lines is not None:
            followed.is_ended = followed.is_at_end
            if followed.is_ended:
                roster.rest(followed)
            else:
                roster.queue.again(followed)
            return lines
        return self._at_end(followed)

    def _at_end(self, followed: Followed) -> Lines | None:
        """No whole line is there any more: what is left waits, or is delivered when nothing will come."""
        lines = None
        if self._context.until_end:
            lines = self._reader.last_events(followed) or self._reader.last_line(followed)
            if lines is not None:
                self.roster.queue.again(followed)
                return lines
        elif followed.offset < followed.size or followed.is_packed:
            (self._groups or self._lasts).note(followed, self._now())
        followed.is_ended = True
        self.roster.rest(followed)
        return None

    def _overdue(self) -> Collected | None:
        """What waited long enough for its end."""
        now = self._now()
        events: list[Event] = []
        positions: dict[str, bytes | None] = {}
        for pending in (self._groups, self._lasts):
            for followed in pending.due(now) if pending is not None else ():
                if followed.id not in self.roster.files or followed.is_queued or not self.roster.open(followed):
                    continue
                if pending is self._groups:
                    lines = self._reader.last_events(followed)
                    self._lasts.note(followed, now)
                else:
                    lines = self._reader.last_line(followed)
                if lines is not None:
                    events += self._events(followed, lines)
                    positions[followed.id] = followed.place().encode()
        return Collected(events, positions) if positions else None

    def _stop(self, followed: Followed, error: Exception) -> None:
        """It cannot be read further, as it is."""
        counter = self._tally.damaged if isinstance(error, Damaged) else self._tally.unreadable
        counter.add()
        self._context.logger.warning("%s: cannot read behind offset %s: %s", followed.path, followed.offset, error)
        followed.is_ended = True
        self.roster.rest(followed)

    def _events(self, followed: Followed, lines: Lines) -> list[FileLine]:
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

    async def _wait(self) -> None:
        """Until the kernel tells something, or the next thing is due."""
        loop = asyncio.get_running_loop()
        until = min(
            self._next_walk,
            self.roster.due_at(self._config.forget_after_ms / 1000),
            self._lasts.due_at(),
            self._groups.due_at() if self._groups is not None else float("inf"),
        )
        woken = asyncio.Event()
        fd = self._discovery.fd
        if fd is not None:
            loop.add_reader(fd, woken.set)
        try:
            async with asyncio.timeout(max(0.0, until - self._now())):
                await woken.wait()
                self._discovery.drain()  # what is new is opened at once: it may not be there for long
                await asyncio.sleep(PAUSE_SECONDS)
        except TimeoutError:
            pass
        finally:
            if fd is not None:
                loop.remove_reader(fd)
