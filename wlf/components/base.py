"""The six kinds of components and what the runtime gives them. Whoever writes a component reads this file alone."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

from wlf.components.config import (
    CollectorConfig,
    ComponentConfig,
    DispatcherConfig,
    RouterConfig,
    TransformerConfig,
)
from wlf.errors import SetupError
from wlf.events import Event, Kinds
from wlf.events.expressions import ExpressionError


class Clock(Protocol):
    """Time, so that tests can bring their own."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...

    def time(self) -> float:
        """Seconds since 1970."""
        ...


class Counter(Protocol):
    """A number of the metrics endpoint: cheap enough to move once a batch."""

    value: float

    def add(self, amount: float = 1) -> None:
        """Move it up."""
        ...

    def set(self, value: float) -> None:
        """Say what it is (gauges)."""
        ...


class Metrics(Protocol):
    """Makes the node's own counters and gauges; the runtime adds the `node` label."""

    def counter(self, name: str, help: str, **labels: str) -> Counter:
        """A number that only rises, such as `wlf_dropped_events_total`."""
        ...

    def gauge(self, name: str, help: str, **labels: str) -> Counter:
        """A number that comes and goes, such as `wlf_lag_seconds`."""
        ...


class State(Protocol):
    """What a collector keeps beside its positions: a few small values under names, durable, gone with the cursors."""

    async def load(self, prefix: str = "") -> dict[str, bytes]:
        """All values whose name begins so. Raises StateError."""
        ...

    async def save(self, changes: Mapping[str, bytes | None]) -> None:
        """Write (None: remove) all or nothing; durable when it returns. Raises StateError."""
        ...


