"""File: lines of files that grow, are rotated, truncated, compressed and removed while they are read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from itertools import repeat
from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from wlf.components.base import Collected, Collector, Context
from wlf.components.collectors._file.discovery import Discovery
from wlf.components.collectors._file.follow import Followed, Lines
from wlf.components.collectors._file.globs import Globs
from wlf.components.collectors._file.lines import LineSplitter
from wlf.components.collectors._file.options import FileConfig
from wlf.components.collectors._file.position import decode_position
from wlf.components.collectors._file.roster import Roster
from wlf.components.collectors._file.tally import Tally
from wlf.errors import InternalError
from wlf.events import Event, Kinds
from wlf.events.log import FileLine

__all__ = ["FileCollector", "FileConfig"]

BATCH_EVENTS = 2_000
"""A batch is full with so many lines: what the runtime runs through the graph in one go."""
_BEGAN = "began"


class FileCollector(Collector):
    """Reads lines of files, each from its beginning to wherever it ends, whatever its name becomes.

    Each life of a file, from one beginning on, is a partition of the positions. What is known of a file is a digest of
    its first bytes and of those before the position, with its inode as a hint: so it is found again under another name,
    and never taken for another file that got its inode.
    """

    type_name: ClassVar[str] = "File"
    Config = FileConfig

    def __init__(self, config: FileConfig, context: Context) -> None:
        super().__init__(config, context)
        self.config: FileConfig = config
        self._tally = Tally(context.metrics)
        self._splitter = LineSplitter(config.encoding, self._tally.replaced.add)
        self._roster: Roster | None = None
        self._discovery: Discovery | None = None
        self._host: str | UnsetType = UNSET
        self._next_walk = 0.0

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        """Lines of files."""
        return frozenset((FileLine,))

    @classmethod
    def switched_off(cls, config: Any) -> Mapping[str, str]:
        """What is left out without the option."""
        return {} if config.offset else {"offset": "offset: true"}

    async def open(self, positions: Mapping[str, bytes]) -> None:
        """Find all files; those that are stored are gone on with."""
        await self.close()
        config, clock = self.config, self.context.clock
        host = socket.gethostname() if config.host is None else config.host
        self._host = host or UNSET
        roster = Roster(clock.monotonic, config.max_open_files, self._tally, self.context.logger)
        roster.has_end = self.context.until_end
        roster.resume(positions)
        discovery = Discovery(Globs(config.include, config.exclude), roster, self._tally, self.context.logger)
        self._roster, self._discovery = roster, discovery
        is_first = not positions and not await self.context.state.load(_BEGAN)
        roster.starts_at_end = is_first and config.start == "end"
        discovery.walk_all()
        roster.starts_at_end = False
        roster.is_closed = self.context.until_end
        self._next_walk = clock.monotonic() + config.rescan_interval_ms / 1000
        if is_first:
            await self.context.state.save({_BEGAN: b"1"})

    async def collect(self) -> Collected | None:
        """The lines that are there, of one file or of many; waits only while there are none."""
        roster, discovery = self._roster, self._discovery
        if roster is None or discovery is None:
            raise InternalError("collect() before open()")
        while True:
            discovery.drain()
            self._look_around(discovery, roster)
            if roster.news:
                news, roster.news = roster.news, {}
                return Collected([], news)
            collected = self._read(roster)
            if collected is not None:
                return collected
            if roster.news or discovery.is_walking:
                await asyncio.sleep(0)
                continue
            if self.context.until_end:
                return None
            await self._wait(roster, discovery)

    def _look_around(self, discovery: Discovery, roster: Roster) -> None:
        """A step of the look through all directories, when it is time for one."""
        now = self.context.clock.monotonic()
        if not discovery.is_walking and (discovery.needs_walk or now >= self._next_walk):
            self._next_walk = now + self.config.rescan_interval_ms / 1000
            discovery.begin_walk()
        discovery.step()
        roster.forget_gone(self.config.forget_after_ms / 1000)

    def _read(self, roster: Roster) -> Collected | None:
        """One chunk of each file that has some, until the batch is full."""
        events: list[Event] = []
        positions: dict[str, bytes | None] = {}
        for _ in range(len(roster.queue)):
            followed = roster.queue.popleft()
            followed.is_queued = False
            if not roster.open(followed):
                continue
            lines = followed.next_lines(self._splitter, self.config.max_line_bytes, want_offsets=self.config.offset)
            if lines is None:
                roster.rest(followed)
                continue
            followed.is_queued = True
            roster.queue.append(followed)
            events += self._events(followed, lines)
            positions[followed.id] = followed.position()
            if len(events) >= BATCH_EVENTS:
                break
        return Collected(events, positions) if positions else None

    def _events(self, followed: Followed, lines: Lines) -> list[FileLine]:
        source, ts, file, host = self.context.node, self.context.clock.time(), followed.path, self._host
        flags = lines.flags or UNSET
        if lines.flags:
            self._tally.truncated.add()
        if not self.config.offset or lines.offsets is None:
            return [FileLine(source, ts, text, "log", UNSET, file, host, UNSET, flags) for text in lines.texts]
        return list(
            map(
                FileLine, repeat(source), repeat(ts), lines.texts, repeat("log"), repeat(UNSET), repeat(file),
                repeat(host), lines.offsets, repeat(flags),
            )
        )  # fmt: skip

    async def _wait(self, roster: Roster, discovery: Discovery) -> None:
        """Until the kernel tells something, or the next look is due."""
        loop = asyncio.get_running_loop()
        until = self._next_walk
        due = roster.next_forget(self.config.forget_after_ms / 1000)
        if due is not None:
            until = min(until, due)
        woken = asyncio.Event()
        fd = discovery.fd
        if fd is not None:
            loop.add_reader(fd, woken.set)
        try:
            async with asyncio.timeout(max(0.0, until - self.context.clock.monotonic())):
                await woken.wait()
        except TimeoutError:
            pass
        finally:
            if fd is not None:
                loop.remove_reader(fd)

    def covers(self, cursor: bytes, position: bytes) -> bool:
        """Positions are of one life of one file: the larger offset is further on."""
        return decode_position(cursor).offset >= decode_position(position).offset

    def describe_position(self, position: bytes) -> str:
        """`/var/log/app.log: 1234`."""
        return decode_position(position).describe()

    async def close(self) -> None:
        """Close all files and end all watches."""
        roster, self._roster = self._roster, None
        discovery, self._discovery = self._discovery, None
        if discovery is not None:
            discovery.close()
        if roster is not None:
            roster.close()
