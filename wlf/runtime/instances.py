"""From the nodes of a plan to components that live: each gets its context."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from wlf.components.base import Clock, Component, Context, MemoryState, State
from wlf.components.config import DispatcherConfig
from wlf.events import Event
from wlf.graph.plan import Node, Plan
from wlf.runtime.metrics import MetricsRegistry, NodeMetrics
from wlf.runtime.state import StoredState
from wlf.runtime.store import CursorStore


class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all loops of a run share."""

    clock: Clock
    random: Callable[[], float]
    """Numbers in [0, 1)."""
    logger: logging.Logger
    registry: MetricsRegistry = field(default_factory=MetricsRegistry)

    def metrics(self, node: str) -> NodeMetrics:
        """The numbers of one node."""
        return NodeMetrics(self.registry, node)

    def log(self, node: str) -> logging.Logger:
        """The log of one node."""
        return self.logger.getChild(node)


def plain_context(node: str, pipeline: str) -> Context:
    """A context for a component that is asked something without being run."""
    return Context(
        node, logging.getLogger(f"wlf.{node}"), NodeMetrics(MetricsRegistry(), node), SystemClock(), pipeline
    )


def make_components(
    plan: Plan, around: Surroundings, *, until_end: bool, store: CursorStore | None = None
) -> dict[str, Component]:
    """One instance of every node, by id."""
    return {node.id: _make(plan, node, around, until_end, store) for node in plan.nodes}


def _make(plan: Plan, node: Node, around: Surroundings, until_end: bool, store: CursorStore | None) -> Component:
    common = (node.id, around.log(node.id), around.metrics(node.id), around.clock, plan.options.name)
    if node.kind == "collector":
        wants = functools.partial(plan.wants, node.id)
        formats = frozenset(other.config.format for other in plan.nodes if isinstance(other.config, DispatcherConfig))
        state: State = MemoryState() if store is None else StoredState(store, node.id)
        return node.component(
            node.config, Context(*common, wants=wants, until_end=until_end, formats=formats, state=state)
        )
    incoming = frozenset[type[Event]]().union(*(edge.events for edge in plan.edges if edge.target == node.id))
    return node.component(node.config, Context(*common, incoming=incoming))
