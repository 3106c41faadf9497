"""The compiled graph: frozen tuples, no networkx, no YAML. This is all that the runtime sees of a config."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from wlf.components.base import Component
from wlf.components.config import ComponentConfig
from wlf.events import Kinds

NodeKind = Literal["collector", "transformer", "router", "dispatcher"]


class Node(NamedTuple):
    """One component of the graph with its checked config."""

    id: str
    kind: NodeKind
    type_name: str
    component: type[Component]
    config: ComponentConfig


class Edge(NamedTuple):
    """`kind` is `event`, or `error` for a dead-letter edge; `events` may travel along it."""

    source: str
    target: str
    kind: Literal["event", "error"]
    events: Kinds
    label: str = ""
    """What a router says of it, such as a condition."""


class Step(NamedTuple):
    """One transformer or router of a segment. `targets` are node ids: later steps or dispatchers."""

    node: str
    targets: tuple[str, ...]


class Segment(NamedTuple):
    """All that lies between one collector and the dispatchers, in topological order.

    `entry` is the collector's destination: a step's node or a dispatcher. `dispatchers` are all that it can reach over
    event edges. Dead-letter edges are not part of a segment. A stateful transformer ends a segment as a dispatcher
    does, and begins one of its own.
    """

    collector: str
    entry: str
    steps: tuple[Step, ...]
    dispatchers: tuple[str, ...]


class RuntimeOptions(NamedTuple):
    """The settings of the file's top level."""

    name: str
    http: str | None = None
    memory_limit_bytes: int = 41_943_040
    checkpoint_interval_ms: int = 1_000
    shutdown_timeout_ms: int = 10_000


class Plan(NamedTuple):
    """A compiled graph."""

    options: RuntimeOptions
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    segments: tuple[Segment, ...]
    error_segments: tuple[Segment, ...] = ()
    """For each node with `dead_letter`: a segment whose `collector` is that node's id and whose entry is the target."""
    held_segments: tuple[Segment, ...] = ()
    """For each stateful transformer: a segment whose `collector` is its id, for what it held."""
    warnings: tuple[Any, ...] = ()

    def node(self, id: str) -> Node:
        """The node of that id; KeyError if there is none."""
        for node in self.nodes:
            if node.id == id:
                return node
        raise KeyError(id)

    def wants(self, collector: str, database: str, table: str) -> bool:
        """Does any path below `collector` want rows of this table? OR over all paths, AND along each."""
        segment = next(s for s in self.segments if s.collector == collector)
        steps = {step.node: step for step in segment.steps}
        return self._wanted(segment.entry, steps, database, table)

    def _wanted(self, id: str, steps: dict[str, Step], database: str, table: str) -> bool:
        step = steps.get(id)
        if step is None:
            return True  # a dispatcher, or a stateful transformer
        node = self.node(id)
        component: Any = node.component
        if node.kind == "router":
            return any(
                component.wants(node.config, database, table, target) and self._wanted(target, steps, database, table)
                for target in step.targets
            )
        if not component.wants(node.config, database, table):
            return False
        if not component.keeps_tables(node.config):
            return True
        return any(self._wanted(target, steps, database, table) for target in step.targets)
