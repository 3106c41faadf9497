"""One opening of the collector: finds files, reads them in turn, and waits while there is nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from wlf.components.base import Collected, Context
from wlf.components.following.contents import Damaged
from wlf.components.following.discovery import Discovery
from wlf.components.following.follow import Followed
from wlf.components.following.globs import Globs
from wlf.components.following.options import FollowConfig
from wlf.components.following.reading import Changed, Read, Reading
from wlf.components.following.roster import Roster
from wlf.components.following.tally import Tally
from wlf.events import Event

BATCH_EVENTS = 2_000
"""A batch is full with so many lines: what the runtime runs through the graph in one go."""
PAUSE_SECONDS = 0.01
"""Writes come in bursts: after the first notice the others are waited for."""
POLL_SECONDS = 1.0
"""How often all is looked through where the kernel gives no notices."""
_BEGAN = "began"


class Session:
    """Everything that is open.

    Args:
        globs: which files are meant.
        reading_of: makes the Reading that knows what they hold.
    """

    def __init__(
        self,
        config: FollowConfig,
        globs: Globs,
        reading_of: Callable[[Roster], Reading],
        context: Context,
        tally: Tally,
    ) -> None:
        self._config = config
        self._context = context
        self._tally = tally
        self._now = context.clock.monotonic
        self.roster = Roster(config, self._now, globs.matches, tally, context.logger)
        self._reading = self.roster.watcher = reading_of(self.roster)
        self._discovery = Discovery(globs, self.roster, tally, context.logger)
        self._woken = asyncio.Event()
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
            self._admit()
            read = self._overdue() or self._round()
            if read is not None:
                return Collected(*read)
            self._admit()
            if roster.news or roster.queue or self._discovery.is_walking:
                await asyncio.sleep(0)
            elif not self._context.until_end or self._reading.is_held:
                await self._wait()
            elif not roster.release():
                last = self._reading.end()
                return None if last is None else Collected(*last)

    def wake(self) -> None:
        """Whoever waits looks around again."""
        self._woken.set()

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

    def _admit(self) -> None:
        """Those who were not to be read yet get their turn."""
        for followed in self._reading.released():
            self.roster.queue.add(followed)

    def _overdue(self) -> Read | None:
        """Asked before anything else: where there is always something to read, what waits would wait for ever."""
        now = self._now()
        return self._reading.overdue(now) if now >= self._reading.due_at() else None

    def _round(self) -> Read | None:
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
            read = self._read(followed)
            if read is None or not read.positions:
                continue
            events += read.events
            positions |= read.positions
            if len(events) >= BATCH_EVENTS or followed.offset <= followed.is_alone_until:
                break
        return Read(events, positions) if positions else None

    def _read(self, followed: Followed) -> Read | None:
        """The next events of a file that has its turn."""
        roster = self.roster
        if followed.originals:
            roster.judge(followed)
            return None
        if not self._reading.may_read(followed):
            return None
        if not roster.open(followed):
            roster.rest(followed)
            return None
        try:
            read = self._reading.read(followed)
        except Changed:
            roster.begin_anew(followed)
            return None
        except (Damaged, OSError) as error:
            self._stop(followed, error)
            return None
        if read is not None:
            followed.is_ended = followed.is_at_end
            if followed.is_ended:
                roster.rest(followed)
            else:
                roster.queue.again(followed)
            return read
        return self._at_end(followed)

    def _at_end(self, followed: Followed) -> Read | None:
        """No whole line is there any more: what is left waits, or is delivered when nothing will come."""
        if not self._context.until_end:
            self._reading.wait(followed, self._now())
        else:
            rest = self._reading.read_rest(followed)
            if rest is not None:
                self.roster.queue.again(followed)
                return rest
        followed.is_ended = True
        self.roster.rest(followed)
        return None

    def _stop(self, followed: Followed, error: Exception) -> None:
        """It cannot be read further, as it is."""
        counter = self._tally.damaged if isinstance(error, Damaged) else self._tally.unreadable
        counter.add()
        self._context.logger.warning("%s: cannot read behind offset %s: %s", followed.path, followed.offset, error)
        followed.is_ended = True
        self.roster.rest(followed)

    async def _wait(self) -> None:
        """Until the kernel tells something, or the next thing is due."""
        loop = asyncio.get_running_loop()
        until = min(self._next_walk, self.roster.due_at(self._config.forget_after_ms / 1000), self._reading.due_at())
        fd = self._discovery.fd
        if fd is not None:
            loop.add_reader(fd, self._woken.set)
        try:
            async with asyncio.timeout(max(0.0, until - self._now())):
                await self._woken.wait()
                self._discovery.drain()  # what is new is opened at once: it may not be there for long
                await asyncio.sleep(PAUSE_SECONDS)
        except TimeoutError:
            pass
        finally:
            self._woken.clear()
            if fd is not None:
                loop.remove_reader(fd)
