"""Leaves out events whose key was there before."""

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


class DedupeConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Dedupe."""

    key: Annotated[
        Expression,
        Meta(description="what makes events the same, such as `[file, message]`; null is never the same"),
    ]
    window_ms: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="how long after its first event a key is a duplicate; null: as long as it is remembered"),
    ] = None
    max_keys: Annotated[
        int, Meta(description="keys that are remembered at most; the one seen longest ago is forgotten", ge=1)
    ] = 100_000


class Dedupe(Transformer):
    """Lets the first event of each key through, and leaves out those that follow.

    The keys are remembered in memory: after a restart the first event of each goes on again, so nothing is lost. What
    is left out is counted in `wlf_dropped_events_total` with the reason `duplicate`.
    """

    type_name = "Dedupe"
    Config = DedupeConfig
    drop_reason = "duplicate"

    def __init__(self, config: DedupeConfig, context: Context) -> None:
        super().__init__(config, context)
        self._keys = keys(config.key.tree, context.incoming)
        self._window = float("inf") if config.window_ms is None else config.window_ms / 1000
        self._since: OrderedDict[Any, float] = OrderedDict()
        self._forgotten = context.metrics.counter(
            "wlf_forgotten_keys_total", "Keys that were forgotten because max_keys others were used later."
        )

    @classmethod
    def problems(cls, config: DedupeConfig, incoming: Kinds) -> Iterable[Problem]:
        """Mistakes in the expression."""
        return [Problem.of("key", error) for error in check(config.key.tree, incoming)]

    def transform(self, events: Sequence[Any]) -> Sequence[Event]:
        """Those whose key is new."""
        now, since, most = self.context.clock.monotonic(), self._since, self.config.max_keys
        expired = now - self._window
        kept = []
        for event, key in zip(events, self._keys(events), strict=True):
            if key is None:
                kept.append(event)
                continue
            first = since.get(key)
            if first is None or first <= expired:
                since[key] = now
                kept.append(event)
            since.move_to_end(key)
            if len(since) > most:
                since.popitem(last=False)
                self._forgotten.add()
        return rest_of(events, kept)