class MemoryState:
    """A State that is gone with the process: for tests, and for a component that is only asked something."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def load(self, prefix: str = "") -> dict[str, bytes]:
        """See State."""
        return {name: value for name, value in self.values.items() if name.startswith(prefix)}

    async def save(self, changes: Mapping[str, bytes | None]) -> None:
        """See State."""
        for name, value in changes.items():
            if value is None:
                self.values.pop(name, None)
            else:
                self.values[name] = value


@dataclass(frozen=True, slots=True)
class Context:
    """What the runtime hands to each component."""

    node: str
    logger: logging.Logger
    metrics: Metrics
    clock: Clock
    pipeline: str = "wlf"
    wants: Callable[[str, str], bool] = field(default=lambda database, table: True)
    """Collectors only: does any path below want rows of this table? Asked once per table version."""
    until_end: bool = False
    """Collectors only: return None from `collect()` once what was the end at `open()` is reached."""
    incoming: Kinds = frozenset()
    """Transformers and routers only: the event types that arrive; empty where that is not known."""
    formats: frozenset[str] = frozenset()
    """Collectors only: the output formats of all dispatchers of the graph."""
    state: State = field(default_factory=MemoryState)
    """Collectors only."""


class Problem(NamedTuple):
    """Something in a config that cannot work with the events that arrive: an error before the run.

    Args:
        option: the option's path, such as `routes[0].when`.
        at: the character of its text, from 0; None where all of it is meant.
        fault: sorts it: `field` is missing in the events, `type` can never make sense, `option` is all else.
        word, known: what was written, and what could have been meant.
    """

    option: str
    message: str
    hint: str = ""
    at: int | None = None
    fault: Literal["option", "syntax", "field", "type"] = "option"
    word: str = ""
    known: tuple[str, ...] = ()

    @classmethod
    def of(cls, option: str, error: ExpressionError) -> Problem:
        """A mistake in an expression."""
        return cls(option, error.message, error.hint, error.at, error.fault, error.word, error.known)


class Component(ABC):
    """A node. `__init__` does no I/O: it may run only to check a config."""

    type_name: ClassVar[str]
    """The name in the YAML, without the suffix of its kind: `Kafka` (so `KafkaDispatcher` works too). Of a class that
    stands beside the YAML, its own name."""
    Config: ClassVar[type[ComponentConfig]]
    """Its options; without any of its own, those of its kind."""
    accepts: ClassVar[Kinds] = frozenset((Event,))
    """Event types that may arrive; a type stands for its subtypes too."""

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @classmethod
    def problems(cls, config: Any, incoming: Kinds) -> Iterable[Problem]:
        """What of the config cannot work with the event types that arrive."""
        return ()

    async def close(self) -> None:  # noqa: B027 - most have nothing to let go of
        """Let go of everything. May be called twice, and without `open()`."""


class Collected(NamedTuple):
    """What one `collect()` brought.

    `positions` maps a partition of the source (the binlog; one file) to the opaque place where a restart would read
    on: only what changed, {} in the middle of a transaction, None to forget a partition. Empty events with positions
    is legal.

    A position covers all events of its batch: what follows it goes into the next one. A partition that is read for the
    first time is announced by empty events with the position where reading begins, so that every dispatcher has it.

    `partition` says what events without positions belong to, where a source has several partitions. `until` is a place
    in it that is never stored: who has all before that one has these events. Without it, whoever is anywhere ahead in
    the partition is taken to have them.
    """

    events: list[Event]
    positions: Mapping[str, bytes | None]
    partition: str | None = None
    until: bytes | None = None


class Collector(Component):
    """Reads a source."""

    Config: ClassVar[type[ComponentConfig]] = CollectorConfig

    @classmethod
    @abstractmethod
    def emits(cls, config: Any) -> Kinds:
        """The event types that this configuration can bring."""

    @classmethod
    def switched_off(cls, config: Any) -> Mapping[str, str]:
        """Fields that its events leave out with this configuration, and the option that would bring each."""
        return {}

    @abstractmethod
    async def open(self, positions: Mapping[str, bytes]) -> None:
        """Get ready to read on from `positions` ({}: from wherever the config says). Connects; raises SetupError."""

    @abstractmethod
    async def collect(self) -> Collected | None:
        """What is there, without waiting to fill a batch; waits only while there is nothing. None = end of input.

        Never called concurrently; cancelled only between calls, at shutdown. Raises Retryable when the source is lost:
        the runtime closes, backs off and opens again at the last *collected* positions, without replay.
        """

    async def commit(self, positions: Mapping[str, bytes]) -> None:
        """The cursors are stored: what lies before will not be asked for again."""

    def covers(self, cursor: bytes, position: bytes) -> bool:
        """Is everything up to `position` already in `cursor`? Then the batch is withheld from that dispatcher."""
        return cursor == position

    def describe_position(self, position: bytes) -> str:
        """A stored position in words a person can compare and type, for `wlf position`."""
        return position.decode("utf-8", "backslashreplace")

    def parse_position(self, text: str) -> Mapping[str, bytes]:
        """Positions from what a person typed after `wlf position set`; raises SetupError where that cannot be."""
        raise SetupError(f"positions of {self.type_name} cannot be set by hand, got {text!r}")

    @classmethod
    def snapshot_request(cls, config: Any, tables: Sequence[str], comment: str | None) -> Mapping[str, bytes]:
        """What to leave in its state for `wlf snapshot`; raises SetupError where the source cannot be copied."""
        raise SetupError(f"{cls.type_name} has no snapshots: expected a Binlog collector that reads a server")

    def lag(self) -> Mapping[str, float]:
        """How far behind: `seconds` and `bytes`, as far as the source can tell."""
        return {}

    def doing(self) -> str:
        """What it is at, in a few words for the status line; "" while it simply reads."""
        return ""


class Transformer(Component):
    """Turns a list of events into a list of events, synchronously; omitting an event filters it."""

    Config: ClassVar[type[ComponentConfig]] = TransformerConfig
    drop_reason: ClassVar[str] = "filtered"
    """With which reason omitted events are counted in `wlf_dropped_events_total`."""

    @classmethod
    def emits(cls, config: Any, incoming: Kinds) -> Kinds:
        """The event types that leave, given those that arrive."""
        return incoming

    @classmethod
    def wants(cls, config: Any, database: str, table: str) -> bool:
        """Could a row of this table get through? False lets the collector skip decoding it."""
        return True

    @classmethod
    def keeps_tables(cls, config: Any) -> bool:
        """Do rows leave it with the database and table that they came with?

        False where it gives them others: the nodes behind it are not asked what they want, since it would be of tables
        that the collector does not know.
        """
        return True

    async def open(self) -> None:
        """Read what it needs beside its options, such as a file; once, before any event. Raises SetupError."""

    def runs_long(self, count: int) -> bool:
        """May a call with so many events take so long that nothing else should wait for it?

        Then the segment that the node is in runs in a thread, with the same events in the same order. Such a node
        must not touch the event loop in `transform`.
        """
        return False

    @abstractmethod
    def transform(self, events: Sequence[Event]) -> Sequence[Event]:
        """The events that go on. Must not change `events`; may return it as it is.

        Raises TransformFailed where single events cannot be transformed: the others go on, and `on_error` decides about
        these. After any other exception the events are tried one by one, unless `on_error` is stop.
        """


class StatefulTransformer(Transformer):
    """A transformer that keeps events until others come, or until their time is up.

    The runtime numbers the batches. As long as something of a batch is kept, the positions of its collectors stay
    before that batch: what is kept in memory is read again after a crash, and nothing has to be stored. What leaves
    may come twice then.
    """

    def transform(self, events: Sequence[Event]) -> Sequence[Event]:
        """`take` for who has no batches."""
        return self.take(events, 0)

    @abstractmethod
    def take(self, events: Sequence[Event], number: int) -> Sequence[Event]:
        """The events that are complete by now; what is kept of `events` belongs to the batch `number`.

        Numbers rise. Must keep nothing of `events` if it raises.
        """

    @abstractmethod
    def held_since(self) -> int | None:
        """The oldest batch of which something is kept; None where nothing is."""

    def due_at(self) -> float | None:
        """When `flush` has something, in seconds of the context's monotonic clock; None while it has nothing to wait
        for."""
        return None

    @abstractmethod
    def flush(self, now: float | None) -> Sequence[Event]:
        """What is due at `now`; at the end of input, with None, all that is kept. Not called at a mere stop."""


class Router(Component):
    """Sends events to several destinations."""

    Config: ClassVar[type[ComponentConfig]] = RouterConfig
    drop_reason: ClassVar[str] = "filtered"
    """With which reason events that go nowhere are counted in `wlf_dropped_events_total`."""

    @classmethod
    def destinations(cls, config: Any) -> Sequence[str]:
        """The ids it can send to, in order."""
        return tuple(config.destinations)

    @classmethod
    def options_of(cls, config: Any) -> Mapping[str, str]:
        """The option in which each destination is named, where that is not `destinations`: for messages."""
        return {}

    @classmethod
    def labels(cls, config: Any) -> Mapping[str, str]:
        """What drawings write at the edges to single destinations, in place of the event types."""
        return {}

    @classmethod
    def emits(cls, config: Any, incoming: Kinds, destination: str) -> Kinds:
        """The event types that go to one destination."""
        return incoming

    @classmethod
    def wants(cls, config: Any, database: str, table: str, destination: str) -> bool:
        """Could a row of this table get to `destination`?"""
        return True

    @abstractmethod
    def route(self, events: Sequence[Event]) -> Mapping[str, Sequence[Event]]:
        """Events by destination. The same sequence object for several destinations is encoded once for all of them."""


class Outgoing(Protocol):
    """A batch on its way to one dispatcher."""

    @property
    def events(self) -> Sequence[Event]:
        """The events, in order."""
        ...

    def payloads(self) -> Sequence[bytes]:
        """The events in the dispatcher's `format`, index by index; encoded once for all that share the list."""
        ...

    def text(self) -> bytes:
        """The same in one piece, with a line end behind each where they are texts: for who writes them in a row."""
        ...

    def __len__(self) -> int: ...


