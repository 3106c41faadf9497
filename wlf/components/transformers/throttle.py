"""Lets so many events of each key through in a time, and leaves out the rest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from msgspec import Meta

from wlf.components.base import Context, Problem, Transformer
from wlf.components.config import TransformerConfig
from wlf.events import Event, Kinds
from wlf.events.commits import rest_of
from wlf.events.expressions import Expression
from wlf.events.expressions.check import check
from wlf.events.expressions.keys import keys


class ThrottleConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Throttle."""

    max_events: Annotated[int, Meta(description="events of one key that go on in `interval_ms`, also at once", ge=1)]
    interval_ms: Annotated[int, Meta(description="the time in which they may", ge=1)] = 1_000
    key: Annotated[
        Expression | None, Meta(description="what is counted apart, such as `file`; null: all events together")
    ] = None
    max_keys: Annotated[
        int, Meta(description="keys that are remembered at most; the one unused for longest is forgotten", ge=1)
    ] = 100_000


class Throttle(Transformer):
    """Lets `max_events` of each key through in `interval_ms`, and leaves out the rest.

    What is not used up comes back evenly: a key that was quiet may send `max_events` at once. Time is that of the
    arrival, so a backlog is thinned out as well. What is left out is counted in `wlf_dropped_events_total` with the
    reason `throttled`.
    """

    type_name = "Throttle"
    Config = ThrottleConfig
    drop_reason = "throttled"

    def __init__(self, config: ThrottleConfig, context: Context) -> None:
        super().__init__(config, context)
        self._keys = None if config.key is None else keys(config.key.tree, context.incoming)
        self._each = config.interval_ms / 1000 / config.max_events
        self._most = config.interval_ms / 1000
        self._free_at: OrderedDict[Any, float] = OrderedDict()
        """When all of a key's events would be used up no more: one number says all."""
        self._forgotten = context.metrics.counter(
            "wlf_forgotten_keys_total", "Keys that were forgotten because max_keys others were used later."
        )

    @classmethod
    def problems(cls, config: ThrottleConfig, incoming: Kinds) -> Iterable[Problem]:
        """Mistakes in the expression."""
        found = [] if config.key is None else check(config.key.tree, incoming)
        return [Problem.of("key", error) for error in found]

    def transform(self, events: Sequence[Any]) -> Sequence[Event]:
        """What may go on now."""
        now, each = self.context.clock.monotonic(), self._each
        # One event more than nothing must fit, whatever floats make of the sum.
        latest = now + self._most - each * 0.999999
        free_at = self._free_at
        kept = []
        found = [None] * len(events) if self._keys is None else self._keys(events)
        for event, key in zip(events, found, strict=True):
            at = free_at.get(key, now)
            at = max(at, now)
            if at <= latest:
                free_at[key] = at + each
                kept.append(event)
            free_at.move_to_end(key)
        while len(free_at) > self.config.max_keys:
            free_at.popitem(last=False)
            self._forgotten.add()
        return rest_of(events, kept)
