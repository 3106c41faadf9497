"""All copies of one reading: which tables are next, what is handed out, what was asked for, how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from wlf.binlog import TableMap
from wlf.components.base import Collected, Context
from wlf.components.collectors._binlog.options import BinlogConfig
from wlf.components.collectors._binlog.server import Server
from wlf.components.collectors._binlog.snapshot import marks
from wlf.components.collectors._binlog.snapshot.asked import Asked
from wlf.components.collectors._binlog.snapshot.copy import Copy, Taken
from wlf.components.collectors._binlog.snapshot.counts import Counts
from wlf.components.collectors._binlog.snapshot.events import SnapshotEvents
from wlf.components.collectors._binlog.snapshot.modes import options_of
from wlf.components.collectors._binlog.snapshot.plan import Plan
from wlf.components.collectors._binlog.snapshot.progress import Progress
from wlf.components.collectors._binlog.snapshot.reader import TableReader
from wlf.components.collectors._binlog.snapshot.tables import Table, count_of
from wlf.components.collectors._binlog.snapshot.watermarks import Spot, is_behind
from wlf.components.collectors._binlog.snapshot.whole import WholeReader
from wlf.components.collectors._binlog.snapshot.window import Watch
from wlf.events import Event
from wlf.events.table import TableVersion


class Source(NamedTuple):
    """Where tables are copied from, and how their rows are made."""

    config: BinlogConfig
    context: Context
    server: Server
    bind: Callable[[TableMap], TableVersion]
    wants: Callable[[str, str], bool]


class Snapshots:
    """See the module; `floor` is where the stream begins."""

    def __init__(self, source: Source, plan: Plan, floor: Spot) -> None:
        self.watch = Watch(floor)
        for table in plan.keyless:
            self.watch.withhold(table)
        self.ready = asyncio.Event()
        """Something may be there to take."""
        self.on_ready: Callable[[], None] = lambda: None
        """Called when there is."""
        self.high: Spot = floor
        """The furthest high watermark of all that was handed out."""
        self._source = source
        self._options = options_of(source.config)
        self._begun = list(plan.begun)
        self._waiting = [*plan.unfinished, *plan.begun]
        self._copies: dict[Table, Copy] = {}
        self._pool = ThreadPoolExecutor(self._options.parallel_tables, "wlf-snapshot")
        self._turn = asyncio.Lock()
        self._events = SnapshotEvents(
            source.config.output, source.server.uuid, int(source.server.variables.get("server_id", 0))
        )
        self._asked = Asked(source.config, source.context, source.wants, plan.known)
        self._counts = Counts(source.context)
        self._all: dict[Table, Progress] = {(p.database, p.table): p for p in self._waiting}
        self._start_more()

    @property
    def is_done(self) -> bool:
        """Is nothing left to copy?"""
        return not (self._copies or self._waiting or self._begun)

    @property
    def holds_stream(self) -> bool:
        """Must the stream stay where it is?"""
        return any(copy.is_holding for copy in self._copies.values())

    def announcements(self) -> dict[str, bytes]:
        """The places where new copies begin; they belong into an empty batch."""
        begun, self._begun = self._begun, []
        return {progress.partition: progress.encode() for progress in begun}

    async def poll(self) -> None:
        """Begin what was asked for meanwhile."""
        for progress in await self._asked.poll():
            await self._begin_anew(progress)

    async def _begin_anew(self, progress: Progress) -> None:
        table = progress.database, progress.table
        copy = self._copies.pop(table, None)
        if copy is not None:
            await copy.close()
        self._waiting = [other for other in self._waiting if (other.database, other.table) != table]
        self._begun = [other for other in self._begun if (other.database, other.table) != table]
        self._begun.append(progress)
        self._waiting.append(progress)
        self._all[table] = progress
        self._start_more()
        self._is_ready()

    def _is_ready(self) -> None:
        self.ready.set()
        self.on_ready()

    def take(self, at: Spot) -> Collected | None:
        """A chunk whose turn it is, while the stream stands between two transactions, at `at`.

        Raises whatever ended a copy.
        """
        self.ready.clear()
        if self._begun:
            return Collected([], self.announcements())
        for table, copy in list(self._copies.items()):
            if copy.error is not None:
                raise copy.error
            self._tell(copy)
            if copy.is_gone:
                return self._finish(table, copy.progress)
            taken = copy.take(at)
            if taken is not None:
                # The others come first the next time.
                self._copies[table] = self._copies.pop(table)
                return self._collected(table, taken)
        return None

    def _collected(self, table: Table, taken: Taken) -> Collected:
        piece, progress = taken.piece, taken.progress
        now = self._source.context.clock.time()
        events: list[Event] = list(self._events.of(piece, taken.rows, now))
        self._counts.read(len(piece.rows), piece.undecodable)
        self._counts.given_up(taken.given_up)
        if is_behind(piece.high, self.high):
            self.high = piece.high
        self._all[table] = piece.progress
        self._is_ready()
        partition = piece.progress.partition
        if progress is None:
            return Collected(events, {}, partition, taken.until.encode())
        if progress.done:
            self._forget(table, progress)
        self._counts.show(self._all.values())
        self._counts.withheld(self.watch)
        return Collected(events, {partition: progress.encode()}, partition)

    def _finish(self, table: Table, progress: Progress) -> Collected:
        self._forget(table, progress, is_gone=True)
        return Collected([], {progress.partition: progress.encode()}, progress.partition)

    def _forget(self, table: Table, progress: Progress, *, is_gone: bool = False) -> None:
        del self._copies[table]
        self.watch.release(table)
        self._all[table] = progress
        logger = self._source.context.logger
        logger.info("snapshot of %s: %s", progress.name, "ended" if is_gone else progress.describe())
        self._start_more()
        if self.is_done:
            total = sum(progress.rows for progress in self._all.values())
            logger.info("snapshot complete: %s, %s rows", count_of(len(self._all)), f"{total:,}")

    def _tell(self, copy: Copy) -> None:
        notes, copy.notes = copy.notes, []
        for note in notes:
            self._source.context.logger.warning("snapshot: %s", note)

    def _start_more(self) -> None:
        source = self._source
        while self._waiting and len(self._copies) < self._options.parallel_tables:
            progress = self._waiting.pop(0)
            reader = TableReader(source.config, source.server, source.bind, self._options.chunk_rows)
            copy = Copy(
                progress, reader, self._whole_reader, self.watch, self._pool, self._turn, self._is_ready, self._mark
            )
            self._copies[progress.database, progress.table] = copy
            copy.start()
        self._counts.show(self._all.values())

    async def _mark(self, progress: Progress) -> None:
        await marks.put(self._source.context.state, progress)

    def _whole_reader(self) -> WholeReader:
        return WholeReader(self._source.config, self._source.server, self._options.chunk_rows)

    def status(self) -> str | None:
        """`snapshot 1,234 of 5,000 rows (24 %), 2 tables left, 3 min`; None while there is none."""
        return None if self.is_done else self._counts.status(self._source.context.clock.monotonic(), self._all.values())

    async def commit(self, positions: Mapping[str, bytes]) -> None:
        """Requests whose copies are in the stored positions are not needed any longer."""
        await self._asked.commit(positions)

    async def close(self) -> None:
        """End all reading."""
        copies, self._copies = list(self._copies.values()), {}
        await asyncio.gather(*(copy.close() for copy in copies), return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)
