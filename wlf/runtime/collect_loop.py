"""The task of one collector: open it, read while there is room, open it again when it lost its source."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from wlf.components.base import Collected, Collector
from wlf.components.config import RetryConfig
from wlf.errors import ComponentError
from wlf.graph.plan import Node
from wlf.runtime.failures import PASSING, STARTING, describe, is_told_to_end, reason_of
from wlf.runtime.flow import Flow
from wlf.runtime.halt import Halt
from wlf.runtime.instances import Surroundings
from wlf.runtime.retry import Backoff
from wlf.runtime.tracker import Tracker

CLOSE_SECONDS = 5.0
"""How long a collector that lost its source may take to close."""


class CollectLoop:
    """Reads batch after batch. The next one is asked for when all mailboxes have taken the last one."""

    def __init__(
        self,
        node: Node,
        collector: Collector,
        tracker: Tracker,
        flow: Flow,
        halt: Halt,
        around: Surroundings,
        store_start: Callable[[], Awaitable[None]],
    ) -> None:
        self.id = node.id
        self.collector = collector
        self.tracker = tracker
        self.trouble: str | None = STARTING
        """Why it is not ready; None while all is well."""
        self.is_idle = True
        """True while it waits for its source: it may be cancelled without anything read being given up."""
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._flow = flow
        self._halt = halt
        self._around = around
        self._store_start = store_start
        self._is_fresh = not tracker.positions()
        config: Any = node.config
        self._backoff = Backoff(getattr(config, "retry", RetryConfig()), around.random)
        self._logger = around.log(node.id)
        metrics = around.metrics(node.id)
        self._read = metrics.counter("wlf_events_in_total", "Events read.")
        self._withheld = metrics.counter(
            "wlf_withheld_events_total", "Events read again that every dispatcher had got before."
        )

    def start(self) -> asyncio.Task[None]:
        """Begin; the task ends at the end of input, at `stop()`, or with a failure that `Halt` knows."""
        self._task = asyncio.create_task(self._run(), name=self.id)
        return self._task

    def stop(self) -> None:
        """Collect no more; what is in hand is still handed over."""
        self._is_stopping = True
        if self._task is not None and self.is_idle:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._open()
            while not self._is_stopping:
                collected = await self._collect()
                if collected is None:
                    return
                self.is_idle = False
                await self._forward(collected)
                # A source that always has something must not keep the dispatchers from their turn.
                await asyncio.sleep(0)
                self.is_idle = True
        except (Exception, asyncio.CancelledError) as error:
            # Whatever it is, the other branches must be drained and their cursors stored.
            if is_told_to_end(error):
                raise
            self.trouble = describe(self.id, error)
            self._halt.fail(self.id, error)

    async def _open(self) -> None:
        """Until it is open, at the last collected positions."""
        while True:
            try:
                await self.collector.open(self.tracker.positions())
            except PASSING as error:
                await self._back_off("cannot open", error)
            else:
                if self.trouble != STARTING:
                    self._logger.info("reads again")
                self.trouble = None
                return

    async def _collect(self) -> Collected | None:
        """What comes next, however often the source has to be opened again."""
        while True:
            try:
                collected = await self.collector.collect()
            except PASSING as error:
                await self._back_off("lost its source", error)
                await self._open()
            else:
                self._backoff.reset()
                return collected

    async def _back_off(self, what: str, error: BaseException) -> None:
        self.trouble = f"{what}: {reason_of(error)}"
        self._logger.warning("%s", self.trouble)
        with suppress(ComponentError, *PASSING):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.collector.close()
        await asyncio.sleep(self._backoff.next_delay())

    async def _forward(self, collected: Collected) -> None:
        events = tuple(collected.events)
        opened = self.tracker.begin(
            collected.positions, is_empty=not events, partition=collected.partition, until=collected.until
        )
        self._read.add(len(events))
        if opened.is_withheld:
            self._withheld.add(len(events))
        elif events:
            await self._flow.push(self.id, events, opened)
        opened.done()
        if self._is_fresh and collected.positions:
            # Where the first run began must be known before anything after it is lost.
            self._is_fresh = False
            await self._store_start()
