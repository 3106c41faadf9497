"""What becomes of events that a transformer cannot take: its `on_error`, counted, and said once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from wlf.components.base import Component, Metrics
from wlf.errors import ComponentError, TransformFailed
from wlf.events import Event
from wlf.runtime.places import place_of

HINT = "`on_error: drop` counts such events, `dead_letter: ID` sends them elsewhere"


class Failure(NamedTuple):
    """An event that could not be transformed. What is `said` in logs holds nothing of it, other than the reason."""

    event: Event
    reason: str
    said: str


def failure_of(event: Event, error: Exception) -> Failure:
    """What an exception says about the one event for which it was raised."""
    if isinstance(error, TransformFailed) and error.reasons:
        reason = next(iter(error.reasons.values()))
        return Failure(event, reason, reason)
    if isinstance(error, ComponentError):
        return Failure(event, error.message, error.message)
    name = type(error).__name__
    return Failure(event, f"{name}: {error}", name)


def failures_of(events: Sequence[Event], error: TransformFailed, node: str) -> list[Failure]:
    """What a transformer says about some of the events that it was given. Raises ComponentError for wrong indices."""
    reasons = dict(sorted(error.reasons.items()))
    if any(not 0 <= index < len(events) for index in reasons):
        raise ComponentError(f"expected indices from 0 to {len(events) - 1} in TransformFailed", node=node)
    return [Failure(events[index], reason, reason) for index, reason in reasons.items()]


class ErrorRule:
    """The `on_error` of one node."""

    def __init__(self, node: str, component: Component, metrics: Metrics) -> None:
        config: Any = component.config
        self.policy: str = config.effective_on_error
        self._node = node
        self._component = component
        self._metrics = metrics
        self._said = False

    @property
    def stops(self) -> bool:
        """Does the first of them end the run?"""
        return self.policy == "stop"

    @property
    def passes(self) -> bool:
        """Do they go on as they came?"""
        return self.policy == "pass"

    @property
    def buries(self) -> bool:
        """Do they go to the dead letters?"""
        return self.policy == "dead_letter"

    def note(self, failed: Sequence[Failure]) -> None:
        """Count them, and say it for the first time. Raises ComponentError where the rule is to stop."""
        if not failed:
            return
        place, said = place_of(failed[0].event), failed[0].said
        if self.stops:
            raise ComponentError(f"{said} at {place}", node=self._node, hint=HINT)
        name, help = "wlf_failed_events_total", "Events that could not be transformed, by what became of them."
        self._metrics.counter(name, help, on_error=self.policy).add(len(failed))
        if self.policy == "drop":
            name, help = "wlf_dropped_events_total", "Events that ended here, by reason."
            self._metrics.counter(name, help, reason="failed").add(len(failed))
        if not self._said:
            self._said = True
            text = "cannot transform %s: %s (on_error: %s; all such are counted)"
            self._component.context.logger.warning(text, place, said, self.policy)
