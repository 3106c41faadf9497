"""Fakes for tests of graphs and components: scripted sources, recording sinks, time that does not pass by itself.

record = Record()
report = run_graph(
    (ScriptedCollector, ScriptedConfig(id="source", destination="sink", script=[lines("a", "b"), EOF])),
    (RecordingDispatcher, RecordingConfig(id="sink", record=record)),
)
assert report.exit_code == 0
assert record.messages == ["a", "b"]
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from wlf.components.base import (
    Clock,
    Collected,
    Collector,
    Component,
    Dispatcher,
    Outgoing,
    Partial,
    Router,
    Transformer,
)
from wlf.components.config import CollectorConfig, ComponentConfig, DispatcherConfig, RouterConfig, TransformerConfig
from wlf.errors import Retryable
from wlf.events import DeadLetter, Event, Kinds, LogLine
from wlf.graph.plan import Edge, Node, NodeKind, Plan, RuntimeOptions
from wlf.graph.segments import segments_of
from wlf.runtime.report import RunReport
from wlf.runtime.runner import Runner
from wlf.runtime.store import Changes, CursorStore
from wlf.runtime.tracker import Cursor

T = TypeVar("T")


class Marker:
    """A step of a script that is no batch."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


EOF = Marker("EOF")
"""The end of the input."""
CRASH = Marker("CRASH")
"""wlf dies here, as by kill -9; a second run with the same script skips it."""
PAUSE = Marker("PAUSE")
"""Nothing comes for a while."""
STUCK = Marker("STUCK")
"""Of a dispatcher: the call never comes back."""
PAUSE_SECONDS = 0.05
FLUSH_SECONDS = 0.005


class Crashed(SystemExit):
    """Leaves the event loop at once, past all `except Exception`."""


class Part(list[Event]):
    """Events of a script that end in the middle of a transaction: they come without a position."""


def lines(*messages: str) -> list[Event]:
    """One LogLine for each message."""
    return [LogLine("test", 0.0, message) for message in messages]


class FakeClock:
    """A clock that moves when it is told to."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def time(self) -> float:
        """The same seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class _PatientSelector(selectors.SelectSelector):
    """Never waits: time jumps to when the next timer is due."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout:
            if self.threads:
                return super().select(timeout)
            self._clock.advance(timeout)
        return ready


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps from timer to timer, so that hours of backing off pass at once.

    `crash_after` ends it like kill -9 after so many turns.
    """

    def __init__(self, clock: FakeClock | None = None, crash_after: int | None = None) -> None:
        self.clock = clock or FakeClock()
        self._patient = _PatientSelector(self.clock)
        super().__init__(self._patient)
        self.turns = 0
        self.crash_after = crash_after

    def time(self) -> float:
        """The fake time."""
        return self.clock.now

    def run_in_executor(  # type: ignore[override]  # the library's stub ties the arguments to the function
        self, executor: Any, func: Any, *args: Any
    ) -> asyncio.Future[Any]:
        """As ever; time stands still while a thread works."""
        future = super().run_in_executor(executor, func, *args)
        self._patient.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self._patient.threads -= 1

    def _run_once(self) -> None:
        self.turns += 1
        if self.turns == self.crash_after:
            raise Crashed
        super()._run_once()  # type: ignore[misc]


class ScriptedConfig(CollectorConfig, frozen=True, kw_only=True):
    """A script: lists of events, exceptions to raise, and markers.

    The position of a list is the index behind it. `script` is shared by all runs of a test, so what happens once
    (CRASH, an exception) is replaced by an empty list when it has happened.
    """

    script: Any = ()
    announces: bool = True


