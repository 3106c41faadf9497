"""A run from beginning to end: builds the loops, starts them, drains them, stores the cursors."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from wlf.components.base import Clock, Collector, Component, Dispatcher, StatefulTransformer, Transformer
from wlf.components.config import DispatcherConfig
from wlf.errors import ComponentError, StateError, WlfError
from wlf.graph.plan import Plan, Segment
from wlf.runtime.batcher import Batcher
from wlf.runtime.checkpoint_loop import CheckpointLoop, save
from wlf.runtime.collect_loop import CollectLoop
from wlf.runtime.dispatch_loop import DispatchLoop
from wlf.runtime.failures import describe
from wlf.runtime.flow import Flow
from wlf.runtime.halt import Halt
from wlf.runtime.hold_loop import HoldLoop
from wlf.runtime.http import HttpEndpoint
from wlf.runtime.instances import Surroundings, SystemClock, make_components
from wlf.runtime.mailbox import Budget, Mailbox
from wlf.runtime.report import RunReport, Status
from wlf.runtime.segment import SegmentRun
from wlf.runtime.store import Changes, CursorStore, Key, SqliteStore, close_quietly
from wlf.runtime.take_over import former_id
from wlf.runtime.tracker import Cursor, Tracker
from wlf.runtime.wake import Bell

CLOSE_SECONDS = 0.5
"""How long the components may take to close, together."""


class Runner:
    """Runs one plan, once.

    Args:
        plan: what the graph was compiled to.
        state_dir: where the cursors are kept.
        until_end: stop when every collector has reached what was its end at the start.
        clock: time for metrics and dead letters; waiting is always on the event loop's own time.
        logger: the parent of the nodes' loggers.
        store: instead of the SQLite file, for tests.
        random: numbers in [0, 1) for the jitter of retries.
    """

    def __init__(
        self,
        plan: Plan,
        state_dir: Path | str,
        *,
        until_end: bool = False,
        clock: Clock | None = None,
        logger: logging.Logger | None = None,
        store: CursorStore | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._plan = plan
        self._state_dir = Path(state_dir)
        self._until_end = until_end
        self._around = Surroundings(clock or SystemClock(), random, logger or logging.getLogger("wlf"))
        self._given_store = store
        self._bell = Bell()
        self._room = Bell()
        self.is_stopping = False
        self._halt = Halt(self._bell, self._around.logger)
        self._components: dict[str, Component] = {}
        self._trackers: dict[str, Tracker] = {}
        self._collecting: dict[str, CollectLoop] = {}
        self._dispatching: dict[str, DispatchLoop] = {}
        self._holding: list[HoldLoop] = []
        """In the order of the graph."""
        self._rate_marks: tuple[float, dict[str, float]] = (0.0, {})
        self.http: HttpEndpoint | None = None

    def stop(self) -> None:
        """Collect no more, deliver what is under way, store the cursors, end. Called in the run's own event loop."""
        self.is_stopping = True
        self._bell.ring()

    async def run(self) -> RunReport:
        """The whole run. What went wrong is in the report; only a bug of wlf raises."""
        store = self._given_store
        try:
            if store is None:
                store = await asyncio.to_thread(SqliteStore, self._state_dir, self._plan.options.name)
        except StateError as error:
            self._halt.note(str(error))
            return RunReport(1, {}, (str(error),))
        try:
            await self._run(store)
        except WlfError as error:
            self._halt.fail("", error)
        finally:
            close_quietly(store)
        problems = tuple(self._halt.problems)
        return RunReport(1 if problems else 0, self._counts(), problems)

    async def _run(self, store: CursorStore) -> None:
        checkpoints = await self._build(store)
        tasks = _Tasks()
        try:
            await self._open_http()
            await self._open_transformers()
            for loop in self._dispatching.values():
                tasks.start(loop.id, loop.run())
            for holding in self._holding:
                tasks.start(holding.id, holding.run())
            storing = asyncio.create_task(checkpoints.run(self._plan.options.checkpoint_interval_ms / 1000))
            collecting = {loop.start() for loop in self._collecting.values()}
            for task in collecting:
                task.add_done_callback(lambda _: self._bell.ring())
            await self._wait_for_end(collecting)
            if self._holding and not self._is_ending:
                # What is kept leaves when no more will come. At a stop it does not: the next run reads it again.
                collecting.add(asyncio.create_task(self._flush_held(), name="flush"))
                await self._wait_for_end(collecting)
            await self._wind_down(collecting, checkpoints, storing)
        finally:
            await tasks.cancel()
            checkpoints.close()
            await self._close()

    async def _build(self, store: CursorStore) -> CheckpointLoop:
        """All objects of the run, and the first write: where every dispatcher begins."""
        plan = self._plan
        self._components = make_components(plan, self._around, until_end=self._until_end, store=store)
        flow = self._build_dispatchers()
        stored = await asyncio.to_thread(store.load) if store.is_blocking else store.load()
        for segment in plan.segments:
            collector = self._collector(segment.collector)
            tracker = Tracker(segment.collector, segment.dispatchers, collector.covers)
            self._trackers[segment.collector] = tracker
            former = former_id(plan, segment.collector, stored)
            known = {name: stored[id, name] for id, name in stored if id == (former or segment.collector)}
            tracker.resume(known)
            await save(store, _first_changes(tracker, known, former))
        collectors = {id: self._collector(id) for id in self._trackers}
        checkpoints = CheckpointLoop(
            store, self._trackers, collectors, self._dispatching, self._dependencies(), self._halt, self._around
        )
        for id, tracker in self._trackers.items():
            self._collecting[id] = CollectLoop(
                plan.node(id),
                collectors[id],
                tracker,
                flow,
                self._halt,
                self._around,
                lambda: checkpoints.checkpoint(1.0),
            )
        self._around.registry.refresh.append(self._refresh)
        return checkpoints

    def _build_dispatchers(self) -> Flow:
        nodes = [node for node in self._plan.nodes if node.kind == "dispatcher"]
        budget = Budget(self._plan.options.memory_limit_bytes, len(nodes))
        mailboxes: dict[str, Mailbox] = {}
        metrics = {node.id: self._around.metrics(node.id) for node in self._plan.nodes}
        segments = {
            segment.collector: SegmentRun(segment, self._components, metrics, self._around.clock)
            for segment in (*self._plan.segments, *self._plan.error_segments)
        }
        held = {
            segment.collector: SegmentRun(segment, self._components, metrics, self._around.clock)
            for segment in self._plan.held_segments
        }
        flow = Flow(segments, held, mailboxes, self._room, self._around)
        for segment in self._plan.held_segments:
            transformer = self._components[segment.collector]
            assert isinstance(transformer, StatefulTransformer)
            node = self._plan.node(segment.collector)
            holding = HoldLoop(node, transformer, flow, self._halt, self._around)
            flow.keepers[node.id] = holding
            self._holding.append(holding)
        for node in nodes:
            config = node.config
            assert isinstance(config, DispatcherConfig)
            mailbox = mailboxes[node.id] = Mailbox(budget, Batcher(config.batch, config.format))
            dispatcher = self._components[node.id]
            assert isinstance(dispatcher, Dispatcher)
            loop = DispatchLoop(node, dispatcher, mailbox, flow, self._halt, self._around)
            mailbox.on_arrival, mailbox.on_room = loop.arrived.ring, self._room.ring
            self._dispatching[node.id] = loop
        return flow

    def _collector(self, id: str) -> Collector:
        component = self._components[id]
        assert isinstance(component, Collector)
        return component

    def _dependencies(self) -> dict[str, list[str]]:
        """By dispatcher: itself and whoever may take dead letters that its cursor waits for."""
        plan = self._plan
        below: dict[str, list[Segment]] = {}
        for segment in (*plan.error_segments, *plan.held_segments):
            below.setdefault(segment.collector, []).append(segment)
        found: dict[str, list[str]] = {}
        for id in self._dispatching:
            starts = [
                id,
                *(name for segment in plan.segments if id in segment.dispatchers for name in _passed(plan, segment)),
            ]
            reached = {id: None}
            seen = set(starts)
            while starts:
                for segment in below.get(starts.pop(), ()):
                    starts += {*segment.dispatchers, *_passed(plan, segment)} - seen
                    seen.update(starts)
                    reached.update(dict.fromkeys(segment.dispatchers))
            found[id] = list(reached)
        return found

    async def _open_http(self) -> None:
        if self._plan.options.http:
            self.http = HttpEndpoint(self._around.registry.exposition, lambda: self._halt.problems, self.troubles)
            await self.http.open(self._plan.options.http)

    async def _open_transformers(self) -> None:
        """Raises SetupError, which names the node."""
        for id, component in self._components.items():
            if isinstance(component, Transformer):
                try:
                    await component.open()
                except ComponentError as error:
                    error.node = error.node or id
                    raise

    async def _wait_for_end(self, collecting: set[asyncio.Task[None]]) -> None:
        """Until told to stop, until something failed, or until every collector came to its end."""
        while not (self._is_ending or all(task.done() for task in collecting)):
            await self._bell.wait()

    @property
    def _is_ending(self) -> bool:
        """Is there something else than the end of input that ends the run?"""
        return self.is_stopping or bool(self._halt.problems)

    async def _flush_held(self) -> None:
        """In the order of the graph: what one lets go may come to the next one."""
        try:
            for holding in self._holding:
                await holding.flush(None)
        except WlfError as error:
            self._halt.fail("", error)
        finally:
            self._bell.ring()

    async def _wind_down(
        self, collecting: set[asyncio.Task[None]], checkpoints: CheckpointLoop, storing: asyncio.Task[None]
    ) -> None:
        """Collect no more, drain, store. At the end of input there is no hurry; a stop has `shutdown_timeout_ms`."""
        for loop in self._collecting.values():
            loop.stop()
        for dispatching in self._dispatching.values():
            dispatching.mailbox.batcher.draining = True
            dispatching.arrived.ring()
        is_drained = await self._drain(collecting)
        seconds = self._plan.options.shutdown_timeout_ms / 1000
        for task in collecting:
            task.cancel()
        await asyncio.wait(collecting, timeout=CLOSE_SECONDS)
        await self._store_rest(checkpoints, storing, seconds * 0.2)
        if not is_drained or self._halt.problems:
            self._report_leftovers()

    async def _drain(self, collecting: set[asyncio.Task[None]]) -> bool:
        """Wait until every mailbox that still can is empty; False when the time was up before."""
        loop = asyncio.get_running_loop()
        until: float | None = None
        while not self._is_drained(collecting):
            if until is None and (self.is_stopping or self._halt.problems):
                until = loop.time() + self._plan.options.shutdown_timeout_ms / 1000 * 0.6
            if until is not None and loop.time() >= until:
                return False
            drained = asyncio.ensure_future(self._room.listen().wait())
            stopped = asyncio.ensure_future(self._bell.listen().wait())
            await asyncio.wait(
                (drained, stopped),
                timeout=None if until is None else until - loop.time(),
                return_when=asyncio.FIRST_COMPLETED,
            )
            drained.cancel()
            stopped.cancel()
        return True

    def _is_drained(self, collecting: set[asyncio.Task[None]]) -> bool:
        live = [loop for loop in self._dispatching.values() if not loop.is_halted]
        if any(loop.mailbox.events for loop in live):
            return False
        return all(task.done() for task in collecting)

    async def _store_rest(self, checkpoints: CheckpointLoop, storing: asyncio.Task[None], seconds: float) -> None:
        loop = asyncio.get_running_loop()
        checkpoints.stop()
        until = loop.time() + seconds
        while True:
            await asyncio.wait([storing], timeout=max(0.1, until - loop.time()))
            await checkpoints.checkpoint(max(0.1, until - loop.time()), flush_all=True)
            if not checkpoints.has_more() or loop.time() >= until:
                break
            await asyncio.sleep(min(0.1, seconds / 10))
        if checkpoints.has_more() and not self._halt.problems:
            self._halt.note("some cursors could not be stored: the next run begins further back")

    def _report_leftovers(self) -> None:
        for loop in self._dispatching.values():
            count = loop.mailbox.events + loop.mailbox.undelivered
            if count:
                reason = f": {loop.trouble}" if loop.trouble and not loop.is_halted else ""
                self._halt.note(f"{loop.id}: {count} events not delivered{reason}; the next run reads them again")
        if not self._halt.problems:
            self._halt.note("not everything that was collected could be handed over; the next run reads it again")

    async def _close(self) -> None:
        """Let all components go; one that takes too long is left behind."""
        closing = {asyncio.create_task(component.close()): id for id, component in self._components.items()}
        if self.http is not None:
            await self.http.close()
        if not closing:
            return
        done, pending = await asyncio.wait(closing, timeout=CLOSE_SECONDS)
        for task in pending:
            task.cancel()
        for task in done:
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            if error is not None:
                # Everything is delivered and stored by now, or reported as not.
                self._around.logger.warning("cannot close: %s", describe(closing[task], error))

    def status(self) -> Status:
        """How the run is doing, with rates since the last call."""
        now = self._around.clock.monotonic()
        registry = self._around.registry
        counts = {id: registry.by_node("wlf_events_in_total").get(id, 0.0) for id in self._collecting}
        counts |= {id: registry.by_node("wlf_events_out_total").get(id, 0.0) for id in self._dispatching}
        then, before = self._rate_marks
        self._rate_marks = (now, counts)
        seconds = now - then if before else 0.0
        rates = {id: (count - before.get(id, 0.0)) / seconds if seconds > 0 else 0.0 for id, count in counts.items()}
        doing = {id: loop.collector.doing() for id, loop in self._collecting.items()}
        return Status(rates, self._lag(), self._in_flight(), self.troubles(), doing)

    def _lag(self) -> Mapping[str, Mapping[str, float]]:
        return {id: loop.collector.lag() for id, loop in self._collecting.items()}

    def _in_flight(self) -> Mapping[str, int]:
        return {id: loop.mailbox.events for id, loop in self._dispatching.items()}

    def troubles(self) -> Mapping[str, str]:
        """The nodes that are not ready, with the reason."""
        if not self._collecting:
            return {"wlf": "starting"}
        troubles = {id: loop.trouble for id, loop in self._collecting.items() if loop.trouble}
        for id, loop in self._dispatching.items():
            reason = loop.why_not_ready()
            if reason:
                troubles[id] = reason
        return troubles

    def _refresh(self) -> None:
        """The gauges that are read off when somebody asks."""
        for id, lag in self._lag().items():
            for unit, value in lag.items():
                self._around.metrics(id).gauge(f"wlf_lag_{unit}", f"How far behind its source, in {unit}.").set(value)
        for id, loop in self._dispatching.items():
            metrics = self._around.metrics(id)
            metrics.gauge("wlf_in_flight_events", "Events that wait or are being delivered.").set(loop.mailbox.events)
            metrics.gauge("wlf_mailbox_weight_bytes", "Estimated memory of these events.").set(
                loop.mailbox.weight_bytes
            )

    def _counts(self) -> dict[str, dict[str, int]]:
        names = {
            "in": "wlf_events_in_total",
            "out": "wlf_events_out_total",
            "dropped": "wlf_dropped_events_total",
            "refused": "wlf_dead_letters_total",
            "retries": "wlf_retries_total",
        }
        counts: dict[str, dict[str, int]] = {node.id: {} for node in self._plan.nodes}
        for short, name in names.items():
            for node, value in self._around.registry.by_node(name).items():
                counts.setdefault(node, {})[short] = int(value)
        return counts


class _Tasks:
    """Tasks that end when the run does."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work, name=name))

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)


def _passed(plan: Plan, segment: Segment) -> set[str]:
    """The nodes that events of a segment pass, the stateful one at its end included."""
    nodes = {step.node for step in segment.steps}
    targets = {segment.entry, *(target for step in segment.steps for target in step.targets)}
    return nodes | (targets & {held.collector for held in plan.held_segments})


def _first_changes(tracker: Tracker, known: Mapping[str, Mapping[str, Cursor]], former: str | None) -> Changes:
    """What the store must say before anything is read: the lanes that exist, and what became of their cursors.

    What is taken over from the id `former` is written under the new one.
    """
    if former is not None:
        known = {}
    cursors: dict[Key, Cursor | None] = {}
    for name, lane in tracker.lanes.items():
        kept = {**lane.cursors, **lane.ahead}
        for partition in {*known.get(name, {}), *kept}:
            if known.get(name, {}).get(partition) != kept.get(partition):
                cursors[Key(tracker.collector, name, partition)] = kept.get(partition)
    lanes = [(tracker.collector, name) for name in tracker.lanes]
    return Changes(cursors, lanes, forgotten=() if former is None else (former,))
