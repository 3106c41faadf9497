"""Aggregator: several events with something in common become one, by count, by time, or where one begins or ends."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from wlf.components.base import Context, StatefulTransformer
from wlf.components.config import TransformerConfig
from wlf.components.transformers._aggregator.merge import Merge, Strategy, maker_of
from wlf.events import Event, Kinds
from wlf.events.aggregate import Aggregate
from wlf.events.template import MissingField, Pointer

Count = Annotated[int, Meta(ge=1)]
_KEPT = frozenset((str, int, float, bool, bytes, Decimal))
_GROUP_BYTES = 500
"""What a group takes beside its values."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An event whose value matches."""

    field: Annotated[str, Meta(description="pointer to a value, such as /message")]
    matches: Annotated[str, Meta(description="regular expression that is found in the value's text")]

    def __post_init__(self) -> None:
        _pointer(self.field)
        try:
            re.compile(self.matches)
        except re.error as error:
            raise ValueError(f"matches: expected a regular expression, got {self.matches!r}: {error}") from error


class MergeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the values of one field become one."""

    field: Annotated[str, Meta(description="pointer to the values, such as /message or /data/amount")]
    strategy: Annotated[
        Strategy,
        Meta(
            description="`first` and `last` value, `sum` of numbers, `min`, `max`, `list` of all, "
            "`concat` of their texts"
        ),
    ]
    separator: Annotated[str, Meta(description="between texts that are put together by `concat`")] = "\n"

    def __post_init__(self) -> None:
        _pointer(self.field)


class AggregatorConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Aggregator: whichever of max_events, max_delay_ms, idle_ms, begin and end comes first ends a group."""

    by: Annotated[
        list[str], Meta(description="pointers to what the events of a group have in common; default: all are one group")
    ] = msgspec.field(default_factory=list)
    merge: Annotated[list[MergeConfig], Meta(description="the fields that are merged; others are left out")] = (
        msgspec.field(default_factory=list)
    )
    max_events: Annotated[Count | None, Meta(description="a group ends with so many events")] = None
    max_delay_ms: Annotated[
        Count | None, Meta(description="a group ends so long after its first event came; `null`: never for that")
    ] = 10_000
    idle_ms: Annotated[Count | None, Meta(description="a group ends so long after its last event came")] = None
    begin: Annotated[Condition | None, Meta(description="such an event begins a group, and so ends the one before")] = (
        None
    )
    end: Annotated[Condition | None, Meta(description="such an event is the last one of its group")] = None
    max_groups: Annotated[int, Meta(description="of more open groups the oldest ends", ge=1)] = 10_000
    max_held_bytes: Annotated[
        int, Meta(description="when the values of all open groups take more, the oldest ends", ge=1024)
    ] = 16_777_216

    def __post_init__(self) -> None:
        ends = ("max_events", "max_delay_ms", "idle_ms", "begin", "end")
        if all(getattr(self, name) is None for name in ends):
            raise ValueError(f"expected at least one of {', '.join(ends)}: what ends a group")
        for what, pointers in (("by", self.by), ("merge", [each.field for each in self.merge])):
            names = [_pointer(pointer).path[-1] for pointer in pointers]
            doubled = next((name for name in names if names.count(name) > 1), None)
            if doubled is not None:
                raise ValueError(f"{what}: expected names that differ, got {doubled!r} twice")


class _Group:
    """What is known of one group so far."""

    __slots__ = ("bytes", "came_at", "count", "key", "last_at", "last_ts", "merges", "number", "ts")

    def __init__(self, key: tuple[Any, ...], number: int, now: float, ts: float, merges: list[Merge]) -> None:
        self.key = key
        self.number = number
        self.came_at = self.last_at = now
        self.ts = self.last_ts = ts
        self.count = 0
        self.bytes = _GROUP_BYTES
        self.merges = merges


