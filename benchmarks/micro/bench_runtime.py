"""What the runtime itself costs an event: segment, mailboxes, batchers, tracker, and three dispatchers that do nothing.

    pytest benchmarks/micro/bench_runtime.py --benchmark-only

`extra_info.ns_per_event` is the figure to compare; it counts an event once, whatever the number of dispatchers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

import pytest

from benchmarks.micro.notes import note
from wlf.components.base import Collected, Outgoing
from wlf.components.config import BatchConfig, RouterConfig, TransformerConfig
from wlf.events import Event, LogLine
from wlf.runtime.batch import Batch
from wlf.runtime.batcher import Batcher
from wlf.runtime.flow import Flow
from wlf.runtime.instances import Surroundings, SystemClock, make_components
from wlf.runtime.mailbox import Budget, Mailbox
from wlf.runtime.runner import Runner
from wlf.runtime.segment import SegmentRun
from wlf.runtime.tracker import Entry, Several, Tracker
from wlf.runtime.wake import Bell
from wlf.runtime.weight import weigh
from wlf.testing import (
    CopyRouter,
    MemoryStore,
    PassTransformer,
    Record,
    RecordingConfig,
    RecordingDispatcher,
    ScriptedCollector,
    ScriptedConfig,
    build_plan,
)

SINKS = ("a", "b", "c")
EVENTS = 200_000


class NullDispatcher(RecordingDispatcher):
    """Delivers everything at once to nowhere."""

    async def dispatch(self, batch: Outgoing) -> None:
        return None

    async def flush(self) -> None:
        return None


class EncodingDispatcher(NullDispatcher):
    """As a real one: asks for the payloads."""

    async def dispatch(self, batch: Outgoing) -> None:
        batch.payloads()


class ReplayCollector(ScriptedCollector):
    """The same lists again and again, without work of its own."""

    async def collect(self) -> Collected | None:
        script = self.config.script
        if self._next == len(script):
            return None
        self._next += 1
        return Collected(script[self._next - 1], {"script": b"%012d" % self._next})


def make_script(size: int) -> list[list[Event]]:
    events: list[Event] = [LogLine("bench", n / 7, f"message number {n}") for n in range(size)]
    return [events] * (EVENTS // size)


def make_plan(size: int, dispatcher: Any = NullDispatcher) -> Any:
    return build_plan(
        (ReplayCollector, ScriptedConfig(id="source", destination="pass", script=make_script(size))),
        (PassTransformer, TransformerConfig(id="pass", destination="copies")),
        (CopyRouter, RouterConfig(id="copies", destinations=list(SINKS))),
        *((dispatcher, RecordingConfig(id=id, record=Record(), batch=BatchConfig(max_delay_ms=0))) for id in SINKS),
    )


@pytest.mark.parametrize("size", [1, 100, 2000])
def test_segment_mailboxes_batchers_and_tracker(benchmark: Any, size: int) -> None:
    """The pure parts on one path, driven by hand."""
    plan = make_plan(size)
    script = [tuple(events) for events in plan.node("source").config.script]
    if size == 1:
        script = script[:20_000]
    around = Surroundings(SystemClock(), lambda: 0.5, logging.getLogger("bench"))
    components = make_components(plan, around, until_end=True)
    metrics = {node.id: around.metrics(node.id) for node in plan.nodes}

    async def work() -> None:
        tracker = Tracker("source", SINKS, lambda cursor, position: cursor >= position)
        budget = Budget(1 << 26, len(SINKS))
        boxes = {id: Mailbox(budget, Batcher(BatchConfig(max_delay_ms=0), "json")) for id in SINKS}
        segment = SegmentRun(plan.segments[0], components, metrics, around.clock)
        flow = Flow({"source": segment}, boxes, Bell(), around)
        now = asyncio.get_running_loop().time() + 3600
        for number, events in enumerate(script):
            opened = tracker.begin({"p": b"%012d" % number})
            await flow.push("source", events, opened)
            opened.done()
            for box in boxes.values():
                out = box.take(now)
                assert out is not None
                for part in out.slices:
                    box.settle(part)
        assert tracker.is_settled

    benchmark.pedantic(lambda: asyncio.run(work()), rounds=5, warmup_rounds=1)
    note(benchmark, len(script) * size)


@pytest.mark.parametrize("size", [100, 2000])
@pytest.mark.parametrize("dispatcher", [NullDispatcher, EncodingDispatcher])
def test_whole_run(benchmark: Any, size: int, dispatcher: Any) -> None:
    """Tasks, checkpoints and all; with EncodingDispatcher, one JSON encoding of each event for the three."""
    plan = make_plan(size, dispatcher)

    def run() -> None:
        report = asyncio.run(Runner(plan, "unused", until_end=True, store=MemoryStore()).run())
        assert report.exit_code == 0
        assert report.counts["c"]["out"] == EVENTS

    benchmark.pedantic(run, rounds=5, warmup_rounds=1)
    note(benchmark, EVENTS)


@pytest.mark.parametrize("size", [1, 100, 2000])
def test_batcher(benchmark: Any, size: int) -> None:
    """Lists of that many events, put into one batcher and taken out in batches of 2 000."""
    batch = Batch(tuple(make_script(size)[0]))
    batcher = Batcher(BatchConfig(), "json")
    ticket = Several(())

    def work() -> int:
        taken = 0
        for _ in range(10_000 // size):
            batcher.add(batch, ticket, 0.0)
            while (out := batcher.take(0.0)) is not None:
                taken += len(out)
        while (out := batcher.take(1.0)) is not None:  # what is not full is due by now
            taken += len(out)
        return taken

    assert benchmark(work) == 10_000
    note(benchmark, 10_000)


@pytest.mark.parametrize("size", [1, 100, 2000])
def test_tracker(benchmark: Any, size: int) -> None:
    """Batches of that many events in three lanes, 50 of them under way, settled in order."""
    positions = [{"p": b"%012d" % number} for number in range(EVENTS // 10 // size or 1)]

    def work() -> None:
        tracker = Tracker("source", SINKS, lambda cursor, position: cursor >= position)
        under_way: deque[Entry] = deque()
        for position in positions:
            opened = tracker.begin(position)
            under_way += (entry for sink in SINKS if (entry := opened.expect(sink, size)) is not None)
            opened.done()
            while len(under_way) > 50 * len(SINKS):
                under_way.popleft().settle(size)
        for entry in under_way:
            entry.settle(size)
        assert tracker.is_settled

    benchmark(work)
    note(benchmark, len(positions) * size)


@pytest.mark.parametrize("size", [1, 100, 2000])
def test_weigh(benchmark: Any, size: int) -> None:
    """The estimate of one batch's weight."""
    events = tuple(make_script(size)[0])
    benchmark(weigh, events, 3)
    note(benchmark, size)


def test_payloads_are_encoded_once(benchmark: Any) -> None:
    """Three dispatchers asking for the column of 2 000 events: one encoding."""
    events = tuple(make_script(2000)[0])

    def ask() -> None:
        batch = Batch(events)
        for _ in SINKS:
            batch.payloads("json", 0, len(batch))

    benchmark(ask)
    note(benchmark, len(events))
