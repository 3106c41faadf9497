"""Lets a share of the events through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from msgspec import Meta

from wlf.components.base import Context, Problem, Transformer
from wlf.components.config import TransformerConfig
from wlf.events import Event, Kinds
from wlf.events.commits import rest_of
from wlf.events.expressions import Expression
from wlf.events.expressions.check import check
from wlf.events.expressions.codegen import evaluating
from wlf.events.expressions.keys import keys, share_of

_WHOLE = 1 << 32


class SampleConfig(TransformerConfig, frozen=True, kw_only=True):
    """Options of Sample."""

    percent: Annotated[float, Meta(description="the share that goes on, such as 10 or 0.5", gt=0, le=100)]
    key: Annotated[
        Expression | None,
        Meta(
            description="what decides, such as `data.customer_id`: all events of a key go on, or none; "
            "null: events are counted, and every so many goes on"
        ),
    ] = None
    always: Annotated[
        Expression | None, Meta(description='events that go on in any case, such as `attributes.level == "ERROR"`')
    ] = None


class Sample(Transformer):
    """Lets a share of the events through, by number or by key.

    With a key the same events go on after a restart, and in another pipeline with the same share. The others are
    counted in `wlf_dropped_events_total` with the reason `sampled`.
    """

    type_name = "Sample"
    Config = SampleConfig
    drop_reason = "sampled"

    def __init__(self, config: SampleConfig, context: Context) -> None:
        super().__init__(config, context)
        kinds, clock = context.incoming, context.clock.time
        self._keys = None if config.key is None else keys(config.key.tree, kinds)
        self._always = None if config.always is None else evaluating(config.always.tree, kinds, clock, condition=True)
        self._below = config.percent / 100 * _WHOLE
        self._owed = 0.0

    @classmethod
    def problems(cls, config: SampleConfig, incoming: Kinds) -> Iterable[Problem]:
        """Mistakes in the expressions."""
        for option, expression in (("key", config.key), ("always", config.always)):
            if expression is not None:
                for error in check(expression.tree, incoming, condition=option == "always"):
                    yield Problem.of(option, error)

    def transform(self, events: Sequence[Any]) -> Sequence[Event]:
        """Its share of the events."""
        always = self._always(events) if self._always is not None else [False] * len(events)
        if self._keys is not None:
            pairs = zip(events, self._keys(events), always, strict=True)
            return rest_of(events, [e for e, key, sure in pairs if sure or share_of(key) < self._below])
        kept = []
        owed = self._owed
        for event, sure in zip(events, always, strict=True):
            if not sure:
                owed += self.config.percent
                if owed < 100:
                    continue
                owed -= 100
            kept.append(event)
        self._owed = owed
        return rest_of(events, kept)