class Partial(NamedTuple):
    """Some of a batch was not delivered; whatever is named in neither mapping was. Keys are indices, values reasons.

    `after_s` is how long to wait at least before the retry, as the other side said; 0 where it had no part in it, and
    the rest can go at once, which counts as no failed try.
    """

    retry: Mapping[int, str] = {}
    rejected: Mapping[int, str] = {}
    after_s: float | None = None


class Dispatcher(Component):
    """Delivers events to a system. The runtime retries, times out, counts and dead-letters: no retry loop in here."""

    Config: ClassVar[type[ComponentConfig]] = DispatcherConfig

    guarantee: ClassVar[str] = "at least once"

    @classmethod
    def describe_guarantee(cls, config: Any) -> str:
        """What a user may rely on with this configuration, for the start-up message."""
        return cls.guarantee

    async def open(self) -> None:
        """Connect. Raises SetupError for what trying again cannot mend, Retryable for the rest."""

    @abstractmethod
    async def dispatch(self, batch: Outgoing) -> Partial | None:
        """Deliver. None = all delivered; Partial = all but these; raise Retryable = nothing known to be delivered."""

    async def flush(self) -> None:
        """When this returns, all that `dispatch` delivered is durable. Called before a position is stored."""

    @classmethod
    def sole_writer_of(cls, config: Any) -> str | None:
        """What no other node may write to, such as a file's path: two nodes with the same text are refused."""
        return None

    @classmethod
    def names_of(cls, config: Any) -> Iterable[tuple[str, Any]]:
        """(option path, Template) of every template in the config."""
        from wlf.events.template import Template

        for name in config.__struct_fields__:
            value = getattr(config, name)
            if isinstance(value, Template):
                yield name, value
            elif hasattr(value, "__struct_fields__"):
                yield from ((f"{name}.{sub}", t) for sub, t in cls.names_of(value))