class Aggregator(StatefulTransformer):
    """Groups events by what they have in common, and sends one Aggregate for each group.

    What is not sent yet is kept in memory alone: the positions of the collectors stay before it, so a crash loses
    nothing. An open group therefore holds back the positions of everything that comes through this node.
    """

    type_name = "Aggregator"
    Config = AggregatorConfig

    def __init__(self, config: AggregatorConfig, context: Context) -> None:
        super().__init__(config, context)
        self.config: AggregatorConfig = config
        self._by = [_pointer(pointer) for pointer in config.by]
        self._fields = [_pointer(merge.field) for merge in config.merge]
        self._keys_of = [_reader(pointer) for pointer in self._by]
        self._values_of = [_reader(pointer) for pointer in self._fields]
        self._makers = [maker_of(merge.strategy, merge.separator) for merge in config.merge]
        self._begins = _test_of(config.begin)
        self._ends = _test_of(config.end)
        self._max_delay = None if config.max_delay_ms is None else config.max_delay_ms / 1000
        self._idle = None if config.idle_ms is None else config.idle_ms / 1000
        self._now = context.clock.monotonic
        self._groups: OrderedDict[tuple[Any, ...], _Group] = OrderedDict()
        """The one that came first stands first."""
        self._touched: OrderedDict[tuple[Any, ...], _Group] = OrderedDict()
        """The one that an event came to the longest ago stands first."""
        self._bytes = 0
        metrics = context.metrics
        self._open = metrics.gauge("wlf_aggregator_open_groups", "Groups that have not ended.")
        self._held = metrics.gauge("wlf_aggregator_held_bytes", "Estimated memory of the groups that have not ended.")
        self._misfits = metrics.counter(
            "wlf_aggregator_skipped_values_total", "Values that a merge has no use for, such as a text in a sum."
        )
        self._ended = {
            reason: metrics.counter("wlf_aggregator_groups_total", "Groups that ended, by reason.", reason=reason)
            for reason in ("count", "time", "idle", "begin", "end", "memory", "input")
        }

    @classmethod
    def emits(cls, config: Any, incoming: Kinds) -> Kinds:
        """Aggregates."""
        return frozenset((Aggregate,))

    def take(self, events: Sequence[Event], number: int) -> Sequence[Event]:
        """See StatefulTransformer."""
        now = self._now()
        made: list[Event] = []
        for event in events:
            self._add(event, number, now, made)
        self._note()
        return made

    def held_since(self) -> int | None:
        """See StatefulTransformer."""
        first = next(iter(self._groups.values()), None)
        return None if first is None else first.number

    def due_at(self) -> float | None:
        """See StatefulTransformer."""
        due = []
        if self._groups and self._max_delay is not None:
            due.append(next(iter(self._groups.values())).came_at + self._max_delay)
        if self._touched and self._idle is not None:
            due.append(next(iter(self._touched.values())).last_at + self._idle)
        return min(due, default=None)

    def flush(self, now: float | None) -> Sequence[Event]:
        """See StatefulTransformer."""
        made: list[Event] = []
        while self._groups:
            group = next(iter(self._groups.values()))
            if now is None:
                made.append(self._end(group, "input"))
            elif self._max_delay is not None and group.came_at + self._max_delay <= now:
                made.append(self._end(group, "time"))
            else:
                break
        while self._touched and now is not None and self._idle is not None:
            group = next(iter(self._touched.values()))
            if group.last_at + self._idle > now:
                break
            made.append(self._end(group, "idle"))
        self._note()
        return made

    def _add(self, event: Event, number: int, now: float, made: list[Event]) -> None:
        key = tuple([read(event) for read in self._keys_of])
        group = self._groups.get(key)
        if group is not None and self._begins is not None and self._begins(event):
            made.append(self._end(group, "begin"))
            group = None
        ts = float(getattr(event, "ts", 0.0))
        if group is None:
            group = _Group(key, number, now, ts, [make() for make in self._makers])
            self._groups[key] = self._touched[key] = group
            self._bytes += group.bytes
        else:
            self._touched.move_to_end(key)
        group.count += 1
        group.last_at, group.last_ts = now, ts
        self._merge(group, event)
        if group.count == self.config.max_events:
            made.append(self._end(group, "count"))
        elif self._ends is not None and self._ends(event):
            made.append(self._end(group, "end"))
        while self._bytes > self.config.max_held_bytes or len(self._groups) > self.config.max_groups:
            made.append(self._end(next(iter(self._groups.values())), "memory"))

    def _merge(self, group: _Group, event: Event) -> None:
        for read, merge in zip(self._values_of, group.merges, strict=True):
            value = read(event)
            if value is None:
                continue
            try:
                more = merge.add(value)
            except TypeError:
                self._misfits.add()
                continue
            group.bytes += more
            self._bytes += more

    def _end(self, group: _Group, reason: str) -> Aggregate:
        del self._groups[group.key]
        del self._touched[group.key]
        self._bytes -= group.bytes
        self._ended[reason].add()
        results = zip(self._fields, [merge.result() for merge in group.merges], strict=True)
        return Aggregate(
            self.context.node,
            group.ts,
            group.last_ts,
            group.count,
            reason,
            {pointer.path[-1]: value for pointer, value in zip(self._by, group.key, strict=True)},
            {pointer.path[-1]: value for pointer, value in results if value is not UNSET},
        )

    def _note(self) -> None:
        self._open.set(len(self._groups))
        self._held.set(self._bytes)


def _pointer(text: str) -> Pointer:
    """Raises ValueError where it is none."""
    return Pointer(text)


def _reader(pointer: Pointer) -> Callable[[Event], Any]:
    """Reads a value that can be a key, or be kept; None where the event has none."""
    if len(pointer.path) == 1:
        name = pointer.field

        def read_field(event: Event) -> Any:
            value = getattr(event, name, None)
            return value if type(value) in _KEPT else _kept(value)

        return read_field

    def read(event: Event) -> Any:
        try:
            value = pointer.read(event)
        except MissingField:
            return None
        return value if type(value) in _KEPT else _kept(value)

    return read


def _kept(value: Any) -> Any:
    """What is no simple value is kept as its text."""
    return None if value is None or value is UNSET else str(value)


def _test_of(condition: Condition | None) -> Callable[[Event], bool] | None:
    if condition is None:
        return None
    read, found = _reader(_pointer(condition.field)), re.compile(condition.matches).search

    def matches(event: Event) -> bool:
        value = read(event)
        return value is not None and found(value if isinstance(value, str) else str(value)) is not None

    return matches