class ScriptedCollector(Collector):
    """Reads a script. Positions are ordered numbers in one partition, `script`."""

    type_name = "Scripted"
    Config = ScriptedConfig

    @classmethod
    def emits(cls, config: Any) -> Kinds:
        """Anything."""
        return frozenset((Event,))

    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self._next = 0
        self._announced = not config.announces
        self.committed: list[int] = []
        self.opened_at: list[int] = []

    async def open(self, positions: Mapping[str, bytes]) -> None:
        """Go to the position."""
        self._next = int(positions.get("script", b"0"))
        self._announced = self._announced or "script" in positions
        self.opened_at.append(self._next)

    async def collect(self) -> Collected | None:
        """The next step of the script."""
        if not self._announced:
            self._announced = True
            return Collected([], {"script": b"%012d" % self._next})
        script = self.config.script
        step = script[self._next] if self._next < len(script) else EOF
        if step is EOF:
            return None
        if step is PAUSE:
            await asyncio.sleep(PAUSE_SECONDS)
        elif step is CRASH or isinstance(step, BaseException):
            script[self._next] = []
            raise step if isinstance(step, BaseException) else Crashed
        self._next += 1
        events = list(step) if isinstance(step, list) else []
        return Collected(events, {} if isinstance(step, Part) else {"script": b"%012d" % self._next})

    async def commit(self, positions: Mapping[str, bytes]) -> None:
        """Remember what it was told."""
        self.committed.append(int(positions["script"]))

    def covers(self, cursor: bytes, position: bytes) -> bool:
        """The numbers are ordered."""
        return cursor >= position


class Record:
    """What a RecordingDispatcher got, over all runs of a test.

    `script` says what happens to the next calls of `dispatch()`, one step each: None delivers, an exception is raised,
    a Partial is returned, STUCK never comes back. An empty script delivers.
    """

    def __init__(self, script: Iterable[Any] = ()) -> None:
        self.script = list(script)
        self.events: list[Event] = []
        self.durable = 0
        """How many of `events` were flushed."""
        self.batches: list[Outgoing] = []
        """What each call of `dispatch()` was given."""

    @property
    def messages(self) -> list[str]:
        """The messages of the delivered LogLines; of dead letters, those of the events inside."""
        inner: list[Any] = [event.event if isinstance(event, DeadLetter) else event for event in self.events]
        return [event.message for event in inner]


class RecordingConfig(DispatcherConfig, frozen=True, kw_only=True):
    """Where to record."""

    record: Any = None


class RecordingDispatcher(Dispatcher):
    """Keeps what it gets, and fails as it is told."""

    type_name = "Recording"
    Config = RecordingConfig

    async def dispatch(self, batch: Outgoing) -> Partial | None:
        """Do what the script says."""
        record: Record = self.config.record
        record.batches.append(batch)
        await asyncio.sleep(0)
        step = record.script.pop(0) if record.script else None
        if step is STUCK:
            await asyncio.get_running_loop().create_future()
        if isinstance(step, BaseException):
            raise step
        partial = step if isinstance(step, Partial) else Partial()
        known = range(len(batch))
        partial = partial._replace(
            retry={i: reason for i, reason in partial.retry.items() if i in known},
            rejected={i: reason for i, reason in partial.rejected.items() if i in known},
        )
        record.events += [e for i, e in enumerate(batch.events) if i not in partial.retry and i not in partial.rejected]
        return partial if partial.retry or partial.rejected else None

    async def flush(self) -> None:
        """All that was recorded is durable."""
        record: Record = self.config.record
        count = len(record.events)
        await asyncio.sleep(FLUSH_SECONDS)
        record.durable = count


class PassTransformer(Transformer):
    """Hands on the very list that it gets."""

    type_name = "Pass"
    Config = TransformerConfig

    def transform(self, events: Sequence[Event]) -> Sequence[Event]:
        """The same object."""
        return events


class CallConfig(TransformerConfig, frozen=True, kw_only=True):
    """A function from events to events."""

    call: Any = list


class CallTransformer(Transformer):
    """Calls the function of its config."""

    type_name = "Call"
    Config = CallConfig

    def transform(self, events: Sequence[Event]) -> Sequence[Event]:
        """What the function makes of them."""
        made: Sequence[Event] = self.config.call(events)
        return made


class CopyRouter(Router):
    """Sends the very list that it gets to every destination."""

    type_name = "Copy"
    Config = RouterConfig

    def route(self, events: Sequence[Event]) -> Mapping[str, Sequence[Event]]:
        """The same object for all."""
        return dict.fromkeys(self.config.destinations, events)


