"""One opening of the collector: knows all containers, reads those that are meant in turn, and waits in between."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Coroutine, Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from wlf.components.base import Collected, Context
from wlf.components.collectors._docker.choice import Choice
from wlf.components.collectors._docker.container import Followed, Mark, described
from wlf.components.collectors._docker.engine import Engine, Gone, Unreadable
from wlf.components.collectors._docker.frames import NoFrames
from wlf.components.collectors._docker.moments import as_parameter, earlier, seconds_between
from wlf.components.collectors._docker.options import DockerConfig
from wlf.components.collectors._docker.position import Place, Position, decode_position
from wlf.components.collectors._docker.reader import CLOCK_SECONDS, Reader
from wlf.components.collectors._docker.stream import Stream
from wlf.components.collectors._docker.tally import Tally
from wlf.components.collectors._docker.waiting import Waiting
from wlf.components.following.multiline import grouping_of
from wlf.errors import Retryable
from wlf.events import Event
from wlf.events.log import Container

BATCH_EVENTS = 2_000
"""A batch is full with so many events: what the runtime runs through the graph in one go."""
_BEGAN = "began"
_STARTED = ("start", "restart")
_REMOVED = ("destroy", "remove")


class Session:
    """Everything that is open.

    Args:
        told: containers of which was said that they cannot be read; lives longer than a session.
    """

    def __init__(self, config: DockerConfig, context: Context, tally: Tally, told: set[str]) -> None:
        self._config = config
        self._context = context
        self._tally = tally
        self._told = told
        self._now = context.clock.monotonic
        self._choice = Choice(config.include, config.exclude, socket.gethostname())
        self._grouping = None if config.multiline is None else grouping_of(config.multiline)
        self._host: str | UnsetType = (socket.gethostname() if config.host is None else config.host) or UNSET
        self._engine = Engine(config)
        self._reader = Reader(
            self._engine,
            self._engine_time,
            self._hand_over,
            self._refused,
            tally,
            context.logger,
            has_end=context.until_end,
        )
        self._clock = ("", 0.0)
        """What the Engine's clock said, and ours then."""
        self._followed: dict[str, Followed] = {}
        self._resting: dict[str, bytes] = {}
        """Positions of containers that ended and are read."""
        self._stored: dict[str, bytes] = {}
        """Positions of containers that are not taken up yet, or not meant any more."""
        self._lost: set[str] = set()
        """Those of them that the Engine did not know when it was asked last."""
        self._ignored: set[str] = set()
        """Not meant, or not to be read."""
        self._end_first: set[str] = set()
        """Containers that are read from their end on."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        """Containers that were started or renamed while their task was there: it may not have seen it."""
        self._ready: deque[Followed] = deque()
        self._news: dict[str, bytes | None] = {}
        self._groups = Waiting(config.multiline.timeout_ms / 1000 if config.multiline else 0)
        self._parts = Waiting(config.partial_line_timeout_ms / 1000)
        self._woken = asyncio.Event()
        self._trouble: BaseException | None = None

    async def begin(self, positions: Mapping[str, bytes]) -> None:
        """Find all that is there."""
        self._stored = dict(positions)
        await self._engine.open()
        self._clock = (await self._engine.time(), self._now())
        since = as_parameter(self._clock[0])
        found = await self._engine.containers()
        state = self._context.state
        is_first = not positions and not await state.load(_BEGAN)
        if is_first and self._config.start == "end":
            self._end_first = set(found)
        if is_first:
            await state.save({_BEGAN: b"1"})
        self._look_through(found)
        if not self._context.until_end:
            self._spawn("notices", self._listen(since))
            self._spawn("rescan", self._rescan())

    async def collect(self) -> Collected | None:
        """See Collector."""
        while True:
            if self._news:
                news, self._news = self._news, {}
                return Collected([], news)
            collected = self._round() or self._overdue()
            if collected is not None:
                return collected
            if self._news or self._ready:
                continue
            if self._trouble is not None:  # what was read before it is delivered by now
                raise self._trouble
            if self._context.until_end and not self._tasks:
                return None
            await self._wait()

    async def close(self) -> None:
        """Let go of everything."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._engine.close()
        self._tally.followed.set(0)
        self._tally.opened.set(0)

    # Which containers there are

    def _look_through(self, found: Mapping[str, bool]) -> None:
        """Follow what is new or runs again, forget what is gone."""
        for id, is_running in sorted(found.items(), key=lambda each: not each[1]):
            if id not in self._followed and id not in self._ignored and (is_running or id not in self._resting):
                self._follow(id)
        for id in self._resting.keys() - found.keys():
            self._forget(id)
        missing = self._stored.keys() - found.keys()
        for id in missing & self._lost:  # twice: an Engine that just starts may not know them yet
            self._forget(id)
        self._lost = missing - self._lost
        self._ignored &= found.keys()
        self._told &= found.keys()

    def _follow(self, id: str) -> None:
        if id not in self._tasks:
            self._spawn(id, self._read(id))

    def _forget(self, id: str) -> None:
        known = [self._resting.pop(id, None), self._stored.pop(id, None)]
        if any(known):
            self._news[id] = None
            self._woken.set()
        self._ignored.discard(id)
        self._told.discard(id)

    async def _read(self, id: str) -> None:
        """One container's task."""
        try:
            inspected = await self._reader.inspect(id)
        except Gone:
            if id not in self._resting and id not in self._stored:
                self._tally.missed.add()
            self._forget(id)
            return
        container = described(inspected)
        if not self._choice.means(container):
            self._ignored.add(id)
            return
        await self._reader.read(self._take_up(container), inspected)

    def _take_up(self, container: Container) -> Followed:
        id = container.id
        stored = self._stored.pop(id, None)
        known = stored or self._resting.pop(id, None)
        if known is not None:
            position = decode_position(known)
        else:
            place = Place(self._clock[0]) if id in self._end_first else Place()
            position = Position(container.name, place, place, place.time)
            self._news[id] = position.encode()
        followed = Followed(container, position, self._new_stream, self._context.node, self._host, self._tally)
        if stored is not None:
            followed.alone_until = self._clock[0]
        self._followed[id] = followed
        self._tally.followed.set(len(self._followed))
        return followed

    def _new_stream(self, place: Place) -> Stream:
        config = self._config
        return Stream(place, self._grouping, config.max_line_bytes, self._tally, merges=config.merge_parts)

    async def _listen(self, since: str) -> None:
        async for id, action in self._engine.notices(since):
            if action in _REMOVED:
                if id not in self._followed:
                    self._forget(id)
            elif action in _STARTED:
                if id in self._tasks:
                    self._again.add(id)
                elif id not in self._ignored:
                    self._follow(id)
            elif action == "rename":
                await self._rename(id)

    async def _rename(self, id: str) -> None:
        followed = self._followed.get(id)
        try:
            if followed is not None:
                followed.container = described(await self._engine.inspect(id))
            elif id in self._tasks:
                self._again.add(id)
            elif id in self._ignored:
                self._ignored.discard(id)
                self._follow(id)
        except Gone:
            return

    async def _rescan(self) -> None:
        while True:
            await asyncio.sleep(self._config.rescan_interval_ms / 1000)
            time = await self._engine.time()
            change = seconds_between(self._engine_time(), time)
            if change < -CLOCK_SECONDS:
                # The Engine leaves out what is earlier than the time that a stream was asked for from.
                raise Retryable(f"{self._config.address}: the clock was set back by {-change:.0f} s")
            self._clock = (time, self._now())
            self._look_through(await self._engine.containers())

    def _engine_time(self) -> str:
        time, then = self._clock
        return earlier(time, int(then - self._now()))

    # What the readers bring

    async def _hand_over(self, followed: Followed, chunk: bytes, mark: Mark) -> None:
        followed.chunk, followed.mark = chunk, mark
        followed.taken.clear()
        self._ready.append(followed)
        self._woken.set()
        await followed.taken.wait()

    def _refused(self, followed: Followed, unreadable: Unreadable) -> None:
        if followed.id not in self._told:
            self._told.add(followed.id)
            self._tally.unreadable.add()
            self._context.logger.warning("%s: cannot read its log: %s", followed.container.name, unreadable)
        if unreadable.is_final:
            self._ignored.add(followed.id)

    def _round(self) -> Collected | None:
        """A chunk of each container that has one, until the batch is full."""
        ready = self._ready
        events: list[Event] = []
        positions: dict[str, bytes | None] = {}
        for _ in range(len(ready)):
            if self._news:
                break  # where a container begins is told before what it wrote
            is_alone = ready[0].since < ready[0].alone_until
            if positions and is_alone:
                break
            followed = ready.popleft()
            made = self._take(followed)
            if made:
                events += made
                positions[followed.id] = followed.position().encode()
            if len(events) >= BATCH_EVENTS or (made and is_alone):
                break
        return Collected(events, positions) if positions else None

    def _take(self, followed: Followed) -> list[Event]:
        """The events of the chunk that waits; then the next one may come."""
        events: list[Event] = []
        mark = followed.mark
        try:
            if followed.chunk:
                events += followed.events(followed.chunk)
            events += followed.close(mark)
        except NoFrames as error:
            self._lose(Retryable(f"{followed.container.name}: {error}"))
        self._complain(followed)
        followed.chunk = b""
        self._note(followed)
        if mark not in (Mark.MORE, Mark.END_OF_LOG):
            self._part_with(followed, mark)
        followed.taken.set()
        return events

    def _complain(self, followed: Followed) -> None:
        """What went wrong with its log."""
        logger, name = self._context.logger, followed.container.name
        if followed.complaint:
            self._tally.broken.add()
            logger.warning("%s: the Engine says: %s", name, followed.complaint)
            followed.complaint = ""
        for stream in followed.streams:
            if stream.has_gap:
                stream.has_gap = False
                self._tally.gaps.add()
                logger.warning("%s: the last line that was read is not in the log any more", name)

    def _note(self, followed: Followed) -> None:
        """What it holds is due some time."""
        self._groups.clear(followed)
        self._parts.clear(followed)
        if followed.holds:
            (self._parts if followed.holds_part or self._grouping is None else self._groups).note(followed, self._now())

    def _part_with(self, followed: Followed, mark: Mark) -> None:
        """It is read to its end."""
        id = followed.id
        del self._followed[id]
        self._tally.followed.set(len(self._followed))
        if mark is Mark.GONE:
            self._told.discard(id)
            self._news[id] = None
        else:
            self._resting[id] = followed.position().encode()
            if mark is Mark.OVER:
                self._news[id] = self._resting[id]

    def _overdue(self) -> Collected | None:
        """What waited long enough for its end."""
        now = self._now()
        events: list[Event] = []
        positions: dict[str, bytes | None] = {}
        for followed in (*self._groups.due(now), *self._parts.due(now)):
            made = followed.overdue()
            if made:
                events += made
                positions[followed.id] = followed.position().encode()
        return Collected(events, positions) if positions else None

    async def _wait(self) -> None:
        """Until something comes, or the next thing is due."""
        until = min(self._groups.due_at(), self._parts.due_at())
        try:
            async with asyncio.timeout(None if until == float("inf") else max(0.0, until - self._now())):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    # Tasks

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[name] = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._ended(name, done))

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._lose(error)
        elif name in self._again:
            self._again.discard(name)
            self._ignored.discard(name)
            self._follow(name)
        self._woken.set()

    def _lose(self, error: BaseException) -> None:
        """Reading cannot go on: the first reason counts."""
        if self._trouble is None:
            self._trouble = error
        self._woken.set()
