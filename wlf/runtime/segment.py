"""All transformers between a collector and the dispatchers, run over a list in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from wlf.components.base import Clock, Component, Metrics, Router, Transformer
from wlf.errors import ComponentError, TransformFailed
from wlf.events import Event
from wlf.graph.plan import Segment, Step
from wlf.runtime.on_error import HINT, ErrorRule, Failure, failure_of, failures_of
from wlf.runtime.places import place_of

SLICE_EVENTS = 2_000
"""Longer lists run in slices of this length, with a turn for everybody else between."""
STALL_SECONDS = 0.1
"""A call of a transformer that takes longer holds up everything else: it is counted."""

Column = tuple[Event, ...]


class Refused(NamedTuple):
    """Events that a transformer could not take and sends along its dead-letter edge, each with its reason."""

    node: str
    events: Column
    reasons: tuple[str, ...]


class Outcome(NamedTuple):
    """What a segment made of a list: events by dispatcher, and what was refused on the way."""

    outputs: dict[str, Column]
    refused: list[Refused]


class Lineage:
    """From which collected event each event comes, by identity: where ways meet again, that is their order.

    An event that was made of one other stands where that stood. For those that a transformer made in other numbers, see
    `keys`.
    """

    def __init__(self, events: Column) -> None:
        self._order = {id(event): index for index, event in enumerate(events)}
        self._alive: list[Column] = []
        """What was made meanwhile, so that no identity is used twice."""

    def note(self, events: Column, made: Column) -> None:
        """A transformer made `made` of `events`: one of each, if they are as many."""
        self._alive.append(made)
        if len(made) == len(events):
            order = self._order
            for event, new in zip(events, made, strict=True):
                if new is not event and id(event) in order:
                    order[id(new)] = order[id(event)]

    def keys(self, column: Column) -> Iterable[tuple[int, Event]]:
        """Each event with its place; an unknown one stands where the last known one before it in its list stands."""
        last = 0
        for event in column:
            last = self._order.get(id(event), last)
            yield last, event


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
        self.nodes = frozenset(step.node for step in segment.steps)
        self._long = [one for step in segment.steps if isinstance(one := components[step.node], Transformer)]
        self._entry = segment.entry
        self._clock = clock
        self._stages = [_Stage(step, components[step.node], metrics[step.node]) for step in segment.steps]
        arrows = [segment.entry, *(target for step in segment.steps for target in step.targets)]
        self._has_meetings = len(set(arrows)) < len(arrows)

    def runs_long(self, count: int) -> bool:
        """Does a node say that a list of this length should run in a thread?"""
        return any(transformer.runs_long(count) for transformer in self._long)

    def run(self, events: Column, *, in_thread: bool = False) -> Outcome:
        """Run all steps over `events`; `in_thread`: nobody waits meanwhile, so that no call is too long.

        Raises:
            ComponentError: a transformer failed whose `on_error` is stop; names the node and the event's place.
        """
        arrivals: dict[str, list[Column]] = {self._entry: [events]}
        refused: list[Refused] = []
        lineage = Lineage(events) if self._has_meetings else None
        for stage in self._stages:
            columns = arrivals.pop(stage.node, None)
            if columns is None:
                continue
            started = self._clock.monotonic()
            leaving = stage.run(_join(columns, lineage), refused, lineage)
            if not in_thread:
                stage.note_time(self._clock.monotonic() - started)
            for target, column in leaving:
                if column:
                    arrivals.setdefault(target, []).append(column)
        return Outcome({target: _join(columns, lineage) for target, columns in arrivals.items()}, refused)


class _Stage:
    """One step with its component and its counters."""

    def __init__(self, step: Step, component: Component, metrics: Metrics) -> None:
        self.node = step.node
        self._step = step
        self._component = component
        self._rule = ErrorRule(step.node, component, metrics)
        self._lineage: Lineage | None = None
        self._filtered = metrics.counter(
            "wlf_dropped_events_total",
            "Events that ended here, by reason.",
            reason=getattr(component, "drop_reason", "filtered"),
        )
        self._stalls = metrics.counter(
            "wlf_stall_seconds_total", "Time in calls of this node that took over 100 ms and held up everything else."
        )

    def note_time(self, seconds: float) -> None:
        """Count a call that was too long."""
        if seconds > STALL_SECONDS:
            self._stalls.add(seconds)

    def run(self, events: Column, refused: list[Refused], lineage: Lineage | None = None) -> list[tuple[str, Column]]:
        """The columns by target; what becomes of events that fail, `on_error` says."""
        self._lineage = lineage
        try:
            return self._run(events, refused)
        finally:
            self._lineage = None

    def _run(self, events: Column, refused: list[Refused]) -> list[tuple[str, Column]]:
        try:
            return self._call(events)
        except TransformFailed as error:
            return self._sort_out(events, error, refused)
        except Exception as error:
            if self._rule.stops:
                raise self._failure(events, error) from error
        return self._call_one_by_one(events, refused)

    def _call(self, events: Column) -> list[tuple[str, Column]]:
        if isinstance(self._component, Router):
            return self._route(self._component, events)
        assert isinstance(self._component, Transformer)
        return self._leaving(events, _frozen(self._component.transform(events)))

    def _leaving(self, events: Column, made: Column, without: frozenset[int] = frozenset()) -> list[tuple[str, Column]]:
        """What a transformer made, to each target; `without` are the ids of events that end here."""
        if len(made) < len(events):
            self._filtered.add(len(events) - len(made))
        if self._lineage is not None and made is not events:
            self._lineage.note(events, made)
        if without:
            made = tuple(event for event in made if id(event) not in without)
        return [(target, made) for target in self._step.targets]

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

    def _sort_out(self, events: Column, error: TransformFailed, refused: list[Refused]) -> list[tuple[str, Column]]:
        """The healthy events go on, the others as `on_error` says."""
        failed = failures_of(events, error, self.node)
        self._settle(failed, refused)
        without = frozenset[int]() if self._rule.passes else frozenset(id(each.event) for each in failed)
        return self._leaving(events, _frozen(error.events), without)

    def _call_one_by_one(self, events: Column, refused: list[Refused]) -> list[tuple[str, Column]]:
        """So that one poison event takes none of its neighbours along."""
        leaving: dict[str, list[Event]] = {}
        failed: list[Failure] = []
        for event in events:
            try:
                columns = self._call((event,))
            except Exception as error:  # any error of the component is the event's, unless `on_error` is stop
                failed.append(failure_of(event, error))
                columns = [(target, (event,)) for target in self._step.targets] if self._rule.passes else []
            for target, column in columns:
                leaving.setdefault(target, []).extend(column)
        self._settle(failed, refused)
        return [(target, tuple(column)) for target, column in leaving.items()]

    def _settle(self, failed: Sequence[Failure], refused: list[Refused]) -> None:
        self._rule.note(failed)
        if failed and self._rule.buries:
            column = tuple(each.event for each in failed)
            refused.append(Refused(self.node, column, tuple(each.reason for each in failed)))

    def _failure(self, events: Column, error: Exception) -> ComponentError:
        """Names the event by its place: the exception's own text might quote the payload."""
        place = next((place_of(event) for event in events if self._fails(event)), place_of(events[0]))
        if isinstance(error, ComponentError):
            return ComponentError(f"{error.message} at {place}", node=self.node, hint=error.hint)
        return ComponentError(f"{type(error).__name__} at {place}", node=self.node, hint=HINT)

    def _fails(self, event: Event) -> bool:
        try:
            self._call((event,))
        except Exception:  # this is the question
            return True
        return False


def _frozen(events: Sequence[Event]) -> Column:
    return events if type(events) is tuple else tuple(events)


def _join(columns: list[Column], lineage: Lineage | None) -> Column:
    """Bring lists that took different ways together again, in the order in which their events were collected."""
    if lineage is None or len(columns) == 1:
        return columns[0]
    keyed = [pair for column in columns for pair in lineage.keys(column)]
    keyed.sort(key=lambda pair: pair[0])
    return tuple(event for _, event in keyed)
