"""Makes cursors durable: flush the dispatchers, store how far they have come, tell the collectors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from wlf.components.base import Collector
from wlf.errors import WlfError
from wlf.runtime.dispatch_loop import DispatchLoop
from wlf.runtime.failures import PASSING, is_told_to_end, reason_of
from wlf.runtime.halt import Halt
from wlf.runtime.instances import Surroundings
from wlf.runtime.store import Changes, CursorStore, Key
from wlf.runtime.tracker import Cursor, Cursors, Lane, Tracker
from wlf.runtime.wake import Bell


class CheckpointLoop:
    """Stores cursors every so often. A dispatcher that is slow to flush holds nobody back but itself."""

    def __init__(
        self,
        store: CursorStore,
        trackers: Mapping[str, Tracker],
        collectors: Mapping[str, Collector],
        dispatchers: Mapping[str, DispatchLoop],
        depends: Mapping[str, Sequence[str]],
        halt: Halt,
        around: Surroundings,
    ) -> None:
        self._store = store
        self._trackers = trackers
        self._collectors = collectors
        self._dispatchers = dispatchers
        self._depends = depends
        """By dispatcher: itself, and those that take dead letters which its cursor waits for."""
        self._halt = halt
        self._logger = around.logger
        self._flushing: dict[str, asyncio.Task[None]] = {}
        self._durable: dict[str, dict[str, Cursors]] = {
            id: {name: dict(lane.cursors) for name, lane in tracker.lanes.items()} for id, tracker in trackers.items()
        }
        self._dirty: dict[Key, Cursor | None] = {}
        self._moved: dict[str, set[str]] = {}
        """By collector: the partitions whose durable cursors moved since the last write."""
        self._forgetting: dict[str, set[str]] = {id: set() for id in trackers}
        """By collector: partitions that some dispatcher has forgotten."""
        self._writing = asyncio.Lock()
        self._stopped = Bell()
        self._is_stopping = False
        for tracker in trackers.values():
            for lane in tracker.lanes.values():
                lane.take_changed()

    async def run(self, interval: float) -> None:
        """A checkpoint every `interval` seconds, until `stop()` or until the state cannot be written."""
        try:
            while not self._is_stopping:
                await self._stopped.wait_until(asyncio.get_running_loop().time() + interval)
                await self.checkpoint(min(interval, 1.0))
        except Exception as error:  # without cursors every restart would begin further back: the run must end
            self._halt.fail("" if isinstance(error, WlfError) else "checkpoint", error)

    async def checkpoint(self, patience: float, *, flush_all: bool = False) -> None:
        """Store what is settled by now, as far as it is flushed within `patience` seconds. Raises StateError.

        Only dispatchers whose cursors moved are flushed, unless `flush_all` says that it is the last time.
        """
        for id, loop in self._dispatchers.items():
            lanes = self._moved_lanes(id)
            if (lanes or (flush_all and loop.has_unflushed)) and id not in self._flushing:
                self._flushing[id] = asyncio.create_task(self._flush(id, lanes), name=f"flush {id}")
        if self._flushing:
            await asyncio.wait(self._flushing.values(), timeout=patience)
        for id in [id for id, task in self._flushing.items() if task.done()]:
            self._flushing.pop(id).result()
        async with self._writing:
            await self._write()

    def stop(self) -> None:
        """End `run()` after one more checkpoint; it is never cancelled, as a write may be under way in a thread."""
        self._is_stopping = True
        self._stopped.ring()

    def has_more(self) -> bool:
        """Is there something settled that is not stored?"""
        return bool(self._flushing or self._dirty) or any(self._moved_lanes(id) for id in self._dispatchers)

    def close(self) -> None:
        """Wait for no flush any longer."""
        for task in self._flushing.values():
            task.cancel()

    def _moved_lanes(self, dispatcher: str) -> list[Lane]:
        lanes = (tracker.lanes.get(dispatcher) for tracker in self._trackers.values())
        return [lane for lane in lanes if lane is not None and lane.moved]

    async def _flush(self, dispatcher: str, lanes: list[Lane]) -> None:
        """What was settled before the flush began is durable after it."""
        taken = [(lane, lane.take_changed()) for lane in lanes]
        try:
            for id in self._depends[dispatcher]:
                await self._dispatchers[id].flush()
        except PASSING as error:
            for lane, cursors in taken:
                lane.put_back(cursors)
            self._dispatchers[dispatcher].flush_trouble = f"cannot flush: {reason_of(error)}"
            self._logger.warning("%s: cannot flush: %s", dispatcher, reason_of(error))
            return
        except (Exception, asyncio.CancelledError) as error:
            if is_told_to_end(error):
                raise
            self._dispatchers[dispatcher].is_halted = True
            self._halt.fail(dispatcher, error)
            return
        self._dispatchers[dispatcher].flush_trouble = None
        for lane, cursors in taken:
            self._note_durable(lane, cursors)

    def _note_durable(self, lane: Lane, cursors: Cursors) -> None:
        known = self._durable[lane.collector][lane.dispatcher]
        for partition, cursor in cursors.items():
            if known.get(partition) != cursor:
                known[partition] = cursor
                self._dirty[Key(lane.collector, lane.dispatcher, partition)] = cursor
                if cursor.position is None:
                    self._forgetting[lane.collector].add(partition)
        self._moved.setdefault(lane.collector, set()).update(cursors)

    async def _write(self) -> None:
        """Store what became durable, then tell the collectors."""
        moved, self._moved = self._moved, {}
        for collector in moved:
            tracker = self._trackers[collector]
            forgetting = self._forgetting[collector]
            for partition in tracker.drop_forgotten(self._durable[collector], forgetting):
                forgetting.discard(partition)
                self._dirty.update(dict.fromkeys((Key(collector, name, partition) for name in tracker.lanes), None))
        if not self._dirty:
            return
        written, self._dirty = self._dirty, {}
        try:
            await save(self._store, Changes(written))
        except BaseException:
            self._dirty = {**written, **self._dirty}
            raise
        for collector in sorted(moved):
            await self._commit(collector, moved[collector])

    async def _commit(self, collector: str, moved: set[str]) -> None:
        positions = self._trackers[collector].lowest(self._durable[collector], moved)
        if not positions:
            return
        try:
            await self._collectors[collector].commit(positions)
        except PASSING as error:
            # It is told again, further on, with the next checkpoint.
            self._moved.setdefault(collector, set()).update(moved)
            self._logger.warning("%s: cannot commit: %s", collector, reason_of(error))
        except (Exception, asyncio.CancelledError) as error:
            if is_told_to_end(error):
                raise
            # The cursors are stored: the run ends as it does for any other failure.
            self._halt.fail(collector, error)


async def save(store: CursorStore, changes: Changes) -> None:
    """Write without holding up the loop. A cancelled caller still leaves the store in one piece."""
    if store.is_blocking:
        await asyncio.shield(asyncio.to_thread(store.save, changes))
    else:
        store.save(changes)
