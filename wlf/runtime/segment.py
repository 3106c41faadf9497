"""All transformers between a collector and the dispatchers, run over a list in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from wlf.components.base import Clock, Component, Metrics, Router, Transformer
from wlf.errors import ComponentError
from wlf.events import Event
from wlf.graph.plan import Segment, Step
from wlf.runtime.places import place_of

SLICE_EVENTS = 2_000
"""Longer lists run in slices of this length, with a turn for everybody else between."""
STALL_SECONDS = 0.1
"""A call of a transformer that takes longer holds up everything else: it is counted."""

Column = tuple[Event, ...]


class Refused(NamedTuple):
    """Events that a transformer with a dead-letter edge could not take, with the reason."""

    node: str
    events: Column
    reason: str


class Outcome(NamedTuple):
    """What a segment made of a list: events by dispatcher, and what was refused on the way."""

    outputs: dict[str, Column]
    refused: list[Refused]


class SegmentRun:
    """A compiled segment. Nothing copies an event, and a list that passes untouched stays the same object."""

    def __init__(
        self,
        segment: Segment,
        components: Mapping[str, Component],
        metrics: Mapping[str, Metrics],
        clock: Clock,
    ) -> None:
        self.dispatchers = segment.dispatchers
        self._entry = segment.entry
        self._clock = clock
        self._stages = [_Stage(step, components[step.node], metrics[step.node]) for step in segment.steps]

    def run(self, events: Column) -> Outcome:
        """Run all steps over `events`.

        Raises:
            ComponentError: a transformer without a dead-letter edge raised; names the node and the event's place.
        """
        arrivals: dict[str, list[Column]] = {self._entry: [events]}
        refused: list[Refused] = []
        for stage in self._stages:
            columns = arrivals.pop(stage.node, None)
            if columns is None:
                continue
            started = self._clock.monotonic()
            leaving = stage.run(_join(columns, events), refused)
            stage.note_time(self._clock.monotonic() - started)
            for target, column in leaving:
                if column:
                    arrivals.setdefault(target, []).append(column)
        return Outcome({target: _join(columns, events) for target, columns in arrivals.items()}, refused)


class _Stage:
    """One step with its component and its counters."""

    def __init__(self, step: Step, component: Component, metrics: Metrics) -> None:
        self.node = step.node
        self._step = step
        self._component = component
        self._dead_letters = component.config.dead_letter is not None
        self._filtered = metrics.counter(
            "wlf_dropped_events_total", "Events that ended here, by reason.", reason="filtered"
        )
        self._stalls = metrics.counter(
            "wlf_stall_seconds_total", "Time in calls of this node that took over 100 ms and held up everything else."
        )

    def note_time(self, seconds: float) -> None:
        """Count a call that was too long."""
        if seconds > STALL_SECONDS:
            self._stalls.add(seconds)

    def run(self, events: Column, refused: list[Refused]) -> list[tuple[str, Column]]:
        """The columns by target; an exception is the end, or goes event by event to the dead letters."""
        try:
            return self._call(events)
        except Exception as error:
            if not self._dead_letters:
                raise self._failure(events, error) from error
        return self._call_one_by_one(events, refused)

    def _call(self, events: Column) -> list[tuple[str, Column]]:
        if isinstance(self._component, Router):
            return self._route(self._component, events)
        assert isinstance(self._component, Transformer)
        column = _frozen(self._component.transform(events))
        if len(column) < len(events):
            self._filtered.add(len(events) - len(column))
        return [(target, column) for target in self._step.targets]

    def _route(self, router: Router, events: Column) -> list[tuple[str, Column]]:
        routed = router.route(events)
        frozen: dict[int, Column] = {}
        leaving = []
        for target, chosen in routed.items():
            if target not in self._step.targets:
                raise ComponentError(f"expected one of {', '.join(self._step.targets)}, got destination {target!r}")
            column = frozen.get(id(chosen))
            if column is None:
                column = frozen[id(chosen)] = _frozen(chosen)
            leaving.append((target, column))
        if all(len(column) < len(events) for _, column in leaving):
            kept = len({id(event) for _, column in leaving for event in column})
            self._filtered.add(max(0, len(events) - kept))
        return leaving

    def _call_one_by_one(self, events: Column, refused: list[Refused]) -> list[tuple[str, Column]]:
        """So that one poison event takes none of its neighbours along."""
        leaving: dict[str, list[Event]] = {}
        for event in events:
            try:
                for target, column in self._call((event,)):
                    leaving.setdefault(target, []).extend(column)
            except Exception as error:  # any error of the component is the event's, once it has a dead-letter edge
                refused.append(Refused(self.node, (event,), f"{type(error).__name__}: {error}"))
        return [(target, tuple(column)) for target, column in leaving.items()]

    def _failure(self, events: Column, error: Exception) -> ComponentError:
        """Names the event by its place: the exception's own text might quote the payload."""
        place = next((place_of(event) for event in events if self._fails(event)), place_of(events[0]))
        if isinstance(error, ComponentError):
            return ComponentError(f"{error.message} at {place}", node=self.node, hint=error.hint)
        return ComponentError(
            f"{type(error).__name__} at {place}", node=self.node, hint="dead_letter: ID sends such events elsewhere"
        )

    def _fails(self, event: Event) -> bool:
        try:
            self._call((event,))
        except Exception:  # this is the question
            return True
        return False


def _frozen(events: Sequence[Event]) -> Column:
    return events if type(events) is tuple else tuple(events)


def _join(columns: list[Column], source: Column) -> Column:
    """Bring lists that took different ways together again, in the order in which their events were collected.

    An event that a transformer made stands where the last collected event before it in its list stands.
    """
    if len(columns) == 1:
        return columns[0]
    order = {id(event): index for index, event in enumerate(source)}
    keyed = [pair for column in columns for pair in _keys(column, order)]
    keyed.sort(key=lambda pair: pair[0])
    return tuple(event for _, event in keyed)


def _keys(column: Column, order: dict[int, int]) -> Iterable[tuple[int, Event]]:
    last = 0
    for event in column:
        last = order.get(id(event), last)
        yield last, event