class MemoryStore:
    """Cursors that live as long as the test."""

    is_blocking = False

    def __init__(self) -> None:
        self.lanes: dict[tuple[str, str], dict[str, Cursor]] = {}
        self.state: dict[tuple[str, str], bytes] = {}

    def load(self) -> dict[tuple[str, str], dict[str, Cursor]]:
        """A copy of all."""
        return {lane: dict(cursors) for lane, cursors in self.lanes.items()}

    def save(self, changes: Changes) -> None:
        """All or nothing."""
        for lane in [lane for lane in self.lanes if lane[0] in changes.forgotten]:
            del self.lanes[lane]
        self.state = {key: value for key, value in self.state.items() if key[0] not in changes.forgotten}
        for lane in changes.lanes:
            self.lanes.setdefault(lane, {})
        for key, cursor in changes.cursors.items():
            cursors = self.lanes.setdefault((key.collector, key.dispatcher), {})
            if cursor is None:
                cursors.pop(key.partition, None)
            else:
                cursors[key.partition] = cursor

    def load_state(self, collector: str, prefix: str) -> dict[str, bytes]:
        """What a collector keeps, by name."""
        return {
            name: value for (owner, name), value in self.state.items() if owner == collector and name.startswith(prefix)
        }

    def save_state(self, collector: str, changes: Mapping[str, bytes | None]) -> None:
        """Write; None removes."""
        for name, value in changes.items():
            if value is None:
                self.state.pop((collector, name), None)
            else:
                self.state[collector, name] = value

    def close(self) -> None:
        """Nothing to let go of."""


def build_plan(*nodes: tuple[type[Component], ComponentConfig], **options: Any) -> Plan:
    """A plan without YAML and without checks; `options` are those of RuntimeOptions."""
    made = {
        config.id: Node(config.id, _kind(component), component.type_name, component, config)
        for component, config in nodes
    }
    edges = tuple(
        Edge(id, target, "event", frozenset((Event,))) for id, node in made.items() for target in _targets(node)
    )
    errors = tuple(
        Edge(id, node.config.dead_letter, "error", frozenset((Event,)))
        for id, node in made.items()
        if node.config.dead_letter is not None
    )
    nodes_of = tuple(made.values())
    edges += errors
    return Plan(RuntimeOptions(**{"name": "test", **options}), nodes_of, edges, *segments_of(nodes_of, edges))


def _kind(component: type[Component]) -> NodeKind:
    kinds: list[tuple[type[Component], NodeKind]] = [
        (Collector, "collector"),
        (Dispatcher, "dispatcher"),
        (Router, "router"),
    ]
    return next((kind for base, kind in kinds if issubclass(component, base)), "transformer")


def _targets(node: Node) -> tuple[str, ...]:
    config: Any = node.config
    if node.kind == "router":
        return tuple(config.destinations)
    return () if node.kind == "dispatcher" else (config.destination,)


def run_with_fake_time(work: Coroutine[Any, Any, T], *, loop: FakeTimeLoop | None = None) -> T:
    """Run a coroutine on a loop whose time jumps; raises Crashed where a script or the loop says so."""
    chosen = loop or FakeTimeLoop()
    with asyncio.Runner(loop_factory=lambda: chosen) as runner:
        try:
            return runner.run(work)
        except Crashed:
            # The dead do not complain about tasks that nobody waited for.
            chosen.set_exception_handler(lambda loop, context: None)
            raise
        finally:
            chosen.crash_after = None


def run_graph(
    *nodes: tuple[type[Component], ComponentConfig],
    store: CursorStore | None = None,
    loop: FakeTimeLoop | None = None,
    clock: Clock | None = None,
    until_end: bool = True,
    **options: Any,
) -> RunReport:
    """Run a graph of component classes and configs until its collectors end, in no time; raises Crashed."""
    chosen = loop or FakeTimeLoop()

    async def work() -> RunReport:
        plan = build_plan(*nodes, **options)
        runner = Runner(
            plan,
            "unused",
            until_end=until_end,
            clock=clock or chosen.clock,
            store=store or MemoryStore(),
            random=lambda: 0.5,
        )
        return await runner.run()

    return run_with_fake_time(work(), loop=chosen)


def refuse_first(count: int, reason: str = "down") -> list[Retryable]:
    """A script in which the first calls fail."""
    return [Retryable(reason) for _ in range(count)]
